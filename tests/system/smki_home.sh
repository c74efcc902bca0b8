#!/bin/bash
# smki: homes, configuration, backups, the audit log.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"

program() { "$PROGRAMS/smki/smki" "$@"; }
fails() { # fails NAME TEXT COMMAND...: exit 1, the refusal is NAME and its one line has TEXT
    local name=$1 text=$2 status=0
    shift 2
    "$@" >/dev/null 2>"$folder/err" </dev/null || status=$?
    cat "$folder/err"
    [ "$status" -eq 1 ] && grep -qF -e "$text" "$folder/err" && grep -q "^smki: $name: " "$folder/err"
}
memory_of() { # memory_of COMMAND...: KiB resident at most
    python3 - "$@" <<'PYTHON'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PYTHON
}
settings() { printf '%s\n' "$1" >"$home/smki.json"; }
key() { smki config show --json | python3 -c "import json, sys; print([k['$2'] for k in json.load(sys.stdin) if k['path'] == '$1'][0])"; }

# ---- init ----

claim "init without a folder is not understood" test "$(env -u SMKI_HOME "$PROGRAMS/smki/smki" init >/dev/null 2>&1; echo $?)" = 2
claim "init takes SMKI_HOME" env SMKI_HOME="$home" "$PROGRAMS/smki/smki" init
claim "a home is whole" test -f "$home/smki.json" -a -d "$home/store" -a -d "$home/ca" -a -d "$home/keys" -a -d "$home/batches"
claim "its keys are its owner's" test "$(stat -c %a "$home"/keys/*.key | sort -u)" = 600
claim "init does not touch a home" fails STORE_NOT_EMPTY "$home" program init "$home"
claim "the keys that a neighbour could read are refused" bash -c "chmod 644 '$home/keys/audit.key'; ! '$PROGRAMS/smki/smki' --home '$home' status 2>'$folder/err' && grep -q 'chmod 600' '$folder/err'"
chmod 600 "$home/keys/audit.key"
claim "status counts" says "certificates         5" smki status
claim "status --json is JSON" is_json smki status --json

# ---- keys under a passphrase ----

answers() { # answers "WORD WORD..." COMMAND...: on a terminal of its own, a word for each question; ends as the command does
    python3 - "$@" <<'PYTHON'
import os, pty, sys
words = sys.argv[1].split()
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
shown = asked = b""
while True:
    try:
        got = os.read(terminal, 4096)
    except OSError:
        break
    if not got:
        break
    shown += got
    asked += got
    if b"Passphrase of" in asked and asked.endswith(b": ") and words:
        os.write(terminal, words.pop(0).encode() + b"\n")
        asked = b""
sys.stdout.write(shown.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) or bool(words))
PYTHON
}
encrypted() { [ "$(grep -lc 'BEGIN ENCRYPTED PRIVATE KEY' "$1"/keys/*.key | wc -l)" = 5 ] && ! grep -q ENCRYPTED "$1/keys/audit.key"; }

echo "correct horse" >"$folder/word"
chmod 640 "$folder/word"
claim "a passphrase file that others can read is refused" fails KEY_PERMISSIONS "chmod 600" program init "$folder/locked" --passphrase-file "$folder/word"
claim "and nothing is made" test ! -e "$folder/locked"
chmod 600 "$folder/word"
claim "init takes a passphrase file" bash -c "cd '$folder' && '$PROGRAMS/smki/smki' init locked --passphrase-file word"
claim "the CAs' keys are encrypted with it, the audit key is not" encrypted "$folder/locked"
claim "the configuration names it by its whole path" says "\"$folder/word\"" program --home "$folder/locked" config show
claim "and is right" program --home "$folder/locked" config check
claim "later commands open the keys with it" bash -c "cd / && '$PROGRAMS/smki/smki' --home '$folder/locked' ca crl dca"
echo "wrong horse" >"$folder/word"
claim "with another passphrase they do not open" fails KEY_PASSPHRASE "dca.key" program --home "$folder/locked" ca crl dca
claim "a passphrase that is asked for needs a terminal" fails KEY_PASSPHRASE "terminal" setsid -w "$PROGRAMS/smki/smki" init "$folder/asked" --ask-passphrase
claim "one way to give it at a time" test "$(program init "$folder/asked" --ask-passphrase --passphrase-file "$folder/word" >/dev/null 2>&1; echo $?)" = 2
if python3 -c 'import pty; pty.openpty()' 2>/dev/null; then
    claim "two that differ make nothing" test "$(answers "horse house" "$PROGRAMS/smki/smki" init "$folder/asked" --ask-passphrase >/dev/null; echo $?)" = 1
    claim "there is no home then" test ! -e "$folder/asked"
    claim "init asks twice" answers "horse horse" "$PROGRAMS/smki/smki" init "$folder/asked" --ask-passphrase
    claim "the keys are encrypted with what was typed" encrypted "$folder/asked"
    claim "later commands ask" answers "horse" "$PROGRAMS/smki/smki" --home "$folder/asked" ca crl dca
    claim "and take no other" test "$(answers "house" "$PROGRAMS/smki/smki" --home "$folder/asked" ca crl dca >/dev/null; echo $?)" = 1
    claim "what needs no CA key asks nothing" program --home "$folder/asked" status
fi

# ---- two at once ----

program init "$folder/both" >/dev/null 2>&1 &
first=$! status=0
program init "$folder/both" >/dev/null 2>&1 || status=$?
wait "$first" || status=$((status + $?))
claim "of two that make the same home at once one is refused" test "$status" = 1
claim "the other's home is whole" program --home "$folder/both" audit verify

# ---- configuration ----

claim "the configuration of init is right" smki config check
claim "every key has its source" says "CoCo 3" smki config show
claim "a default is said to be one" test "$(key night.capacity default)" = True
settings '{ /* ours */ "night": { "capacity": 1000 } }'
claim "a comment is none of its business" smki config check
claim "a set value is shown" test "$(key night.capacity value)" = 1000
claim "and said to be set" test "$(key night.capacity default)" = False
settings '{ "night": { "capacty": 1000 } }'
claim "an unknown key is refused with the nearest right name" fails CONFIG_INVALID "capacity" smki config check
claim "no command works with it" fails CONFIG_INVALID "capacity" smki party list
settings '{ "night": { "capacity": "many" } }'
claim "a wrong value is refused with its path" fails CONFIG_INVALID "night.capacity" smki config check
settings '{'
claim "a file that is cut off is refused" fails CONFIG_INVALID "smki.json" smki config check
echo '{}' >"$folder/other.json"
claim "another file can be checked" smki config check "$folder/other.json"
rm "$home/smki.json"
claim "no file at all is the defaults" smki config check

# ---- the audit log ----

for n in 1 2 3 4 5; do
    smki aro nominate --party "$(party "Party $n" "90B3D51F3000000$n" other other)" --name Ann --email ann@example.org >/dev/null
done
claim "the log is whole, and its head is signed" says "records, its head signed, 0 kept checkpoints" smki audit verify
claim "verify --json is JSON" is_json smki audit verify --json
claim "show has the last" test "$(smki audit show --last 3 | wc -l)" = 4
claim "show --json is JSON" is_json smki audit show --json
smki audit export "$folder/log"
claim "an exported log is its owner's" test "$(stat -c %a "$folder/log")" = 600
claim "its records are numbered without a gap" python3 -c "
import json; n = [json.loads(l)['sequence'] for l in open('$folder/log')]; assert n == list(range(1, len(n) + 1)) and n"
claim "on standard output it is the same" cmp "$folder/log" <(smki audit export -)
claim "a full disk is refused" test "$(smki audit export - >/dev/full 2>"$folder/err"; echo $?)" = 1
claim "a folder that is not there is refused" fails IO "none" smki audit export "$folder/none/log"

# A log many times as long takes no more memory to write.
few=$(memory_of "$PROGRAMS/smki/smki" --home "$home" audit export -)
python3 - "$folder/devices.csv" <<'PYTHON'
import sys
with open(sys.argv[1], "w") as out:
    out.write("device_id,type\n")
    for n in range(30000):
        out.write("%016X,ESME\n" % (0x90B3D51F40000000 + n))
PYTHON
smki device import "$folder/devices.csv" >/dev/null
for n in $(seq 150); do smki party update 1 --name "Party 1, $n" >/dev/null; done
many=$(memory_of "$PROGRAMS/smki/smki" --home "$home" audit export -)
echo "# audit export: $few KiB, then $many KiB"
claim "memory of an export does not grow with the log" test "$many" -le $((few + 4096))

# ---- backup and restore ----

claim "a backup is made" smki backup "$folder/backup"
claim "not over one" fails STORE_NOT_EMPTY "backup" smki backup "$folder/backup"
claim "it is its owner's" test "$(stat -c %a "$folder/backup" "$folder/backup/keys" "$folder"/backup/keys/*.key | sort -u | tr '\n' ' ')" = "600 700 "
claim "it is restored" program restore "$folder/backup" "$folder/home2"
claim "with all Parties" cmp <(smki party list --json) <(program --home "$folder/home2" party list --json)
claim "and a whole log" program --home "$folder/home2" audit verify
claim "a backup without keys has none" bash -c "'$PROGRAMS/smki/smki' --home '$home' backup --without-keys '$folder/public' && ! ls '$folder/public'/keys/*.key 2>/dev/null"
claim "restoring it says what is missing" says "put them into" program restore "$folder/public" "$folder/home4"
claim "restore wants a backup" fails 'STORE_MISSING' "none" program restore "$folder/none" "$folder/home3"
claim "restore wants two folders" test "$(program restore "$folder/backup" >/dev/null 2>&1; echo $?)" = 2
claim "nothing is left of a restore that failed" test ! -e "$folder/home3"
rm "$folder/backup/keys/dca.key"
claim "a key that the backup lacks is named" says "lacks dca.key" program restore "$folder/backup" "$folder/home5"

# ---- a home that lacks something ----

lacking() { program --home "$folder/home5" "$@"; }
claim "a key that is gone is to be put back" fails KEY_UNREADABLE "name the file with the private key, or put it back" lacking ca crl dca
rm "$folder/home5/ca/oca.pem"
claim "a CA certificate too" fails NOT_FOUND "put it back from a backup" lacking ca crl oca
claim "whose path is said once" test "$(lacking ca crl oca 2>&1 | grep -o 'oca[.]pem' | wc -l)" = 1
: >"$folder/home5/store/data.mdb"
claim "an empty store beside keys is not one for init" fails STORE_MISSING "smki restore" lacking status
rm -r "$folder/home5/store"
claim "nor is none" fails STORE_MISSING "smki restore" lacking status
finish
