#!/bin/bash
# smki-client against a scripted counterpart: its rules of time in virtual time, what it tries again and what never, what it finds wrong in
# answers, and that a kill at any moment loses nothing. The certificates are real: issued by a home of this library.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
: "${STORY:?the program client_story}"

if ! command -v python3 >/dev/null; then
    echo "1..0 # SKIP no python3 for the counterpart" && exit 0
fi

# ---- verbs of this test ----

peer=$folder/peer
client() { "$PROGRAMS/client/smki-client" "$@"; }
script() { printf '%s\n' "$@" >"$peer/script" && : >"$peer/log"; } # what the counterpart answers, a line a request
asked() { [ "$(wc -l <"$peer/log")" -eq "$1" ] || { cat "$peer/log" && return 1; }; }
all_said() { [ ! -s "$peer/script" ] || { cat "$peer/script" && return 1; }; }
fresh() { rm -rf "$folder/state.json"* "$folder/certs" && mkdir "$folder/certs"; }
story() { # story OUTCOME WORDS...: the client in virtual time ends so; what it told is in $folder/story
    local outcome=$1
    shift
    "$STORY" "$folder/party.json" "$@" >"$folder/story" 2>"$folder/words" || true
    cat "$folder/story" "$folder/words"
    [ "$(tail -n 1 "$folder/story")" = "$outcome" ]
}
told() { grep -qE -e "$1" "$folder/story" || { cat "$folder/story" && return 1; }; }
words() { grep -qF -e "$1" "$folder/words" || { cat "$folder/words" && return 1; }; }
waits() { [ "$(grep -c 'waited:' "$folder/story")" -eq "$1" ] || { cat "$folder/story" && return 1; }; }
json_is() { python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
exit(0 if eval(sys.argv[2]) else print(json.dumps(value, indent=1)) or 1)' "$1" "$2"; }
state_is() { json_is "$folder/state.json" "$1"; }

# ---- the material: CAs of TLS, a home's certificates, documents ----

ca_of_tls() { # ca_of_tls NAME: a CA, and one certificate NAME-leaf signed by it
    openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 3650 -subj "/CN=$1 CA" -keyout "$folder/$1.key" -out "$folder/$1.pem" 2>/dev/null
    openssl req -newkey rsa:2048 -nodes -sha256 -subj "/CN=$1 leaf" -keyout "$folder/$1-leaf.key" -out "$folder/$1-leaf.req" 2>/dev/null
    openssl x509 -req -in "$folder/$1-leaf.req" -CA "$folder/$1.pem" -CAkey "$folder/$1.key" -CAcreateserial -days 3650 -sha256 \
        -extfile <(echo "subjectAltName=DNS:localhost") -out "$folder/$1-leaf.pem" 2>/dev/null
}
mkdir "$peer"
ca_of_tls server && ca_of_tls party && ca_of_tls stranger
smki init "$home" >/dev/null
smki ca export "$folder/ca" >/dev/null
party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier >/dev/null
client make-csr --quiet --count 3 --out "$folder/meters" --xml "$folder/good.xml" --id delivery-1 >/dev/null
# The same with one CSR that is no CSR, and the results of its night.
sed 's#</SubmitCSRBatch>#<DeviceCSR ID="nonsense">AAAA</DeviceCSR>\n&#' "$folder/good.xml" >"$folder/batch.xml"
batch submit --party 1 "$folder/batch.xml" >/dev/null
batch run --once --quiet --ignore-window >/dev/null 2>&1
batch result 1 --format xml --out "$peer/completed.xml" --ignore-release >/dev/null
certificate_of() { python3 -c 'import re, sys
print(re.search("ID=\"meter-%s\".*?<Certificate>(.*?)</Certificate>" % sys.argv[2], open(sys.argv[1]).read(), re.S).group(1))' "$peer/completed.xml" "$1"; }
adhoc_answer() { printf '<?xml version="1.0"?>\n<DeviceCertificateSigningResponse ID="@ID@"><Version>1.0</Version><Build>peer</Build><TransactionId>7</TransactionId>%s</DeviceCertificateSigningResponse>\n' "$1"; }
adhoc_error() { adhoc_answer "<Status>$1</Status><Error><ErrorCode>$2</ErrorCode><ErrorText>$3</ErrorText></Error>"; }
submit_answer() { printf '<SubmitCSRBatchStatus ID="@ID@"><Version>1.0</Version><Build>peer</Build>%s</SubmitCSRBatchStatus>\n' "$1"; }
status_answer() { printf '<CSRBatchResult><Version>1.0</Version><Build>peer</Build>%s</CSRBatchResult>\n' "$1"; }
meters=("$folder"/meters/*.csr)
first=90B3D51F30010001-ds second=90B3D51F30010001-ka
for name in "$first" "$second" 90B3D51F30010002-ds; do
    adhoc_answer "<Status>SUCCESS</Status><Certificate>$(certificate_of "$name")</Certificate>" >"$peer/$name.xml"
done
adhoc_error UNKNOWN_DEVICE UD:LA3 "no earlier certificate" >"$peer/unknown.xml"
adhoc_error WORKFLOW_ERROR WF:RA1 "one CSR in any 0.8 s" >"$peer/pace.xml"
adhoc_answer "<Status>SUCCESS</Status>" >"$peer/empty.xml"
submit_answer "<BatchStatus>PENDING</BatchStatus><BatchId>1</BatchId>" >"$peer/accepted.xml"
submit_answer "<BatchStatus>WORKFLOW_ERROR</BatchStatus><Error><ErrorCode>WF:PA2</ErrorCode><ErrorText>the Party is barred</ErrorText></Error>" >"$peer/barred.xml"
status_answer "<BatchStatus>PROCESSING</BatchStatus><BatchId>1</BatchId>" >"$peer/processing.xml"
status_answer "<BatchStatus>REJECTED</BatchStatus><BatchId>1</BatchId>" >"$peer/rejected.xml"
status_answer "<BatchStatus>FORMAT_ERROR</BatchStatus><Error><ErrorCode>FM:AA3</ErrorCode><ErrorText>unknown BatchId</ErrorText></Error>" >"$peer/unknown-batch.xml"
status_answer "<BatchStatus>WORKFLOW_ERROR</BatchStatus><Error><ErrorCode>WF:RA5</ErrorCode><ErrorText>not yet</ErrorText></Error>" >"$peer/early.xml"
python3 "$ROOT/tests/system/counterpart.py" "$peer" "$folder/server-leaf.pem" "$folder/server-leaf.key" "$folder/party.pem" &
server=$!
trap 'status=$?; kill "$server" 2>/dev/null || true; if [ "$status" -ne 0 ] && [ -d "$folder" ]; then echo "Bail out! stopped in line $LINENO"; rm -rf "$folder"; fi' EXIT
for _ in $(seq 100); do [ ! -s "$peer/port" ] || break; sleep 0.1; done
port=$(cat "$peer/port")
config() { # config KEY VALUE...: party.json with some values changed
    cat >"$folder/party.json" <<JSON
{
  // how the Party reaches the services
  "adhoc": {"url": "https://localhost:$port", "certificate": "party-leaf.pem", "key": "party-leaf.key"},
  "batch": {"url": "https://localhost:$port/", "certificate": "party-leaf.pem", "key": "party-leaf.key"},
  "server_ca": "server.pem", /* nobody else */
  "chain": "ca/dca-chain.pem",
  "state": "state.json", "timeout": "2 s"
}
JSON
    while [ $# -ge 2 ]; do
        sed -i "s#\"$1\": \"[^\"]*\"#\"$1\": \"$2\"#g" "$folder/party.json"
        shift 2
    done
}
config
claim "the chain of the home is there" test -s "$folder/ca/dca-chain.pem"

# ---- ad hoc ----

fresh && script "status=200 body=$first.xml" "status=200 body=$second.xml" "status=200 body=90B3D51F30010002-ds.xml"
claim "by day one CSR goes in 0.8 s" story OK 2026-11-23T12:00 adhoc "${meters[@]:0:3}"
claim "... reckoned from the answer" told '12:00:01.6 item 90B3D51F30010002-ds.csr OK'
claim "... each sent as the interface has it" grep -q 'POST /1.0/PortalCSR/DeviceCertificateSigningRequest' "$peer/log"
claim "... valid by the schema" xmllint --noout --schema "$ROOT/tests/data/schema/adhoc-1.0.xsd" "$peer/request-1"
script "status=200 body=$first.xml" "status=200 body=$second.xml"
fresh && claim "at night one goes in 4 s" story OK 2026-11-23T23:00 adhoc "${meters[@]:0:2}"
claim "... as told" told '23:00:04.0 item'
fresh && script "status=200 body=$first.xml" "status=200 body=$second.xml"
claim "who must wait past 20:00 waits for the slower pace" story OK 2026-11-23T19:59:59.5 adhoc "${meters[@]:0:2}"
claim "... 4 s" told '20:00:03.5 item'
fresh && script "status=200 body=$first.xml" && config
story OK 2026-11-23T12:00 adhoc "${meters[0]}" >/dev/null
script "status=200 body=$second.xml"
claim "the pace holds over runs that share the state file" story OK 2026-11-23T12:00:00.3 adhoc "${meters[1]}"
claim "... to the tenth" told '12:00:00.8 item'
sed -i 's#"adhoc": {#"adhoc": {"pace": "0.1 s", #' "$folder/party.json"
fresh && script "status=200 body=$first.xml" "status=200 body=$second.xml"
claim "an agreed pace is kept" story OK 2026-11-23T12:00 adhoc "${meters[@]:0:2}"
claim "... of 0.1 s" told '12:00:00.1 item'
config

fresh && script "status=429 retry=7 body=pace.xml" "status=200 body=$first.xml"
claim "429 is obeyed and tried again" story OK 2026-11-23T12:00 adhoc "${meters[0]}"
claim "... after Retry-After" told '12:00:07.0 item'
fresh && script "status=200 retry=3 body=pace.xml" "status=200 body=$first.xml"
claim "so is the same under HTTP 200" story OK 2026-11-23T12:00 adhoc "${meters[0]}"
fresh && script "status=503 retry=Mon,_23_Nov_2026_12:10:00_GMT" "status=503" "status=503" "status=200 body=$first.xml"
claim "503 is tried again, at the date told, then after ever longer pauses" story OK 2026-11-23T12:00 adhoc "${meters[0]}"
claim "... the first at that date" told '12:10:00.0 waited'
fresh && script "status=503 retry=14400 body=pace.xml"
claim "a pause longer than the patience is told, not waited" story CLIENT_REFUSED 2026-11-23T12:00 adhoc "${meters[0]}"
claim "... with the time to come back" words "come back at 2026-11-23 16:00"
fresh && script "drop=after"
claim "a CSR that was sent and not answered is not sent again" story CLIENT_FATE_UNKNOWN 2026-11-23T12:00 adhoc "${meters[0]}"
claim "... nor is it in a later run" story CLIENT_TWICE 2026-11-23T12:10 adhoc "${meters[0]}"
claim "... and nobody was asked" asked 1
script "status=200 body=$first.xml"
claim "... until somebody says --again" client adhoc --config "$folder/party.json" --quiet --again --out "$folder/certs" "${meters[0]}"
claim "... and gets the certificate" cmp <(openssl x509 -in "$folder/certs/$first.crt" -outform DER) <(certificate_of "$first" | base64 -d)
claim "... which is all that is kept of it" state_is 'value["adhoc"] == []'
fresh && script "drop=before"
claim "a connection that breaks while a POST is under way is such a case too" story CLIENT_FATE_UNKNOWN 2026-11-23T12:00 adhoc "${meters[0]}"
fresh && script "status=200 body=$first.xml cut=100"
claim "so is an answer that is cut short" story CLIENT_FATE_UNKNOWN 2026-11-23T12:00 adhoc "${meters[0]}"
fresh && script "status=502"
claim "so is HTTP 502 without a document" story CLIENT_FATE_UNKNOWN 2026-11-23T12:00 adhoc "${meters[0]}"
fresh && script "status=200 body=$first.xml delay=9"
claim "so is an answer that does not come in time" story CLIENT_FATE_UNKNOWN 2026-11-23T12:00 adhoc "${meters[0]}"
fresh && script "status=404"
claim "4xx is never tried again" story CLIENT_REFUSED 2026-11-23T12:00 adhoc "${meters[0]}"
claim "... not once" asked 1
claim "... and leaves nothing behind" state_is 'value["adhoc"] == []'
fresh && script "status=200 body=unknown.xml"
claim "a refusal of the service is the answer" story OK 2026-11-23T12:00 adhoc "${meters[0]}"
claim "... with its code" told 'item .* CLIENT_REFUSED UD:LA3'
fresh && script "status=200 body=$second.xml"
claim "a certificate for another CSR is seen" story OK 2026-11-23T12:00 adhoc "${meters[0]}"
claim "... as wrong" told 'item .* CLIENT_CERTIFICATE'
fresh && script "status=200 body=$second.xml"
refused 1 "the command says so, too" client adhoc --config "$folder/party.json" --quiet --out "$folder/certs" "${meters[0]}"
claim "... names the difference" because "another public key"
claim "... and keeps what came, under another name" test -s "$folder/certs/$first.crt.wrong"
fresh && script "status=200 body=empty.xml"
claim "SUCCESS without a certificate is no answer" story CLIENT_ANSWER 2026-11-23T12:00 adhoc "${meters[0]}"
claim "... and is kept" bash -c "cmp '$folder'/state.json.answer-* <(sed 's/@ID@/$first.csr/' '$peer/empty.xml')"
sed 's/@ID@/somebody-else/' "$peer/$first.xml" >"$peer/mixed.xml"
fresh && script "status=200 body=mixed.xml"
claim "an answer to another request is no answer" story CLIENT_ANSWER 2026-11-23T12:00 adhoc "${meters[0]}"
sed -e 's/peer/\&boom;/' -e 's/^<?xml.*/<!DOCTYPE a [<!ENTITY boom "b">]>/' "$peer/$first.xml" >"$peer/entity.xml"
fresh && script "status=200 body=entity.xml"
claim "neither is one with a DTD" story CLIENT_ANSWER 2026-11-23T12:00 adhoc "${meters[0]}"
echo "not a CSR" >"$folder/bad.csr"
fresh && script "status=200 body=$first.xml"
refused 1 "a file that is no CSR is refused, and nothing is sent" client adhoc --config "$folder/party.json" --quiet --out "$folder/certs" "$folder/bad.csr"
claim "... indeed" asked 0
finish
