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
within 60 test -s "$peer/port"
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

# ---- batches: submission ----

file=$folder/batch.xml document=$folder/certs/result.xml
fresh && script "status=200 body=accepted.xml"
claim "a batch is submitted" story OK 2026-11-23T19:59 submit "$file"
claim "... whole" cmp "$peer/request-$(tail -n 1 "$peer/log" | cut -d' ' -f1)" "$file"
claim "... and written down" state_is 'value["batches"][0]["batch_id"] == "1" and value["batches"][0]["accepted_at"].startswith("2026-11-23T19:59")'
cp "$file" "$folder/copy.xml"
claim "the same octets are not submitted twice, under whatever name" story CLIENT_TWICE 2026-11-23T20:30 submit "$folder/copy.xml"
claim "... and nobody is asked" asked 1
script "status=200 body=accepted.xml"
claim "... unless --again" story OK 2026-11-23T20:30 submit-again "$folder/copy.xml"
fresh && script "drop=after"
claim "a batch that was sent and not answered is not sent again" story CLIENT_FATE_UNKNOWN 2026-11-23T19:59 submit "$file"
claim "... and what to do is said" words "pickup page"
claim "... nor in a later run" story CLIENT_FATE_UNKNOWN 2026-11-23T20:10 submit "$file"
claim "... nor is it waited for" story CLIENT_FATE_UNKNOWN 2026-11-23T20:10 wait "$file" "$document"
claim "... all of that without asking" asked 1
claim "its number, once it is known, is taken" story OK 2026-11-23T20:10 adopt "$file" 1
script "status=200 body=completed.xml"
claim "... and it is waited for as one that was accepted when it was sent" story OK 2026-11-23T20:10 wait "$file" "$document"
claim "... from 22:00" told '^2026-11-23 22:00:01.0 batch 1 COMPLETED'
fresh && script "drop=before"
claim "a connection that breaks under the upload is such a case too" story CLIENT_FATE_UNKNOWN 2026-11-23T19:59 submit "$file"
fresh && script "status=503 retry=60" "status=429 retry=2 body=barred.xml" "status=200 body=accepted.xml"
claim "503 and 429 are tried again" story OK 2026-11-23T19:00 submit "$file"
claim "... after Retry-After" told '19:01:02.0 batch 1 PENDING'
fresh && script "status=200 body=barred.xml"
claim "a refusal is not" story CLIENT_REFUSED 2026-11-23T19:00 submit "$file"
claim "... is told in its words" words "WF:PA2: the Party is barred"
claim "... and leaves nothing behind" state_is 'value["batches"] == []'
fresh && config url "https://localhost:1" patience "30 s"
sed -i 's#"timeout": "2 s"#"timeout": "2 s", "patience": "30 s"#' "$folder/party.json"
claim "a service that cannot be reached is tried again, and given up" story CLIENT_CONNECTION 2026-11-23T19:00 submit "$file"
claim "... after ever longer pauses" waits 5
claim "... leaving nothing behind" state_is 'value["batches"] == []'
config
(cd "$folder" && zip -q -j zipped.zip meters/*.csr)
claim "a zip is for the portal" story XML_INVALID 2026-11-23T19:00 submit "$folder/zipped.zip"
sed 's/ID="meter-[^"]*"/ID="twice"/' "$file" >"$folder/twice.xml"
claim "what the service would refuse is refused before it is sent" story XML_INVALID 2026-11-23T19:00 submit "$folder/twice.xml"

# ---- batches: the times of polls ----

submitted() { fresh && script "status=200 body=accepted.xml" && story OK "$1" submit "$file" >/dev/null; }
poll_times() { # poll_times TIME...: one poll at each
    local expected=("$@") seen
    mapfile -t seen < <(grep 'waited:' "$folder/story" | cut -c1-19)
    [ "${seen[*]}" = "${expected[*]}" ] || { printf '%s\n' "${seen[@]}" && return 1; }
}
processing=("status=200 body=processing.xml")
submitted 2026-11-23T19:59
script "${processing[@]}" "${processing[@]}" "${processing[@]}" "${processing[@]}" "${processing[@]}" "${processing[@]}" "${processing[@]}" \
    "${processing[@]}" "${processing[@]}" "${processing[@]}" "status=200 body=completed.xml"
claim "accepted before 20:00: polled from 22:00, once an hour, until the results are there" story OK 2026-11-23T19:59:30 wait "$file" "$document"
claim "... as told" poll_times "2026-11-23 22:00:01" "2026-11-23 23:00:02" "2026-11-24 00:00:03" "2026-11-24 01:00:04" "2026-11-24 02:00:05" \
    "2026-11-24 03:00:06" "2026-11-24 04:00:07" "2026-11-24 05:00:08" "2026-11-24 06:00:09" "2026-11-24 07:00:10" "2026-11-24 08:00:11"
claim "... every certificate is held against its CSR" told 'checked 7 csrs, 6 good, 1 refused, 0 wrong'
claim "... and the document is as it came" cmp "$document" "$peer/completed.xml"
script
claim "what was retrieved is not asked for again" story OK 2026-11-24T09:00 wait "$file" "$document"
claim "... indeed" asked 0
rm "$document"
claim "... even when it is gone: one retrieval" story POLL_DONE 2026-11-24T09:00 fetch "$file" "$document"
script "status=200 body=completed.xml"
claim "... but when it has been released again" story OK 2026-11-24T09:00 fetch-again "$file" "$document"
submitted 2026-11-23T20:00
script "${processing[@]}" "status=200 body=completed.xml"
claim "accepted at 20:00: polled from 22:00 of the day after" story OK 2026-11-23T20:01 wait "$file" "$document"
claim "... as told" poll_times "2026-11-24 22:00:01" "2026-11-24 23:00:02"
submitted 2026-03-28T12:00
script "${processing[@]}" "${processing[@]}" "${processing[@]}" "${processing[@]}" "status=200 body=completed.xml"
claim "in the night of the change of clocks an hour is an hour" story OK 2026-03-28T12:01 wait "$file" "$document"
claim "... as told" poll_times "2026-03-28 22:00:01" "2026-03-28 23:00:02" "2026-03-29 00:00:03" "2026-03-29 02:00:04" "2026-03-29 03:00:05"
submitted 2026-11-23T12:00
script
claim "before its time it is not polled" story POLL_TOO_EARLY 2026-11-23T21:59:59 fetch "$file" "$document"
claim "... and the time is told" words "22:00"
claim "... and nobody is asked" asked 0
script "${processing[@]}"
claim "at its time it is" story BATCH_NOT_COMPLETED 2026-11-23T22:00 fetch "$file" "$document"
claim "... once" story POLL_TOO_OFTEN 2026-11-23T22:59:59 fetch "$file" "$document"
claim "... in an hour" asked 1
submitted 2026-11-23T12:00
script "status=429 retry=600 body=early.xml" "status=200 body=completed.xml"
claim "a service that says when to come back is obeyed" story OK 2026-11-23T22:00 wait "$file" "$document"
claim "... to the second" poll_times "2026-11-23 22:10:01"
submitted 2026-11-23T12:00
script "status=429 retry=7200 body=early.xml"
claim "... in later runs, too" story POLL_TOO_OFTEN 2026-11-23T22:00 fetch "$file" "$document"
claim "... indeed" story POLL_TOO_OFTEN 2026-11-23T23:30 fetch "$file" "$document"
claim "... without asking" asked 1

# ---- batches: what comes ----

submitted 2026-11-23T12:00
script "status=200 body=completed.xml cut=900" "status=503 retry=5" "drop=before" "status=200 body=completed.xml"
claim "a broken download is repeated" story OK 2026-11-24T09:00 wait "$file" "$document"
claim "... within the minute" told '^2026-11-24 09:00:'
submitted 2026-11-23T12:00
script "status=200 body=completed.xml cut=900" && story INTERRUPTED 2026-11-24T09:00 fetch "$file" "$document" >/dev/null 2>&1 || true
cp "$peer/completed.xml" "$document.part"
script
claim "a download that was whole when its run was killed is found" story OK 2026-11-24T09:01 wait "$file" "$document"
claim "... and nobody is asked for it again" asked 0
submitted 2026-11-23T12:00
cp "$peer/completed.xml" "$document" && script
claim "... also when only the state file does not know of it yet" story OK 2026-11-24T09:01 fetch "$file" "$document"
submitted 2026-11-23T12:00
echo precious >"$document" && script
claim "a file that is no result is not replaced" story ALREADY_EXISTS 2026-11-24T09:01 fetch "$file" "$document"
submitted 2026-11-23T12:00
script "status=200 body=rejected.xml"
claim "REJECTED ends the waiting" story BATCH_REJECTED 2026-11-23T12:01 wait "$file" "$document"
submitted 2026-11-23T12:00
script "status=200 body=unknown-batch.xml"
claim "so does an unknown BatchId" story BATCH_UNKNOWN 2026-11-23T12:01 wait "$file" "$document"
submitted 2026-11-23T12:00
sed 's#<BatchId>1#<BatchId>2#' "$peer/completed.xml" >"$peer/other.xml" && script "status=200 body=other.xml"
claim "another batch's result is no answer" story CLIENT_ANSWER 2026-11-24T09:00 fetch "$file" "$document"
claim "... and is kept all the same" cmp "$document.unreadable" "$peer/other.xml"
submitted 2026-11-23T12:00
head -c 2000 "$peer/completed.xml" >"$peer/short.xml" && script "status=200 body=short.xml"
claim "a document that ends too early is no answer, and is kept" story CLIENT_ANSWER 2026-11-24T09:00 fetch "$file" "$document"
claim "... as it came" cmp "$document.unreadable" "$peer/short.xml"
# Certificates changed places, one left out, one twice named, one nobody asked for.
python3 - "$peer" <<'PYTHON'
import re, sys
whole = open(sys.argv[1] + "/completed.xml").read()
entries = re.findall(r"<DeviceCertificate .*?</DeviceCertificate>\n", whole, re.S)
first, second = (re.search("<Certificate>.*</Certificate>", entry).group() for entry in entries[:2])
bad = whole.replace(first, "@").replace(second, first).replace("@", second).replace(entries[2], "").replace(
    "</CSRBatchResult>", entries[3].replace('ID="', 'ID="surplus-') + "</CSRBatchResult>")
flipped = re.search("<Certificate>(.*)</Certificate>", entries[4]).group(1)
bad = bad.replace(flipped, flipped[:-8] + ("A" if flipped[-8] != "A" else "B") + flipped[-7:])
open(sys.argv[1] + "/bad.xml", "w").write(bad)
PYTHON
submitted 2026-11-23T12:00
script "status=200 body=bad.xml"
claim "what does not fit is found" story OK 2026-11-24T09:00 fetch "$file" "$document"
claim "... all of it" told 'checked 7 csrs, 2 good, 1 refused, 5 wrong'
claim "... certificates that changed places" told 'item meter-90B3D51F30010001-ka CLIENT_CERTIFICATE'
claim "... a signature that does not verify" told 'item meter-90B3D51F30010003-ds CLIENT_CERTIFICATE'
claim "... what was left out" told 'item meter-90B3D51F30010002-ds CLIENT_ANSWER'
claim "... what nobody asked for" told 'item surplus-meter-90B3D51F30010002-ka CLIENT_ANSWER'

# ---- the command ----

run() { client "$@" --config "$folder/party.json" --quiet; }
fresh && script "status=200 body=accepted.xml"
claim "batch submit prints the BatchId" says 1 run batch submit "$folder/good.xml"
claim "batch status tells it as JSON" is_json run batch status --json "$folder/good.xml"
script "status=200 body=bad.xml"
refused 1 "batch fetch before its time is refused in one line" run batch fetch --out "$folder/certs" "$folder/good.xml"
accepted=$(date -u -d '2 days ago' +%Y-%m-%dT12:00Z)
python3 - "$folder/state.json" "$accepted" <<'PYTHON'
import json, sys
state = json.load(open(sys.argv[1]))
state["batches"][0]["accepted_at"] = sys.argv[2].replace("Z", ":00.000000Z")
json.dump(state, open(sys.argv[1], "w"))
PYTHON
status=0 && run batch fetch --json --out "$folder/certs" "$folder/good.xml" >"$folder/fetch.json" 2>"$folder/fetch.err" || status=$?
claim "what does not fit ends with 1" test "$status" -eq 1
claim "... is told one by one" test "$(wc -l <"$folder/fetch.err")" -ge 5
claim "... and as JSON" json_is "$folder/fetch.json" '[i["verdict"] for i in value].count("good") == 2'
claim "... and in the report" test "$(wc -l <"$folder/certs/report.txt")" -eq "$(python3 -c 'import json, sys; print(len(json.load(open(sys.argv[1]))))' "$folder/fetch.json")"
claim "a certificate that is right is named like its CSR" openssl verify -CAfile "$folder/ca/dca-chain.pem" "$folder/certs/meter-90B3D51F30010003-ka.crt"
claim "one that is not has another name" test -s "$folder/certs/meter-90B3D51F30010001-ka.crt.wrong" -a ! -e "$folder/certs/meter-90B3D51F30010001-ka.crt"
fresh && script "status=200 body=$first.xml"
claim "adhoc as JSON tells the TransactionId" bash -c "'$PROGRAMS/client/smki-client' adhoc --config '$folder/party.json' --quiet --json --out '$folder/certs' '${meters[0]}' >'$folder/adhoc.json'"
claim "... and the file" json_is "$folder/adhoc.json" 'value[0]["transaction"] == 7 and value[0]["verdict"] == "good" and value[0]["certificate"].endswith(".crt")'
script
claim "what is there already is not asked for" says "$first.crt" run adhoc --out "$folder/certs" "${meters[0]}"
claim "... indeed" asked 0
claim "--dry-run sends nothing" run adhoc --dry-run --out "$folder/certs" "${meters[1]}"
claim "... nor does that of submit" run batch submit --dry-run "$file"
claim "... indeed" asked 0
fresh && script "status=200 body=accepted.xml delay=6"
"$PROGRAMS/client/smki-client" batch submit --config "$folder/party.json" --quiet "$file" >"$folder/killed" 2>&1 &
killed=$!
within 60 test -s "$peer/log"
kill -KILL "$killed" && wait "$killed" 2>/dev/null || true
refused 1 "after a kill in the middle of a submission nothing is sent again by itself" run batch submit "$file"
claim "... because its fate is unknown" because "no answer came"
fresh && script "status=200 body=accepted.xml delay=5" "status=200 body=accepted.xml"
run batch submit "$folder/good.xml" >/dev/null 2>&1 &
other=$!
within 60 test -s "$peer/log"
before=$SECONDS
claim "one submission at a time: the second waits for the first's answer" run batch submit "$file"
claim "... indeed" test $((SECONDS - before)) -ge 1
wait "$other"
"$PROGRAMS/client/smki-client" batch wait --config "$folder/party.json" "$file" >"$folder/waiting.out" 2>"$folder/waiting.err" &
waiting=$!
within 60 grep -q 'waits until' "$folder/waiting.err"
kill -TERM "$waiting"
status=0 && wait "$waiting" || status=$?
claim "a signal ends the waiting" test "$status" -eq 1
claim "... which said until when" grep -q 'waits until .*22:00' "$folder/waiting.err"
echo '{"format": 2}' >"$folder/state.json"
refused 1 "a state file of another version is left alone" run batch submit "$file"
claim "... and said to be" because "its format is another one"

# ---- TLS, keys, configuration ----

fresh && script "status=200 body=accepted.xml" && config server_ca stranger.pem
refused 1 "a server that others certify is not trusted" run batch submit "$file"
claim "... by name" because "CLIENT_TLS"
config certificate stranger-leaf.pem key stranger-leaf.key
refused 1 "a certificate that the service does not accept is told at once" run batch submit "$file"
claim "... as what it is" because "does not accept this certificate"
config url "https://127.0.0.1:$port"
refused 1 "a certificate for another host is not accepted" run batch submit "$file"
config key stranger-leaf.key
refused 1 "a key that is not the certificate's is seen before anything is sent" run batch submit "$file"
claim "... as such" because "KEY_MISMATCH"
cp "$folder/party-leaf.key" "$folder/open.key" && chmod 644 "$folder/open.key" && config key open.key
refused 1 "a key that others can read is refused" run batch submit "$file"
openssl pkcs8 -topk8 -v2 aes-256-cbc -in "$folder/party-leaf.key" -passout pass:secret -out "$folder/closed.key" && chmod 600 "$folder/closed.key"
config key closed.key
refused 1 "an encrypted key wants its passphrase" setsid "$PROGRAMS/client/smki-client" batch submit --config "$folder/party.json" --quiet "$file"
(umask 077 && echo secret >"$folder/passphrase")
claim "... which may stand in a file" run batch submit --passphrase-file "$folder/passphrase" "$file"
config key "pkcs11:token=none;object=none"
fresh && script "status=200 body=accepted.xml"
# Where libcurl's TLS library has an engine for PKCS#11, that says its own lines first, and leaves memory behind.
no_token() {
    local status=0
    ASAN_OPTIONS=detect_leaks=0 run batch submit "$file" 2>"$folder/token.err" || status=$?
    cat "$folder/token.err"
    [ "$status" -eq 1 ] && [ "$(grep -c '^smki-client: ' "$folder/token.err")" -eq 1 ]
}
claim "a token that is not there is refused in words" no_token
config
claim "proxies of the environment are not used" env https_proxy=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1 \
    "$PROGRAMS/client/smki-client" batch submit --config "$folder/party.json" --quiet "$file"
fresh && script "status=200 body=accepted.xml"
refused 1 "... unless asked for" env https_proxy=http://127.0.0.1:1 "$PROGRAMS/client/smki-client" batch submit --config "$folder/party.json" --quiet --patience 0 --proxy system "$file"
config chain server.pem
fresh && script "status=200 body=$first.xml"
refused 1 "a chain that is not the CAs' finds every certificate wrong" run adhoc --out "$folder/certs" "${meters[0]}"
config
sed -i 's#"timeout"#"time_out"#' "$folder/party.json"
refused 1 "an unknown key of the configuration is refused" run batch submit "$file"
claim "... with the one that was meant" because "did you mean timeout?"
sed -i 's#"time_out": "2 s"#"timeout": "2 parsecs"#' "$folder/party.json"
refused 1 "a wrong value of the configuration is refused" run batch submit "$file"
claim "... by its name" because "timeout: it is"

# ---- CSRs and batches made ----

claim "make-csr makes requests that lint finds good" "$PROGRAMS/smki/smki" lint "${meters[@]}"
claim "... their keys, for nobody else to read" test "$(stat -c %a "$folder/meters/$first.key")" = 600
claim "... which are theirs" cmp <(openssl pkey -in "$folder/meters/$first.key" -pubout) <(openssl req -in "$folder/meters/$first.csr" -noout -pubkey)
claim "... and a document that is valid by the schema" xmllint --noout --schema "$ROOT/tests/data/schema/batch-1.0.xsd" "$folder/good.xml"
claim "batch pack packs the same" client batch pack --id "a & b" --out "$folder/packed.xml" "${meters[@]}"
claim "... validly" xmllint --noout --schema "$ROOT/tests/data/schema/batch-1.0.xsd" "$folder/packed.xml"
claim "... or as a zip, which the service takes" client batch pack --out "$folder/packed.zip" "${meters[@]}"
claim "... indeed" batch submit --party 1 "$folder/packed.zip" "$folder/packed.xml"
refused 1 "two CSRs of one name do not fit one batch" client batch pack --out "$folder/no.xml" "${meters[0]}" "${meters[0]}"
claim "... and nothing is left of it" bash -c "! ls '$folder'/no.xml*"
refused 2 "make-csr wants to know where to" client make-csr
refused 2 "... and no more than a batch holds" client make-csr --count 25001 --xml "$folder/no.xml"
finish
