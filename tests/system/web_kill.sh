#!/bin/bash
# kill -9 of the web services while requests come in on six connections, again and again: who was given a certificate finds it in the store,
# who was given none may ask again, and in the end every request has exactly one.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/web_lib.sh
. "$(dirname "$0")/web_lib.sh"

requests=60 senders=6 rounds=4
device=90B3D51F30010001

at "2026-11-23 12:00:00"
web_home
request "$folder/first.csr" $device digitalSignature
smki cert issue --profile device --party 1 "$folder/first.csr" >/dev/null # the device has had a certificate
for i in $(seq $requests); do
    request "$folder/$i.csr" $device digitalSignature
    adhoc_request "r$i" "$folder/$i.csr" >"$folder/$i.xml"
done

# send SENDER: its share, once each but for what has an answer; what comes back whole is kept.
send() {
    local i
    for i in $(seq "$1" $senders $requests); do
        if [ -e "$folder/$i.answer" ]; then continue; fi
        if curl -s --max-time 30 --cacert "$home/tls/ca.pem" --cert "$folder/adhoc-1/cert.pem" --key "$folder/adhoc-1/key.pem" -f -o "$folder/$i.part" \
            -H 'Content-Type: application/xml' --data-binary "@$folder/$i.xml" "https://localhost:$adhoc_port/1.0/PortalCSR/DeviceCertificateSigningRequest"; then
            mv "$folder/$i.part" "$folder/$i.answer"
        else
            echo "$i" >>"$folder/lost"
        fi
    done
}

answered() { find "$folder" -name '*.answer' | wc -l; }

# send_all [ANSWERS]: all senders at once; after so many answers, or 10 seconds, the server is killed.
send_all() {
    local sender try before senders_pids=()
    before=$(answered)
    for sender in $(seq $senders); do
        send "$sender" &
        senders_pids+=($!)
    done
    if [ -n "${1:-}" ]; then
        for try in $(seq 500); do
            if [ $(($(answered) - before)) -ge "$1" ]; then break; fi
            sleep 0.02
        done
        kill -KILL "$server"
        wait "$server" 2>/dev/null || true
        echo "# killed with $(($(answered) - before)) answers out, at look $try"
    fi
    wait "${senders_pids[@]}" || true
}

answers_of() { cat "$folder"/*.answer 2>/dev/null | grep -c "$1" || true; } # how many answers say so
for round in $(seq $rounds); do
    web_start '"demand.adhoc_pace_mode": "off"'
    send_all $((RANDOM % 6 + 4))
    claim "round $round: killed; the log holds all the same" smki audit verify
done
claim "some requests were under way when it was killed" test -s "$folder/lost"
web_start '"demand.adhoc_pace_mode": "off"'
send_all
web_stop

claim "every request has an answer" test "$(answered)" -eq $requests
claim "which is a certificate, or says that there is one already" test $(($(answers_of '<Status>SUCCESS</Status>') + $(answers_of '<ErrorCode>CR:9999</ErrorCode>'))) -eq $requests
echo "# $(answers_of CR:9999) certificates were stored and not delivered"
smki device show 90-B3-D5-1F-30-01-00-01 --json >"$folder/device.json"
claim "the device has one certificate for each request, and the first" \
    test "$(python3 -c 'import json, sys; print(len(json.load(sys.stdin)["certificates"]))' <"$folder/device.json")" -eq $((requests + 1))

stored=0 right=0
for i in $(seq $requests); do
    if ! grep -q '<Status>SUCCESS</Status>' "$folder/$i.answer"; then continue; fi
    xmllint --xpath 'string(//*[local-name()="Certificate"])' "$folder/$i.answer" | base64 -d | openssl x509 -inform DER -out "$folder/$i.pem"
    smki cert show "$(openssl x509 -in "$folder/$i.pem" -noout -serial | cut -d= -f2)" >/dev/null && stored=$((stored + 1))
    cmp -s <(openssl x509 -in "$folder/$i.pem" -noout -pubkey) <(openssl req -in "$folder/$i.csr" -noout -pubkey) && right=$((right + 1))
done
claim "every certificate that was delivered is in the store" test "$stored" -eq "$(answers_of '<Status>SUCCESS</Status>')"
claim "and is for the key of its own request" test "$right" -eq "$stored"
claim "the log holds" smki audit verify
finish
