#!/bin/bash
# smki-client and the real web services, over mutual TLS, through a night in moved time.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh
. "$ROOT/tests/system/web_lib.sh"

client() { "${timely[@]}" "$PROGRAMS/client/smki-client" "$@"; }
as() { # as WHO COMMAND...: with that Party's credentials
    local who=$1
    shift
    client "$@" --config "$folder/party-$who.json" --quiet
}
party_json() { # party_json WHO
    cat >"$folder/party-$1.json" <<JSON
{
  "adhoc": {"url": "https://localhost:$adhoc_port", "certificate": "adhoc-$1/cert.pem", "key": "adhoc-$1/key.pem"},
  "batch": {"url": "https://localhost:$batch_port", "certificate": "batch-$1/cert.pem", "key": "batch-$1/key.pem"},
  "server_ca": "home/tls/ca.pem", "chain": "ca/dca-chain.pem", "state": "state-$1.json"
}
JSON
}
eventually() { within 60 grep -q -e "$1" "$2" || { cat "$2" && return 1; }; } # eventually TEXT FILE
verified() { # verified N FOLDER: that many certificates, all verified by openssl
    local file
    [ "$(find "$2" -name '*.crt' | wc -l)" -eq "$1" ] || return 1
    for file in "$2"/*.crt; do openssl verify -CAfile "$folder/ca/dca-chain.pem" "$file" >/dev/null || return 1; done
}

at "2026-11-23 19:30:00"
web_home
smki ca export "$folder/ca" >/dev/null
claim "the web services start" web_start
party_json 1 && party_json 2
client make-csr --quiet --count 2 --out "$folder/meters" --xml "$folder/batch.xml" --id night-1 >/dev/null
client make-csr --quiet --count 2 --out "$folder/new" >/dev/null # the same meters, new keys

refused 1 "a meter without a certificate gets none from the ad hoc service" as 1 adhoc --out "$folder/adhoc" "$folder/new/90B3D51F30010001-ds.csr"
claim "... by the code of the specification" because "UD:"
claim "a batch is submitted" says 1 as 1 batch submit "$folder/batch.xml"
refused 1 "... once" as 1 batch submit "$folder/batch.xml"
refused 1 "results are not asked for before their time" as 1 batch fetch "$folder/batch.xml"
claim "... which is told" because "22:00"
"${timely[@]}" "$PROGRAMS/client/smki-client" batch wait --config "$folder/party-1.json" --out "$folder/results" "$folder/batch.xml" >"$folder/waited" 2>"$folder/waits" &
waiting=$!
claim "waiting says until when" eventually "waits until 2026-11-23 22:00" "$folder/waits"
refused 1 "two do not wait for one batch" as 1 batch wait --out "$folder/results" "$folder/batch.xml"
at "2026-11-23 22:01:00"
claim "the first poll finds it unfinished, and the next is in an hour" eventually "waits until 2026-11-23 23:0" "$folder/waits"
claim "the night runs" batch run --once --quiet
kill -KILL "$waiting" && wait "$waiting" 2>/dev/null || true
at "2026-11-24 08:30:00"
claim "waiting goes on after a kill" as 1 batch wait --out "$folder/results" "$folder/batch.xml"
claim "... with every certificate" verified 4 "$folder/results"
claim "... and the document as it came, valid by the schema" xmllint --noout --schema "$ROOT/tests/data/schema/batch-1.0.xsd" "$folder/results/result.xml"
claim "... which can be written once more without asking" as 1 batch fetch --out "$folder/results" "$folder/batch.xml"
rm "$folder/results/result.xml"
refused 1 "a second retrieval is refused here" as 1 batch fetch --out "$folder/results" "$folder/batch.xml"
sed -i 's/"retrieved_at"[^,]*,//' "$folder/state-1.json"
at "2026-11-24 10:00:00"
refused 1 "... and there" as 1 batch fetch --out "$folder/results" "$folder/batch.xml"
claim "... as that" because "POLL_DONE"
claim "the operator releases it again" batch release 1
claim "... and it is retrieved again" as 1 batch fetch --again --out "$folder/results" "$folder/batch.xml"
refused 1 "another Party's batch is unknown" as 2 batch fetch --batch-id 1 --accepted 2026-11-23T19:30 --out "$folder/other" "$folder/batch.xml"
claim "... as one that is not there" because "BATCH_UNKNOWN"

claim "a meter with certificates gets new ones, at the pace" as 1 adhoc --out "$folder/adhoc" "$folder"/new/*.csr
claim "... all of them" verified 4 "$folder/adhoc"
refused 1 "a duplicate is refused" as 1 adhoc --out "$folder/twice" "$folder/new/90B3D51F30010001-ds.csr"
claim "... by its code" because "CR:9999"
smki maintenance start --text "new disks" --to "2026-11-24T12:00" >/dev/null
refused 1 "in maintenance the client says when to come back" as 1 batch submit --again "$folder/batch.xml"
claim "... by the clock" because "2026-11-24 12:00"
claim "maintenance ends" smki maintenance end
smki credential revoke "$(openssl x509 -in "$folder/batch-1/cert.pem" -noout -serial | cut -d= -f2)" >/dev/null
refused 1 "a revoked credential is refused at once" as 1 batch submit --again "$folder/batch.xml"
claim "... in words" because "CLIENT_"
claim "the log is whole" smki audit verify
claim "the web services end" web_stop
finish
