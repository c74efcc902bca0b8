#!/bin/bash
# smki-token and smki aro issue-token, on SoftHSM2: every command; wrong, locked and transport PINs; a key that cannot be taken off; what fails half-way; curl with
# the token logs in to the portal.
# shellcheck source=tests/system/lib.sh disable=SC1091,SC2317
source "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh disable=SC1091
source "$ROOT/tests/system/web_lib.sh"
# shellcheck source=tests/system/portal_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_lib.sh"
# shellcheck source=tests/system/portal_web_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_web_lib.sh"
# shellcheck source=tests/system/token_lib.sh disable=SC1091
source "$ROOT/tests/system/token_lib.sh"
: "${SHIM:?the module over SoftHSM2}" "${TAKEN:?who tries to take a key off}"

if [ -z "$softhsm" ]; then
    echo "1..0 # SKIP there is no SoftHSM2 (Debian: softhsm2)"
    rm -rf "$folder"
    exit 0
fi
not() { ! "$@"; }
of() { # of FILTER COMMAND...: what Python's FILTER makes of the JSON that it prints
    local filter=$1
    shift
    "$@" --json | python3 -c "import json, sys; j = json.load(sys.stdin); print($filter)"
}
status_of() { of "$1" token status --token "$2" "${@:3}"; }
is() { [ "$1" = "$2" ]; } # is WHAT IT-SHOULD-BE
at "2026-11-23 10:00:00"
token_world
pin first 1357
pin second 24680
pin wrong 0000
pin wrong-so 00000000

for words in "" list status init key csr "certificate put" "certificate show" pin unblock browser; do
    # shellcheck disable=SC2086 # words are words
    claim "smki-token $words --help explains" says smki-token token $words --help
done

# ---- a token comes to life ----
claim "a token that is not initialised is listed so" says "not initialised" token list
claim "a dry run of init does nothing" says "would be initialised; it holds nothing" token init --label Bob --so-pin-file "$folder/so.pin" --pin-file "$folder/first.pin" --dry-run
refused 2 "which is told in words alone" token init --label Bob --dry-run --json
claim "really nothing" is "$(of 'len(j)' token list)" 1
refused 2 "no PIN is taken from the command line" token init --label Bob --so-pin 87654321
claim "nor repeated" because "--so-pin-file"
claim "not a digit of it" not because 87654321
refused 2 "not in one word either" token key --pin=1357
chmod 644 "$folder/first.pin"
claim "a PIN that others can read is refused" fails KEY_PERMISSIONS "chmod 600" token init --label Bob --so-pin-file "$folder/so.pin" --pin-file "$folder/first.pin"
chmod 600 "$folder/first.pin"
(umask 077 && printf '1357\0002468\n' >"$folder/nul.pin")
claim "a PIN is not cut where it has a NUL" fails TOKEN_PIN "octet 5" token init --label Bob --so-pin-file "$folder/so.pin" --pin-file "$folder/nul.pin"
claim "a label that could not be named again is refused" fails INVALID_ARGUMENT "printable" token init --label $'Bob\e[2J' --so-pin-file "$folder/so.pin" --pin-file "$folder/first.pin"
claim "so are blanks, with which labels are padded" fails INVALID_ARGUMENT "blank" token init --label "Bob " --so-pin-file "$folder/so.pin" --pin-file "$folder/first.pin"
claim "init prints the serial number" is "$(token init --label Bob --so-pin-file "$folder/so.pin" --pin-file "$folder/first.pin")" "$(of '[t["serial"] for t in j if t["label"] == "Bob"][0]' token list)"
claim "now it is ready" says "ready" token list
claim "with all tries" says "all" token status
claim "what is none is named, and what there is" fails TOKEN_MISSING '"Bob" in slot' token status --token Ann
claim "a module that is none is refused" fails TOKEN_MODULE "/nowhere.so" token list --module /nowhere.so
claim "without a module all that p11-kit knows are meant" says Bob env -u SMKI_TOKEN_MODULE "$PROGRAMS/token/smki-token" list
claim "or their proxy is named" says Bob token list --module "$(pkg-config --variable=proxy_module p11-kit-1)"

# ---- its key ----
claim "a wrong PIN makes no key" fails TOKEN_PIN "the PIN is wrong" token key --pin-file "$folder/wrong.pin"
claim "and is seen in the tries" is "$(status_of 'j["tries"]' Bob)" low
id=$(token key --pin-file "$folder/first.pin")
claim "the right one does" is "${#id}" 16
claim "and takes them back" is "$(status_of 'j["tries"]' Bob)" full
claim "nor one whose label could not be named again" fails INVALID_ARGUMENT "printable" token key --label $'a\xff' --pin-file "$folder/first.pin"
claim "not twice under one label" fails ALREADY_EXISTS "SMKI" token key --pin-file "$folder/first.pin"
claim "its private half is not seen without the PIN" is "$(status_of 'j["entries"][0]["key"]' Bob)" False
claim "it is what a key must be" is "$(status_of '[j["entries"][0][n] for n in ("key", "bits", "sensitive", "extractable", "always_sensitive", "never_extractable", "sign", "private")]' \
    Bob --pin-file "$folder/first.pin")" "[True, 2048, True, False, True, True, True, True]"
taken() { "$TAKEN" "$softhsm" "$@" | tee "$folder/taken"; }
claim "no part of it is given, nor is it wrapped" taken Bob "$folder/first.pin"
claim "but refused by CKA_VALUE" grep -q '^CKA_VALUE: refused' "$folder/taken"
claim "and by CKA_PRIVATE_EXPONENT as secret" grep -q '^CKA_PRIVATE_EXPONENT: refused, CKR_ATTRIBUTE_SENSITIVE$' "$folder/taken"
if command -v pkcs11-tool >/dev/null; then
    claim "OpenSC says so too" says "never extractable" pkcs11-tool --module "$softhsm" --token-label Bob --login --pin 1357 --list-objects --type privkey
fi
if command -v pkcs11-tool >/dev/null; then
    pkcs11-tool --module "$softhsm" --token-label Bob --login --pin 1357 --keypairgen --key-type rsa:2048 --extractable --label loose --id 77 >/dev/null 2>&1
    claim "where a key can be taken off, that is seen" not taken Bob "$folder/first.pin"
    claim "as wrapped" grep -q '^C_WrapKey: GIVEN' "$folder/taken"
    claim "and status says so" says "NOT BOUND" token status --pin-file "$folder/first.pin"
    pkcs11-tool --module "$softhsm" --token-label Bob --login --pin 1357 --delete-object --type privkey --id 77 >/dev/null 2>&1
    pkcs11-tool --module "$softhsm" --token-label Bob --login --pin 1357 --delete-object --type pubkey --id 77 >/dev/null 2>&1
fi

# ---- request and certificate ----
request_of() { token csr --pin-file "$folder/first.pin" --key SMKI --organisation 'Example Energy' --role supplier --name "$1" --out "$folder/$1.csr"; }
claim "a request is written" request_of Bob
claim "its signature is good" says "verify OK" openssl req -in "$folder/Bob.csr" -noout -verify
claim "its names are O, OU, CN" says "O=Example Energy" openssl req -in "$folder/Bob.csr" -noout -subject -nameopt sep_multiline,sname
claim "lint finds nothing in it" smki lint "$folder/Bob.csr"
refused 2 "a role that is none is named" token csr --pin-file "$folder/first.pin" --organisation X --role smith --name Bob
smki init >/dev/null
party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier >/dev/null
bob=$(officer 1 Bob)
smki credential issue --party 1 --officer "$bob" --interface portal-device --csr "$folder/Bob.csr" --out "$folder/bob.pem" >/dev/null
smki credential issue --party 1 --officer "$bob" --interface portal-org --generate "$folder/other" >/dev/null 2>&1
claim "a certificate of another key is not taken" fails KEY_MISMATCH "its private key is not there" token certificate put "$folder/other/cert.pem" --pin-file "$folder/first.pin"
claim "nor what is none" fails CERTIFICATE_MALFORMED "" token certificate put "$folder/Bob.csr" --pin-file "$folder/first.pin"
claim "its own is" is "$(token certificate put "$folder/bob.pem" --pin-file "$folder/first.pin")" "$id"
claim "twice is once" token certificate put "$folder/bob.pem" --pin-file "$folder/first.pin"
claim "it is shown without a PIN" cmp "$folder/bob.pem" <(token certificate show)
claim "status has its name and its end" says "Bob, until 20" token status

# ---- the PIN ----
claim "the new PIN is another one" fails INVALID_ARGUMENT "is the old one" token pin --pin-file "$folder/first.pin" --new-pin-file "$folder/first.pin"
claim "the old one must be right" fails TOKEN_PIN "the PIN is wrong" token pin --pin-file "$folder/wrong.pin" --new-pin-file "$folder/second.pin"
claim "then it is changed" token pin --pin-file "$folder/first.pin" --new-pin-file "$folder/second.pin"
claim "the old one opens nothing" fails TOKEN_PIN "" token status --pin-file "$folder/first.pin"
claim "the new one does" says "never off the token" token status --pin-file "$folder/second.pin"
claim "the SO PIN must be right" fails TOKEN_PIN "SO PIN" token unblock --so-pin-file "$folder/wrong-so.pin" --new-pin-file "$folder/first.pin"
claim "with it the PIN is set anew" token unblock --so-pin-file "$folder/so.pin" --new-pin-file "$folder/first.pin"
claim "and the key is still there" request_of Bob
claim "a PIN comes from the service manager" env CREDENTIALS_DIRECTORY="$folder" "$PROGRAMS/token/smki-token" status --pin-file credential:first.pin
cat >"$folder/typed.py" <<'PYTHON'
import os, pty, sys
pid, master = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
said, answers = b"", sys.argv[1].split(",")
while True:
    try:
        got = os.read(master, 1024)
    except OSError:
        break
    if not got:
        break
    said += got
    if answers and said.endswith(b": "):
        os.write(master, answers.pop(0).encode() + b"\n")
print(said.decode(), end="")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PYTHON
typed() { python3 "$folder/typed.py" "$@"; } # typed ANSWER,ANSWER COMMAND...: on a terminal
claim "a PIN is asked for on the terminal" says "BEGIN CERTIFICATE REQUEST" typed 1357 env SMKI_TOKEN_MODULE="$softhsm" "$PROGRAMS/token/smki-token" csr --organisation 'Example Energy' --role supplier --name Bob
claim "by the token's name" grep -q '^PIN of token "Bob": ' "$folder/said"
claim "and not shown" not grep -q 1357 "$folder/said"
claim "a new one is asked for twice" says "The same again: " typed 1357,7531,7531 env SMKI_TOKEN_MODULE="$softhsm" "$PROGRAMS/token/smki-token" pin
claim "and changed" typed 7531,1357,1357 env SMKI_TOKEN_MODULE="$softhsm" "$PROGRAMS/token/smki-token" pin
claim "not when the two differ" not typed 1357,7531,7532 env SMKI_TOKEN_MODULE="$softhsm" "$PROGRAMS/token/smki-token" pin
cat >"$folder/interrupted.py" <<'PYTHON'
import fcntl, os, pty, signal, sys, termios, time
signal.alarm(60)
master, slave = pty.openpty()
if sys.argv[1] == "before":
    os.write(master, b"\x13") # ^S: the question is not written out, so the signal comes before the program reads
pid = os.fork()
if pid == 0:
    signal.signal(signal.SIGINT, signal.SIG_DFL) # a shell ignores it in what it runs behind it
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in 0, 1, 2:
        os.dup2(slave, fd)
    os.execvp(sys.argv[2], sys.argv[2:])
said = b""
while sys.argv[1] == "before" and termios.tcgetattr(slave)[3] & termios.ECHO:
    time.sleep(0.01)
while sys.argv[1] == "asked" and not said.endswith(b": "):
    said += os.read(master, 1024)
if sys.argv[1] == "held":
    while not said.endswith(b": "):
        said += os.read(master, 1024)
    os.write(master, b"\x13")
    time.sleep(0.2)
    os.kill(pid, signal.SIGTERM)
else:
    os.write(master, b"\x03")
ended = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(ended, bool(termios.tcgetattr(slave)[3] & termios.ECHO))
PYTHON
interrupted() { SMKI_TOKEN_MODULE=$softhsm python3 "$folder/interrupted.py" "$1" "$PROGRAMS/token/smki-token" pin; }
claim "who ends it there finds the terminal as it was" is "$(interrupted asked)" "-2 True"
claim "who ends it just before it reads too" is "$(interrupted before)" "-2 True"
claim "and who ends it while its terminal is held by ^S" is "$(interrupted held)" "-15 True"
refused 2 "without a terminal the option is asked for" setsid -w "$PROGRAMS/token/smki-token" key
claim "by its name" because "--pin-file"

# ---- locked, to be changed, and a token that lies: SoftHSM2 with a module over it ----
export SHIM_MODULE=$softhsm SHIM_STATE=$folder/shim
shim() { SMKI_TOKEN_MODULE=$SHIM token "$@"; } # smki-token through that module
SHIM_TRIES=3
export SHIM_TRIES
refused 1 "one wrong PIN" shim status --pin-file "$folder/wrong.pin"
claim "is told" is "$(of 'j["tries"]' shim status)" low
refused 1 "a second one" shim status --pin-file "$folder/wrong.pin"
claim "says that one try is left" because "ONE TRY IS LEFT"
claim "so does status" says "ONE: after another wrong PIN the token is locked" shim status
refused 1 "a third one" shim status --pin-file "$folder/wrong.pin"
claim "locks it" because "is locked now; 'smki-token unblock' with the SO PIN opens it"
claim "the right one opens nothing then" fails TOKEN_PIN_LOCKED "unblock" shim status --pin-file "$folder/first.pin"
claim "nor is it changed" fails TOKEN_PIN_LOCKED "unblock" shim pin --pin-file "$folder/first.pin" --new-pin-file "$folder/second.pin"
claim "the list says it too" says "locked" shim list
claim "the SO PIN unblocks it" shim unblock --so-pin-file "$folder/so.pin" --new-pin-file "$folder/second.pin"
claim "with the key as it was" says "never off the token" shim status --pin-file "$folder/second.pin"
unset SHIM_TRIES
claim "where no token is in, init says so" fails TOKEN_MISSING "smki-token list" env SHIM_FAIL=none SMKI_TOKEN_MODULE="$SHIM" "$PROGRAMS/token/smki-token" init --label New
token unblock --so-pin-file "$folder/so.pin" --new-pin-file "$folder/first.pin"
refused 1 "a token that makes keys that can be taken off" env SHIM_FAIL=extractable SMKI_TOKEN_MODULE="$SHIM" "$PROGRAMS/token/smki-token" key --label loose --pin-file "$folder/first.pin"
claim "is not used" because "can be taken off it"
claim "nothing of such a key stays" is "$(status_of 'len(j["entries"])' Bob --pin-file "$folder/first.pin")" 1
refused 1 "a token that is taken out" env SHIM_FAIL=gone SMKI_TOKEN_MODULE="$SHIM" "$PROGRAMS/token/smki-token" key --label loose --pin-file "$folder/first.pin"
claim "is told as missing" because "TOKEN_MISSING: "
token init --label Alien --so-pin-file "$folder/so.pin" --pin-file "$folder/first.pin" >/dev/null
claim "a card that is not recognised does not take away the others" is "$(SHIM_FAIL=alien of '[t["label"] for t in j if t["initialised"]]' shim list)" "['Bob']"
claim "nor is it counted as a token" env SHIM_FAIL=alien SMKI_TOKEN_MODULE="$SHIM" "$PROGRAMS/token/smki-token" status
rm -r "$(dirname "$(grep -rl Alien "$folder/tokens" --include=token.object)")"
refused 1 "a token whose PIN cannot be set" env SHIM_FAIL=first-pin SMKI_TOKEN_MODULE="$SHIM" "$PROGRAMS/token/smki-token" init --label Half --so-pin-file "$folder/so.pin" --pin-file "$folder/first.pin"
claim "is not called ready" says "no PIN yet" token list
rm -r "$(dirname "$(grep -rl Half "$folder/tokens" --include=token.object)")"

# ---- init over what is there ----
claim "what is on a token is not lost without a word" fails ALREADY_EXISTS "1 key or certificate (SMKI)" token init --token Bob --label New --so-pin-file "$folder/so.pin" --pin-file "$folder/first.pin"
claim "a dry run says what would be" says "lost for good: 1 key or certificate (SMKI)" token init --token Bob --label New --dry-run
claim "the SO PIN must be right for it" fails TOKEN_PIN "SO PIN" token init --token Bob --label New --yes --so-pin-file "$folder/wrong-so.pin" --pin-file "$folder/first.pin"
pin short 1
claim "so must the new PIN, of a length that the token takes" fails TOKEN_PIN "nothing was changed" token init --token Bob --label New --yes --so-pin-file "$folder/so.pin" --pin-file "$folder/short.pin"
claim "then all is there" says "never off the token" token status --pin-file "$folder/first.pin"
claim "with --yes it is" token init --token Bob --label New --yes --so-pin-file "$folder/so.pin" --pin-file "$folder/first.pin"
claim "and gone" says "none that is seen" token status --token New --pin-file "$folder/first.pin"

# ---- smki aro issue-token ----
issue() { smki aro issue-token "$1" --interface portal-device --so-pin-file "$folder/so.pin" "${@:2}"; }
issue_over() { env "$1" SMKI_TOKEN_MODULE="$SHIM" "${timely[@]}" "$PROGRAMS/smki/smki" --home "$home" aro issue-token "$ann" --interface portal-device --so-pin-file "$folder/so.pin" --pin-out "$folder/never" "${@:2}"; }
credentials() { of 'len(j)' smki credential list; }
last_state() { of 'j[-1]["state"]' smki credential list; }
ann=$(smki aro nominate --party 1 --name "Ann Other" --email ann@example.org)
claim "a token is for a verified officer" fails OFFICER_STATE "smki aro verify $ann" issue "$ann" --label Ann
smki aro verify "$ann"
refused 2 "and for the portal" smki aro issue-token "$ann" --interface adhoc --label Ann --so-pin-file "$folder/so.pin"
refused 2 "it is called something" issue "$ann"
refused 2 "one that is kept is named" issue "$ann" --keep
claim "the role is one of the Party's" fails ROLE_NOT_OWN "smki party show 1" issue "$ann" --label Ann --role wanProvider
chmod 640 "$home/keys/ikica.key"
claim "without the IKICA's key" fails KEY_PERMISSIONS "nothing was done to the token" issue "$ann" --label Ann
chmod 600 "$home/keys/ikica.key"
claim "the token is not begun for another" is "$(of 'len([t for t in j if t["label"] == "Ann"])' token list)" 0
claim "a dry run says what would be" says "would get a credential for portal-device on it" issue "$ann" --label Ann --dry-run
refused 2 "in words alone" issue "$ann" --label Ann --dry-run --json
before=$(credentials)

claim "no key, no credential" fails TOKEN_FAILED "CKR_DEVICE_ERROR" issue_over SHIM_FAIL=key --label Ann
claim "none was issued" is "$(credentials)" "$before"
claim "the token is there to try again" says '"Ann"' issue "$ann" --token Ann --label Ann --dry-run
claim "a token that lies is found out before anything is issued" fails KEY_TYPE "do not use this token" issue_over SHIM_FAIL=extractable --token Ann --label Ann --yes
claim "nothing was" is "$(credentials)" "$before"
refused 1 "a certificate that does not go on the token" issue_over SHIM_FAIL=certificate --token Ann --label Ann --yes
claim "is told" because "credential $((before + 1)) was issued and is revoked again"
claim "with what to do" because "repeat this, with --yes"
claim "and so it is" is "$(last_state)" revoked
claim "its key is gone" says "none that is seen" token status --token Ann
refused 1 "a transport PIN that cannot be set" issue_over SHIM_FAIL=pin --token Ann --label Ann --yes
claim "is told too" because "credential $((before + 2)) was issued and is revoked again"
claim "and revoked as well" is "$(last_state)" revoked
refused 1 "a mark that cannot be put" issue_over SHIM_FAIL=mark --token Ann --label Ann --yes
claim "and once more" because "credential $((before + 3)) was issued and is revoked again"
claim "no PIN was left in a file" test ! -e "$folder/never"
issue_over SHIM_FAIL=kill --token Ann --label Ann --yes >/dev/null 2>&1 || true # as a machine that goes down
claim "what is killed half-way leaves a credential" is "$(last_state)" active
claim "that nobody can use: the PIN of the token is none that was told" fails TOKEN_PIN "the PIN is wrong" token status --token Ann --pin-file "$folder/never"
claim "repeated, it says what to do first" fails CREDENTIAL_NAME_TAKEN "smki credential revoke $((before + 4))" issue "$ann" --token Ann --label Ann --yes
smki credential revoke $((before + 4))
claim "no record says that one of these is on a token" is "$(acts token)" 0

claim "what is on the token is not lost without a word" fails ALREADY_EXISTS "lost for good" issue "$ann" --token Ann --label Ann --pin-out "$folder/ann.transport"
issue "$ann" --token Ann --label Ann --yes --pin-out "$folder/ann.transport" >"$folder/number" 2>"$folder/note"
claim "issue-token prints the credential's number" is "$(cat "$folder/number")" $((before + 5))
claim "and one line on the PIN" grep -q "transport PIN, which must be changed, is in $folder/ann.transport" "$folder/note"
claim "which its owner alone reads" is "$(stat -c %a "$folder/ann.transport")" 600
claim "8 digits" grep -qE '^[0-9]{8}$' "$folder/ann.transport"
claim "the record has token and officer" is "$(recorded token subject detail)" "$((before + 5)) token serial $(status_of 'j["serial"]' Ann), label Ann, officer $ann, CN Ann Other"
claim "the credential is an active one" is "$(last_state)" active
claim "the audit log is whole" smki audit verify
claim "the certificate is the IKICA's" openssl verify -CAfile "$home/ca/ikica.pem" -no_check_time <(token certificate show --token Ann)
claim "the token says that its PIN must be changed" says "must be changed" token status --token Ann
claim "with it nothing is done" fails TOKEN_PIN_EXPIRED "smki-token pin" token key --token Ann --label More --pin-file "$folder/ann.transport"
pin ann 192837
claim "but changed" token pin --token Ann --pin-file "$folder/ann.transport" --new-pin-file "$folder/ann.pin"
claim "then all is" says "never off the token" token status --token Ann --pin-file "$folder/ann.pin"
claim "no part of this key is given either" taken Ann "$folder/ann.pin"
claim "an officer has one credential for a part" fails CREDENTIAL_NAME_TAKEN "smki credential revoke" issue "$ann" --token Ann --label Ann --yes
claim "one of another officer of that name is not to be revoked for it" fails CREDENTIAL_NAME_TAKEN "of officer $ann, who is called the same" issue "$(officer 1 "Ann Other")" --token Ann --label Ann --yes
refused 1 "one for the other part, beside it, that comes to nothing" env SHIM_FAIL=certificate SMKI_TOKEN_MODULE="$SHIM" "${timely[@]}" "$PROGRAMS/smki/smki" --home "$home" aro issue-token "$ann" --interface portal-org --token Ann --keep --so-pin-file "$folder/so.pin" --pin-out "$folder/never2"
claim "is not repeated with --yes, which is not for it" not because "--yes"
claim "but so" because "repeat this, or set it anew by 'smki-token unblock'"
claim "for the other part it comes beside it" smki aro issue-token "$ann" --interface portal-org --token Ann --keep --so-pin-file "$folder/so.pin" --pin-out "$folder/ann2.transport"
claim "both are there" is "$(status_of 'sorted(e["label"] for e in j["entries"])' Ann)" "['SMKI portal-device', 'SMKI portal-organisation']"
claim "also through a module that finds one at a time" is "$(SHIM_FAIL=slow of 'len(j["entries"])' shim status --token Ann)" 2
claim "their certificates are one JSON" is "$(of 'sorted(e["label"] for e in j)' token certificate show --token Ann)" "['SMKI portal-device', 'SMKI portal-organisation']"
token certificate show --token Ann --out "$folder/both.pem"
claim "and all of them go into one file" is "$(grep -c BEGIN "$folder/both.pem")" 2
claim "one of them when it is named" is "$(token certificate show --token Ann --key "SMKI portal-device" | grep -c BEGIN)" 1
claim "and the PIN is to be changed again" fails TOKEN_PIN_EXPIRED "" token status --token Ann --pin-file "$folder/ann2.transport"
token pin --token Ann --pin-file "$folder/ann2.transport" --new-pin-file "$folder/ann.pin"
cay=$(officer 1 "Cay Third")
claim "without --pin-out it is shown once" says "shown this once: " issue "$cay" --label Cay
claim "in JSON too" is "$(of '(j["token"]["label"], len(j["transport_pin"]))' smki aro issue-token "$(officer 1 "Dee Fourth")" --interface portal-device --label Dee --so-pin-file "$folder/so.pin")" "('Dee', 8)"
eve=$(officer 1 "Eve Fifth")
claim "a module that knows of such PINs says so itself" env SHIM_CHANGE=1 SMKI_TOKEN_MODULE="$SHIM" "${timely[@]}" "$PROGRAMS/smki/smki" --home "$home" aro issue-token "$eve" --interface portal-device --label Eve --so-pin-file "$folder/so.pin" --pin-out "$folder/eve.transport"
claim "by its flag" is "$(of 'j["pin_to_be_changed"]' shim status --token Eve)" True
claim "which holds" fails TOKEN_PIN_EXPIRED "" shim status --token Eve --pin-file "$folder/eve.transport"
claim "until it is changed" shim pin --token Eve --pin-file "$folder/eve.transport" --new-pin-file "$folder/ann.pin"
claim "then not" is "$(of '(j["pin_to_be_changed"], j["transport"])' shim status --token Eve --pin-file "$folder/ann.pin")" "(False, False)"

# ---- beside the CAs' own token ----
# shellcheck disable=SC2034 # by lib.sh
sought=() # see smki_hsm.sh: CAs' keys have threads in the module
claim "a home with its CAs' keys on a token" "$PROGRAMS/token/smki-token" init --label CA --so-pin-file "$folder/so.pin" --pin-file "$folder/first.pin"
"${timely[@]}" "$PROGRAMS/smki/smki" init --pkcs11 "$softhsm" --token CA --pin-file "$folder/first.pin" "$folder/hsm" >/dev/null
hsm() { "${timely[@]}" "$PROGRAMS/smki/smki" --home "$folder/hsm" "$@"; }
hsm party add --name "Example Energy" --eui 90-B3-D5-1F-30-00-00-01 --role supplier --user-role import-supplier --subscriber device >/dev/null
hsm aro nominate --party 1 --name "Flo Sixth" --email flo@example.org >/dev/null
hsm aro verify 1
hsm_issue() { hsm aro issue-token 1 --interface portal-device --so-pin-file "$folder/so.pin" --pin-out "$folder/flo.transport" "$@"; }
claim "does not give that token to an officer" fails INVALID_ARGUMENT "has the key of the" hsm_issue --token CA --label Flo --yes
claim "nor beside its keys" fails INVALID_ARGUMENT "has the key of the" hsm_issue --token CA --keep
claim "but issues others, by the IKICA's key on that one" hsm_issue --label Flo
claim "which is the one that signed" openssl verify -CAfile "$folder/hsm/ca/ikica.pem" -no_check_time <(token certificate show --token Flo)
claim "and its audit log is whole" hsm audit verify

# ---- the browsers' databases (the browsers themselves: tests/browser/token.sh) ----
if command -v modutil >/dev/null; then
    mkdir -p "$folder/person/.mozilla/firefox/abc.default"
    touch "$folder/person/.mozilla/firefox/abc.default/prefs.js"
    browser() { HOME=$folder/person token browser "$@"; }
    where=$folder/person/.pki/nssdb
    browser --dry-run >"$folder/plan"
    claim "a dry run prints what would be run" grep -qF "modutil -dbdir sql:$where -add smki-token -libfile $(realpath "$softhsm") -force" "$folder/plan"
    claim "and makes nothing" test ! -e "$where"
    claim "one command sets up both" is "$(browser 2>/dev/null | grep -c ': added$')" 2
    claim "NSS has it" says "$(realpath "$softhsm")" modutil -dbdir "sql:$where" -rawlist
    claim "a second time nothing is done" is "$(browser 2>/dev/null | grep -c ': is there already$')" 2
    claim "NSS sees the certificate on the token" says "SMKI portal-device" certutil -L -d "sql:$where" -h Ann -f "$folder/ann.pin"
    claim "without one all that p11-kit knows take its place" is "$(HOME=$folder/person env -u SMKI_TOKEN_MODULE "$PROGRAMS/token/smki-token" browser 2>/dev/null | grep -c ': added$')" 2
    claim "through them NSS sees it too" says "SMKI portal-device" certutil -L -d "sql:$where" -h Ann -f "$folder/ann.pin"
    claim "a module that is none is put nowhere" fails TOKEN_MODULE "/nowhere.so" browser --module /nowhere.so
    claim "it is taken out again" is "$(browser --remove 2>/dev/null | grep -c ': removed$')" 2
    claim "of NSS too" not grep -q smki-token "$where/pkcs11.txt"
    claim "once" is "$(browser --remove 2>/dev/null | grep -c ': was not there$')" 2
    claim "one of them alone" is "$(browser --chromium --json 2>/dev/null | python3 -c 'import json, sys; print([d["browser"] for d in json.load(sys.stdin)])')" "['chromium']"
    for old in a b c; do # whichever is the first of the folder
        mkdir "$folder/person/.mozilla/firefox/$old.old"
        head -c 4096 /dev/urandom >"$folder/person/.mozilla/firefox/$old.old/cert9.db"
    done
    browser --json >"$folder/some" 2>"$folder/why" || true
    claim "a profile that is broken does not keep the others from it" is "$(python3 -c 'import json, sys; print(sorted(d["done"] for d in json.load(sys.stdin)))' <"$folder/some")" "['added', 'is there already']"
    claim "but is told" grep -q '^smki-token: IO: modutil .*[abc].old: ' "$folder/why"
    claim "in one line" is "$(wc -l <"$folder/why")" 1
    rm -r "$folder/person/.mozilla/firefox/"[abc].old
    claim "a profile that is not there is named" fails NOT_FOUND "$folder/none" browser --profile "$folder/none"
    claim "without NSS's programs it says which package has them" fails NOT_FOUND libnss3-tools env PATH=/nowhere HOME="$folder/person" "$PROGRAMS/token/smki-token" browser
fi

# ---- curl: a pkcs11: URI and the PIN open the portal. OpenSSL reaches tokens by libp11's engine or, where there are no engines, pkcs11-provider ----
uri='pkcs11:token=Ann;object=SMKI%20portal-device'
if curl --engine list 2>/dev/null | grep -qw pkcs11 || [ -e "$(openssl version -e | cut -d'"' -f2)/pkcs11.so" ]; then
    way=(--engine pkcs11 --cert-type ENG --key-type ENG)
elif [ -e "$(openssl version -m | cut -d'"' -f2)/pkcs11.so" ]; then
    way=(--cert-type PROV --key-type PROV)
    printf '%s\n' 'openssl_conf = init' '[init]' 'providers = providers' '[providers]' 'default = default_section' 'pkcs11 = pkcs11_section' '[default_section]' 'activate = 1' '[pkcs11_section]' 'activate = 1' \
        "pkcs11-module-path = $softhsm" >"$folder/openssl.cnf"
    export OPENSSL_CONF=$folder/openssl.cnf
else
    way=()
    echo "# left out: OpenSSL has neither the engine (Debian: libengine-pkcs11-openssl) nor the provider (pkcs11-provider) for tokens"
fi
if [ ${#way[@]} -gt 0 ]; then
    portal_start ''
    as_token() { # as_token PIN SITE PATH
        : >"$folder/answer"
        PKCS11_MODULE_PATH=$softhsm curl -sS --max-time 60 --cacert "$home/tls/ca.pem" "${way[@]}" --cert "$uri;type=cert" \
            --key "$uri;type=private?pin-source=file:$folder/$1.octets" -o "$folder/answer" -w '%{http_code}' "https://localhost:${port[$2]}$3" >"$folder/status"
    }
    for name in ann wrong; do tr -d '\n' <"$folder/$name.pin" >"$folder/$name.octets"; done # libp11 takes the file whole
    claim "with the PIN curl is in the portal" as_token ann device /api/session
    claim "as the officer" json_is 'a["officer"]["name"], a["credential"]["interface"]' "('Ann Other', 'portal-device')"
    claim "a wrong PIN is not let in" not as_token wrong device /api/session
    claim "nothing was answered" test ! -s "$folder/answer"
    claim "nor is the token's certificate without its key" not curl -sS --max-time 60 --cacert "$home/tls/ca.pem" --cert "$folder/bob.pem" "https://localhost:${port[device]}/api/session"
    claim "the credential that was revoked half-way is none" is "$(of '[c["state"] for c in j if c["number"] == '$((before + 1))'][0]' smki credential list)" revoked
    smki credential revoke $((before + 5))
    claim "revoked, the token opens nothing" as_token ann device /api/session
    claim "from the next request on" answers 403
    claim "the portal ends when told" web_stop
fi
finish
