#!/bin/bash
# CA keys in an HSM: SoftHSM2, behind a module that fails as it is told to (tests/pkcs11/shim.c). The keys are made there and cannot be taken off; a night
# runs with the DCA's key there, through kill -9, a token that goes away, and a module that hangs, which also meets the web service.
#   HSM_CSRS   CSRs of a night; 300
# shellcheck source=tests/system/lib.sh disable=SC2317,SC2034,SC2016 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh
. "$ROOT/tests/system/web_lib.sh"
: "${SHIM:?the module}" "${MAKE_BATCH:?the program}"
count=${HSM_CSRS:-300}

if ! command -v softhsm2-util >/dev/null; then
    echo "1..0 # SKIP softhsm2 is not installed"
    rm -rf "$folder"
    exit 0
fi

# ---- the token ----

# What SoftHSM2 and its OpenSSL keep for a thread is freed as the thread ends, which may be while the process does: no leak of ours. Leaks are
# looked for in the unit test of the same keys.
# shellcheck disable=SC2034 # by lib.sh
sought=()

mkdir -p "$folder/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$folder/tokens" >"$folder/softhsm2.conf"
export SOFTHSM2_CONF=$folder/softhsm2.conf SMKI_SHIM_CONTROL=$folder/control SMKI_SHIM_COUNT=$folder/count SMKI_SHIM_KEY=smki-dca
softhsm2-util --init-token --free --label "SMKI HSM" --so-pin 12345678 --pin 4321 >/dev/null
softhsm2=$(find /usr/lib* /usr/local/lib* -name libsofthsm2.so 2>/dev/null | head -n 1)
pin() { (umask 077 && echo "$1" >"$folder/pin.new" && mv "$folder/pin.new" "$folder/pin"); }
tell() { printf '%s\n' "$1" >"$folder/control.new" && mv "$folder/control.new" "$folder/control"; } # what the module does from now on
counted_of() { od -An -tu8 -j $((8 * $1)) -N 8 "$folder/count" | tr -d ' '; }                       # see enum shim_count
logins() { counted_of 1; }
signed_by_dca() { counted_of 3; }
tell ""
pin 9999

# ---- made there ----

refused 1 "a wrong PIN makes no home" smki init "$home" --pkcs11 "$SHIM" --token "SMKI HSM" --pin-file "$folder/pin"
claim "and says so" because "CKR_PIN_INCORRECT: the token's PIN is missing or wrong; it is not tried again by itself"
claim "it was tried once" test "$(logins)" -eq 1
claim "nothing is left of the home" test ! -e "$home/smki.json"
pin 4321
refused 1 "a token that is not there makes none" smki init "$home" --pkcs11 "$SHIM" --token Nowhere --pin-file "$folder/pin"
claim "and is named" because "has no token with the label 'Nowhere' just now"
refused 1 "nor a module that is none" smki init "$home" --pkcs11 /no/module.so --token "SMKI HSM" --pin-file "$folder/pin"
claim "which is named" because "/no/module.so: the PKCS#11 module cannot be loaded"
refused 2 "a PIN is never on a command line" smki init "$home" --pkcs11 "$SHIM" --token "SMKI HSM" --pin 4321
refused 2 "a token needs its module" smki init "$home" --token "SMKI HSM"
chmod 644 "$folder/pin"
refused 1 "a PIN file that others can read is refused" smki init "$home" --pkcs11 "$SHIM" --token "SMKI HSM" --pin-file "$folder/pin"
claim "with what to do" because "chmod 600 it"
chmod 600 "$folder/pin"
tell "lie 0x162"
refused 1 "a token that makes keys which can be taken off makes no home" smki init "$home" --pkcs11 "$SHIM" --token "SMKI HSM" --pin-file "$folder/pin"
claim "and says why" because "CKA_EXTRACTABLE is true"
tell ""
objects() { pkcs11-tool --module "$softhsm2" --token-label "SMKI HSM" --login --pin 4321 --list-objects 2>/dev/null; }
claim "nothing of it is left on the token" test "$(objects | grep -c 'Private Key')" -eq 0
claim "the CAs' keys are made on the token" smki init "$home" --pkcs11 "$SHIM" --token "SMKI HSM" --pin-file "$folder/pin"
claim "no CA's key is in a file" test "$(cd "$home/keys" && echo ./*)" = ./audit.key
claim "five private keys are on the token" test "$(objects | grep -c 'Private Key Object')" -eq 5
claim "four are EC, one RSA" test "$(objects | grep -c 'Private Key Object; EC')/$(objects | grep -c 'Private Key Object; RSA')" = 4/1
claim "all of them never extractable, always sensitive, made there" test "$(objects | grep -c 'sensitive, always sensitive, never extractable, local')" -eq 5
claim "for signing only" test "$(objects | awk '/^[A-Z].* Object/ { private = /^Private/ } private && sub(/ *Usage: */, "") { sub(/, signRecover/, ""); print }' | sort -u)" = sign # newer versions tell of both ways to sign
smki ca export "$folder/ca"
for ca in oca dca; do
    claim "openssl verifies the $ca" openssl verify -CAfile "$folder/ca/$ca-root.pem" "$folder/ca/$ca.pem"
done
claim "and the IKICA" openssl verify -CAfile "$folder/ca/ikica.pem" "$folder/ca/ikica.pem"
claim "the configuration says where they are" says "pkcs11:token=SMKI%20HSM" smki config show
refused 1 "a second home does not write over the keys" smki --home "$folder/second" init "$folder/second" --pkcs11 "$SHIM" --token "SMKI HSM" --pin-file "$folder/pin"
claim "and says what is there" because "has a private key 'smki-oca-root' already"
claim "those of the first home are all there" test "$(objects | grep -c 'Private Key Object')" -eq 5

# ---- looked at ----

claim "ca status: every CA signs" says "logged in; all tries left" smki ca status
signs() { smki ca status --json | python3 -c 'import json, sys; print(sum(c["signs"] and c["on_token"] and c["token"]["label"] == "SMKI HSM" for c in json.load(sys.stdin)))'; }
claim "with --json too" test "$(signs)" -eq 5
claim "ca bench says how many sessions serve" says "pkcs11.sessions: " smki ca bench --seconds 1
claim "ca bench --json" is_json smki ca bench --seconds 1 --json
claim "a CRL is made" smki ca crl dca --out "$folder/dca.crl"
claim "openssl verifies it" openssl crl -in "$folder/dca.crl" -noout -CAfile "$folder/ca/dca.pem"
claim "the token's count is that of the log" says "known are $(signed_by_dca): 0 certificates, 1 CRLs" smki audit verify --token-signatures "$(signed_by_dca)"
refused 1 "one more signature is found out" smki audit verify --token-signatures $(($(signed_by_dca) + 1))
claim "and told" because "the token has made 1 signatures that are not in the log"
refused 1 "as is one less" smki audit verify --token-signatures $(($(signed_by_dca) - 1))
claim "with what that may be" because "it is another token, its count began anew, or something was signed without it"
claim "what killed processes may have left can be allowed for" smki audit verify --token-signatures $(($(signed_by_dca) + 3)) --unrecorded 3
tell hide
refused 1 "a token that is away is told by ca status" smki ca status
claim "of each CA" because "5 of 5 CAs cannot sign"
refused 1 "no CRL is made" smki ca crl dca --out "$folder/none.crl"
claim "for that reason" because "has no token with the label 'SMKI HSM' just now"
tell ""

# ---- nights ----

party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier >/dev/null
party "Other Energy" 90-B3-D5-1F-30-00-00-02 supplier gas-supplier >/dev/null
setting() { sed -i "s|^  // \"$1\": .*|  \"$1\": $2,|" "$home/smki.json"; }
setting batch.chunk 40
setting pkcs11.timeout '"1 s"'
setting pkcs11.sessions 2
nights=0
queued() { # a batch of as many
    nights=$((nights + 1))
    "$MAKE_BATCH" "$count" "$folder/batch.xml" "$(printf '90B3D51F%02X000000' $((0x40 + nights)))" && batch submit --party 1 "$folder/batch.xml"
}
processed() { batch status "$1" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["processed"])'; }
runner() { # runner [OPTION...]: in the background; its process is $runner
    "$PROGRAMS/batch/smki-batch" --home "$home" run --once --ignore-window --quiet "$@" >"$folder/run.out" 2>"$folder/run.err" &
    runner=$!
}
ended() { # ended STATUS
    local status=0
    wait "$runner" || status=$?
    echo "it ended with $status" && cat "$folder/run.err" && [ "$status" -eq "$1" ]
}
# All were granted, once each; openssl verifies each tenth or so, and the whole log holds.
all_is_done() { # all_is_done BATCH
    rm -rf "$folder/crt" "$folder/response.zip" && mkdir "$folder/crt"
    batch result "$1" --format zip --out "$folder/response.zip" --ignore-release >/dev/null
    unzip -q "$folder/response.zip" '*.crt' -d "$folder/crt"
    [ "$(find "$folder/crt" -name '*.crt' | wc -l)" -eq "$count" ] || return 1
    find "$folder/crt" -name '*.crt' | sort | awk "NR % ($count / 30 + 1) == 1" | while read -r file; do
        { echo '-----BEGIN CERTIFICATE-----'; sed '/^-----/d' "$file"; echo '-----END CERTIFICATE-----'; } >"$folder/one.pem"
        openssl verify -CAfile "$folder/ca/dca-chain.pem" "$folder/one.pem" >/dev/null || return 1
    done
    smki audit verify
}

claim "a batch is queued" queued
runner
claim "a night runs with the DCA's key on the token" ended 0
claim "all are granted, and openssl verifies them" all_is_done 1
claim "the token's count is that of the log" smki audit verify --token-signatures "$(signed_by_dca)"

# A runner that sleeps on its signatures until another has taken its chunks over signs for nothing, and that is on record too.
setting run.lease '"10 s"'
claim "a batch for two runners is queued" queued
began=$(signed_by_dca)
tell "delay C_Sign 30"
runner
has_begun() { [ "$(signed_by_dca)" -gt $((began + 10)) ]; }
claim "the first signs" within 60 has_begun
asleep() { # not in the moment in which it has the store's lock
    kill -STOP "$runner"
    timeout 5 "$PROGRAMS/smki/smki" --home "$home" party update 1 --name "Example Energy" && return
    kill -CONT "$runner"
    return 1
}
claim "and falls asleep" within 60 asleep
sleep 11
tell ""
claim "the second takes over what has no lease any more" batch run --once --ignore-window --quiet
kill -CONT "$runner"
claim "the first has nothing left to do" ended 0
claim "all are granted once" all_is_done 2
claim "more was signed than is stored" test $(($(signed_by_dca) - began)) -gt "$count"
claim "and the token's count is that of the log" smki audit verify --token-signatures "$(signed_by_dca)"

claim "another batch is queued" queued
tell "after $((count / 2)) hang C_Sign"
runner
claim "it is in the middle of it" within 120 grep -q "did not answer in 1 s" "$folder/run.err"
kill -KILL "$runner"
claim "the runner is killed in the middle" ended 137
claim "some are done, others not" test "$(processed 3)" -gt 0 -a "$(processed 3)" -lt "$count"
tell ""
runner
claim "another run takes it up" ended 0
claim "nothing is lost, nothing done twice" all_is_done 3
claim "the token's count is at least that of the log" smki audit verify --token-signatures "$(signed_by_dca)" --unrecorded "$count"

claim "a third batch is queued" queued
tell "after $((count / 2)) hide"
runner
claim "the token goes away: the night pauses and says why" within 120 grep -q "the night is paused, and goes on when the CA's key can be used again: .*SMKI HSM" "$folder/run.err"
claim "in the middle it was" test "$(processed 4)" -gt 0 -a "$(processed 4)" -lt "$count"
claim "intake goes on meanwhile" queued
sleep 1
claim "the run is there and waits" kill -0 "$runner"
refused_in() { batch status "$1" --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["refused"])'; }
claim "nothing is decided against a CSR" test "$(refused_in 3)" -eq 0
start=$(date +%s%N)
tell ""
claim "it is back: the night goes on" within 60 grep -q "the CA's key can be used again" "$folder/run.err"
echo "# after $((($(date +%s%N) - start) / 1000000)) ms" # the bar of 2 s is held against tests/bench
claim "the run ends well" ended 0
claim "nothing is lost" all_is_done 4

runner
claim "the next run works off what came meanwhile" ended 0
claim "whole" all_is_done 5

claim "a fifth batch is queued" queued
tell "hang C_Sign"
runner
claim "a module that hangs pauses the night too" within 60 grep -q "did not answer in 1 s" "$folder/run.err"
kill -TERM "$runner"
claim "a signal ends the run, though its module hangs" ended 1
tell ""
runner
claim "the next run finishes it" ended 0
claim "whole again" all_is_done 6

claim "a sixth batch is queued" queued
tell "hide"
setting pkcs11.patience '"1 s"'
runner
claim "after its patience a run ends" ended 1
claim "with the reason" grep -q "CA_KEY_UNAVAILABLE\|just now" "$folder/run.err"
tell "after 76 hide" # in the second piece of a chunk of 40, whose first stays signed
runner --workers 1
claim "also when it went away within a chunk" ended 1
tell "drop"
pin 9999
tries=$(logins)
runner
claim "a wrong PIN ends it as well" ended 1
claim "and was tried once" test $(($(logins) - tries)) -eq 1
pin 4321
tell ""
runner
claim "the right one, and it runs" ended 0
claim "whole at last" all_is_done 7

# ---- the night runner that stays ----

setting pkcs11.patience '"10 min"'
setting night.start "\"$(TZ=Europe/London date -d '2 hours ago' +%H:00)\""
setting night.end "\"$(TZ=Europe/London date -d '10 hours' +%H:00)\""
setting demand.poll_from "\"$(TZ=Europe/London date -d '2 hours ago' +%H:00)\""
claim "a seventh batch is queued" queued
tell hide
"$PROGRAMS/batch/smki-batch" --home "$home" run --watch >"$folder/watch.out" 2>"$folder/run.err" &
runner=$!
claim "the watch tells of a token that is away" within 60 grep -q "CA_KEY_UNAVAILABLE: the night is paused, and goes on when" "$folder/watch.out"
tell ""
claim "and that it is back" within 60 grep -q "the CA's key can be used again" "$folder/watch.out"
watched() { [ "$(processed 8)" -eq "$count" ]; }
claim "it has worked it off" within 120 watched
tell hide
kill -TERM "$runner"
claim "a signal ends it" ended 0
tell ""
claim "whole too" all_is_done 8

claim "an eighth batch is queued" queued
tell "after $((count / 2)) spoil"
runner
claim "a token that signs wrongly pauses the night as well" within 60 grep -q "the night is paused, and goes on when .*: the key 'smki-dca' on the token does not belong" "$folder/run.err"
tell ""
claim "and once it signs rightly the run ends well" ended 0
claim "with certificates that verify" all_is_done 9

# ---- the web service ----

request "$folder/first.csr" 90B3D51F30010001 digitalSignature
smki cert issue --profile device --party 1 "$folder/first.csr" >/dev/null
for interface in adhoc batch; do
    smki credential issue --party 1 --interface "$interface" --name "System" --generate "$folder/$interface-1" >/dev/null 2>&1
done
cp "$home/smki.json" "$folder/smki.json"
sed -i 's|^  "pkcs11.timeout": .*|  "pkcs11.timeout": "3 s",|' "$home/smki.json" # eight requests one after the other would take eight times as long
where=$(grep -E '^  "(ca\.|pkcs11\.)' "$home/smki.json" | tr -d '\n' | sed 's/,$//')
web_start "\"demand.adhoc_pace_mode\": \"off\", $where"
fresh() {
    request "$folder/fresh.csr" 90B3D51F30010001 digitalSignature
    adhoc_request ref-1 "$folder/fresh.csr" >"$folder/document"
}
fresh
claim "an ad hoc request is signed on the token" adhoc 1 "$folder/document"
claim "with success" answers 200 "<Status>SUCCESS</Status>"
element Certificate | base64 -d >"$folder/certificate.der"
openssl x509 -inform DER -in "$folder/certificate.der" -out "$folder/certificate.pem"
claim "openssl verifies it" openssl verify -CAfile "$folder/ca/dca-chain.pem" "$folder/certificate.pem"
tell "hang C_Sign"
fresh
start=$(date +%s%N)
claim "a request while the module hangs" adhoc 1 "$folder/document"
took=$((($(date +%s%N) - start) / 1000000))
claim "is a CA_ERROR" answers 200 "<Status>CA_ERROR</Status>"
claim "within the limit of the token and some ($took ms)" test "$took" -lt 15000
hung=()
for n in 1 2 3 4 5 6 7 8; do
    request "$folder/hung-$n.csr" 90B3D51F30010001 digitalSignature
    adhoc_request "ref-$n" "$folder/hung-$n.csr" >"$folder/hung-$n"
done
start=$(date +%s%N)
for n in 1 2 3 4 5 6 7 8; do
    curl -s --max-time 20 --cacert "$home/tls/ca.pem" --cert "$folder/adhoc-1/cert.pem" --key "$folder/adhoc-1/key.pem" -o "$folder/hung-$n.answer" \
        -H 'Content-Type: application/xml' --data-binary "@$folder/hung-$n" "https://localhost:$adhoc_port/1.0/PortalCSR/DeviceCertificateSigningRequest" &
    hung+=($!)
done
wait "${hung[@]}"
took=$((($(date +%s%N) - start) / 1000000))
claim "eight at once are all CA_ERRORs" test "$(grep -l '<Status>CA_ERROR</Status>' "$folder"/hung-*.answer | wc -l)" -eq 8
claim "and none waits for the other ($took ms)" test "$took" -lt 15000
claim "the service answers other things meanwhile" curl -s -f -o /dev/null --max-time 10 "http://127.0.0.1:$admin_port/healthz"
signed_again() { adhoc 1 "$folder/document" && answers 200 "<Status>SUCCESS</Status>"; }
fresh
tell ""
start=$(date +%s%N)
claim "when it no longer hangs requests are signed, without a restart" within 60 signed_again
echo "# after $((($(date +%s%N) - start) / 1000000)) ms"
tell hide
fresh
claim "a request while the token is away" adhoc 1 "$folder/document"
claim "is a CA_ERROR" answers 200 "<Status>CA_ERROR</Status>"
fresh
tell ""
claim "it is back" within 60 signed_again
tell "hang C_Sign"
fresh
adhoc 1 "$folder/document"
claim "the service stops though its module hangs" web_stop
tell ""
cp "$folder/smki.json" "$home/smki.json"

# ---- a PIN that is typed ----

typed() { # typed PIN COMMAND...: on a terminal of its own, on which each question is answered with the PIN
    python3 - "$@" <<'PYTHON'
import os, pty, select, sys
child, terminal = pty.fork()
if child == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
said = b""
while select.select([terminal], [], [], 60)[0]:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    said += part
    if part.rstrip().endswith(b":"):
        os.write(terminal, sys.argv[1].encode() + b"\n")
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
print(said.decode(), "ended with", status)
sys.exit(status != 0)
PYTHON
}
softhsm2-util --init-token --free --label Typed --so-pin 12345678 --pin 8765 >/dev/null
claim "init asks for the PIN" typed 8765 "$PROGRAMS/smki/smki" init "$folder/typed" --pkcs11 "$SHIM" --token Typed
claim "and does not show it" eval '! grep -q 8765 "$folder/out"'
claim "so does a command that signs" typed 8765 "$PROGRAMS/smki/smki" --home "$folder/typed" ca crl dca --out "$folder/typed.crl"
refused 1 "where there is no terminal" setsid "$PROGRAMS/smki/smki" --home "$folder/typed" ca crl dca
claim "it says what to do" because "name a file or a credential in pkcs11.pin_source"
claim "the PIN is nowhere in the home" eval '! grep -rq 8765 "$folder/typed/smki.json" "$folder/typed/keys" "$folder/typed/ca"'

# ---- a key out of a file ----

home=$folder/files
smki init "$home" >/dev/null
party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier >/dev/null
softhsm2-util --init-token --free --label "Import" --so-pin 12345678 --pin 4321 >/dev/null
setting pkcs11.module "\"$SHIM\""
setting pkcs11.pin_source "\"file:$folder/pin\""
refused 1 "the key of another CA is not imported" smki ca import-key dca "$home/keys/oca.key" --token Import
claim "it does not fit" because "does not belong to the certificate of dca; nothing was written"
claim "a dry run" says "nothing was written" smki ca import-key dca --token Import --dry-run
claim "writes nothing" eval '! pkcs11-tool --module "$softhsm2" --token-label Import --login --pin 4321 --list-objects 2>/dev/null | grep -q "Private Key"'
claim "the DCA's key is imported" says "a key that was in a file was in a file" smki ca import-key dca --token Import
claim "the configuration has it" says "pkcs11:token=Import" smki config show
claim "the IKICA's too" smki ca import-key ikica --token Import
refused 1 "a second time it is there already" smki ca import-key dca --token Import
refused 1 "also out of its file" smki ca import-key dca "$home/keys/dca.key" --token Import
rm "$home/keys/dca.key" "$home/keys/ikica.key"
claim "every CA signs, wherever its key is" smki ca status
sed -i "s|^  \"pkcs11.module\".*|&  \"ca.oca.key\": \"keys/oca.key\",|" "$home/smki.json"
claim "a configuration that cannot be changed leaves the operator the line to put there" \
    eval '(smki ca import-key oca --token Import || true) | grep -q "\"ca.oca.key\": \"pkcs11:token=Import;"'
sed -i 's|  "ca.oca.key": "keys/oca.key",$||; s|^  "pkcs11.module".*|  // "pkcs11.module": "",|' "$home/smki.json"
claim "without pkcs11.module" eval 'smki ca import-key oca-root --token Import --pkcs11 "$SHIM"'
claim "the key's URI names the module" says "?module-path=" smki config show
claim "and it signs" smki ca crl oca-root --out "$folder/oca-root.crl"
sed -i "s|^  // \"pkcs11.module\": .*|  \"pkcs11.module\": \"$SHIM\",|" "$home/smki.json"
nights=0
claim "a batch is queued" queued
runner
claim "a night runs with the imported key" ended 0
smki ca export "$folder/ca"
claim "whole" all_is_done 1
claim "a credential is issued by the IKICA on the token" smki credential issue --party 1 --interface batch --name "System 1" --generate "$folder/imported"
claim "openssl verifies it" openssl verify -CAfile "$folder/ca/ikica.pem" "$folder/imported/cert.pem"
claim "a backup is made" smki backup "$folder/backup"
claim "and restored: the keys on the token are not missed" eval 'smki restore "$folder/backup" "$folder/restored" | tee "$folder/said" && ! grep -q "dca.key" "$folder/said"'

finish
