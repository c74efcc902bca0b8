#!/bin/bash
# The ad hoc web service as a supplier's system meets it (IDS App. B; interfaces.md 5), with curl over mutual TLS.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/web_lib.sh
. "$(dirname "$0")/web_lib.sh"

at "2026-11-23 12:00:00"
web_home
first=$folder/first.csr
request "$first" 90B3D51F30010001 digitalSignature
smki cert issue --profile device --party 1 "$first" >/dev/null # the device has had a certificate
web_start '"demand.adhoc_pace_mode": "off"'

fresh() { # fresh METER: a request with a new key for the meter, as a document in $folder/document
    request "$folder/fresh.csr" "$1" digitalSignature
    adhoc_request "${2:-ref-1}" "$folder/fresh.csr" >"$folder/document"
}

# ---- every status ----

fresh 90B3D51F30010001
claim "a request for a known device is sent" adhoc 1 "$folder/document"
claim "and answered with a certificate" answers 200 "<Status>SUCCESS</Status>"
claim "with the request's ID" test "$(xmllint --xpath 'string(/*/@ID)' "$folder/answer")" = ref-1
claim "and our version as Build" test "$(element Build)" = "$("$PROGRAMS/webservice/smki-webservice" --version | cut -d' ' -f2)"
claim "as application/xml;charset=UTF-8" heads 'content-type: application/xml;charset=UTF-8'
element Certificate | base64 -d >"$folder/certificate.der"
openssl x509 -inform DER -in "$folder/certificate.der" -out "$folder/certificate.pem"
smki ca export "$folder/ca" >/dev/null
claim "openssl verifies it" openssl verify -CAfile "$folder/ca/dca-chain.pem" "$folder/certificate.pem"
claim "it has the request's key" diff <(openssl x509 -in "$folder/certificate.pem" -noout -pubkey) <(openssl req -in "$folder/fresh.csr" -noout -pubkey)
transaction=$(element TransactionId)
claim "the TransactionId is found in the audit log" says "certificate-issue" smki audit find --transaction "$transaction"
claim "it is stored" says "90-B3-D5-1F-30-01-00-01" smki cert show "$(openssl x509 -in "$folder/certificate.pem" -noout -serial | cut -d= -f2)"

claim "the same request again" adhoc 1 "$folder/document"
claim "is a duplicate" answers 200 "<ErrorCode>CR:9999</ErrorCode>"
claim "with another TransactionId" test "$(element TransactionId)" -gt "$transaction"

fresh 90B3D51F30019999
claim "a device that never had a certificate" adhoc 1 "$folder/document"
claim "is UNKNOWN_DEVICE" answers 200 "<Status>UNKNOWN_DEVICE</Status>"

smki device limit 90-B3-D5-1F-30-01-00-01 2 >/dev/null
fresh 90B3D51F30010001
claim "beyond the device's limit" adhoc 1 "$folder/document"
claim "it is ISSUANCE_ANOMALY" answers 200 "<Status>ISSUANCE_ANOMALY</Status>"
smki device limit 90-B3-D5-1F-30-01-00-01 100 >/dev/null

request "$folder/both.csr" 90B3D51F30010001 "digitalSignature, keyAgreement"
adhoc_request both "$folder/both.csr" >"$folder/document"
claim "two key usages" adhoc 1 "$folder/document"
claim "are a CSR_ERROR" answers 200 "<Status>CSR_ERROR</Status>"

mv "$home/keys/dca.key" "$home/keys/dca.key.away"
web_stop
web_start '"demand.adhoc_pace_mode": "off"'
fresh 90B3D51F30010001
claim "while the CA's key is away" adhoc 1 "$folder/document"
claim "it is a CA_ERROR" answers 200 "<Status>CA_ERROR</Status>"
mv "$home/keys/dca.key.away" "$home/keys/dca.key"

# ---- documents that are none ----

broken() { # broken WORDS TEXT: the document is refused by its form
    printf '%s' "$2" >"$folder/broken.xml"
    claim "$1" adhoc 1 "$folder/broken.xml"
    claim "$1: FORMAT_ERROR, valid by the schema" answers 200 "<Status>FORMAT_ERROR</Status>"
}
csr=$(base64_of "$first")
broken "no XML at all" "hello"
broken "an empty body" ""
broken "no ID" "<DeviceCertificateSigningRequest><Version>1.0</Version><CertificateSigningRequest>$csr</CertificateSigningRequest></DeviceCertificateSigningRequest>"
broken "another version" "<DeviceCertificateSigningRequest ID='a'><Version>1.1</Version><CertificateSigningRequest>$csr</CertificateSigningRequest></DeviceCertificateSigningRequest>"
broken "a namespace" "<DeviceCertificateSigningRequest xmlns='urn:x' ID='a'><Version>1.0</Version><CertificateSigningRequest>$csr</CertificateSigningRequest></DeviceCertificateSigningRequest>"
broken "another root" "<SubmitCSRBatch ID='a'><Version>1.0</Version></SubmitCSRBatch>"
broken "an external entity" "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><DeviceCertificateSigningRequest ID='a'><Version>1.0</Version><CertificateSigningRequest>&e;</CertificateSigningRequest></DeviceCertificateSigningRequest>"
broken "a bomb of entities" "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;'>]><DeviceCertificateSigningRequest ID='a'><Version>1.0</Version><CertificateSigningRequest>&c;</CertificateSigningRequest></DeviceCertificateSigningRequest>"
broken "deep nesting" "$(printf '<a>%.0s' $(seq 3000))$(printf '</a>%.0s' $(seq 3000))"
claim "the text does not show the file" test "$(grep -c root: "$folder/answer")" = 0
adhoc_request utf16 "$folder/fresh.csr" | sed 's/UTF-8/UTF-16/' | iconv -t UTF-16 >"$folder/document"
claim "UTF-16, which the schema allows" adhoc 1 "$folder/document"
claim "is read" answers 200 'ID="utf16"'

# ---- the edges of HTTP ----

url=https://localhost:$adhoc_port
on_record() { smki audit find --transaction "$(element TransactionId)" && smki audit find --transaction "$(element TransactionId)" | grep -q "System 1"; }
fresh 90B3D51F30010001
claim "another path" request_to adhoc 1 "$url/1.0/Portal" --data-binary "@$folder/document" -H 'Content-Type: application/xml'
claim "is 404, valid by the schema" answers 404 "FORMAT_ERROR"
claim "and on record with its TransactionId" on_record
claim "another version in the path" request_to adhoc 1 "$url/2.0/PortalCSR/DeviceCertificateSigningRequest" --data-binary "@$folder/document" -H 'Content-Type: application/xml'
claim "is 404 too" answers 404 "FORMAT_ERROR"
claim "GET" request_to adhoc 1 "$url/1.0/PortalCSR/DeviceCertificateSigningRequest"
claim "is 405" answers 405 "FORMAT_ERROR"
claim "with Allow" heads 'allow: POST'
claim "JSON" request_to adhoc 1 "$url/1.0/PortalCSR/DeviceCertificateSigningRequest" --data-binary "@$folder/document" -H "Content-Type: application/json"
claim "is 415" answers 415 "FORMAT_ERROR"
claim "and on record" on_record
head -c 200000 /dev/zero >"$folder/large"
claim "200 kB" adhoc 1 "$folder/large"
claim "are 413" answers 413 "FORMAT_ERROR"
claim "and on record" on_record
claim "in chunks too" adhoc 1 "$folder/large" -H 'Transfer-Encoding: chunked'
claim "are 413" answers 413 "FORMAT_ERROR"
claim "and on record" on_record

raw() { # raw HEAD: a head as it stands, with openssl; what is answered
    printf '%b' "$1" | timeout 20 openssl s_client -quiet -ign_eof -connect "127.0.0.1:$adhoc_port" -servername localhost -CAfile "$home/tls/ca.pem" \
        -cert "$folder/adhoc-1/cert.pem" -key "$folder/adhoc-1/key.pem" 2>/dev/null
}
raw 'POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60\r\n: y\r\nA: bbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n\r\nGET /hidden HTTP/1.1\nHost: localhost\nConnection: close\n\n' >"$folder/raw"
claim "a field without a name ends no head: one answer, 400" test "$(grep -c '^HTTP/1.1 400' "$folder/raw")/$(grep -c '^HTTP/1.1 ' "$folder/raw")" = 1/1
for count in 520 1000 4000; do
    raw "GET /x?$(printf 'a&%.0s' $(seq "$count")) HTTP/1.1\r\nHost: localhost\r\n\r\n" >"$folder/raw"
    claim "$count arguments are answered at once" grep -q '^HTTP/1.1 414' "$folder/raw"
done

# ---- who may not ----

claim "the batch credential" request_to batch 1 "$url/1.0/PortalCSR/DeviceCertificateSigningRequest" --data-binary "@$folder/document" -H 'Content-Type: application/xml'
claim "is refused with 403, and told nothing" answers 403 "access refused"
element ErrorCode >"$folder/code-interface"
claim "the audit log has the reason" says IKI_INTERFACE smki audit export -
claim "under the TransactionId of the answer" says access-refused smki audit find --transaction "$(element TransactionId)"
claim "with the credential that was shown" grep -q 127.0.0.1 "$folder/said"
claim "which needs no line in the server's log" test "$(grep -c "TransactionId $(element TransactionId)" "$folder/server")" = 0
sleep 1
curl -s --cacert "$home/tls/ca.pem" --cert "$folder/batch-1/cert.pem" --key "$folder/batch-1/key.pem" -o "$folder/flood-#1" "$url/[1-40]"
flood_traced() { # each of the answers' numbers is in the audit log or, beyond the 10 a second that it takes, on standard error
    local file number recorded=0 told=0
    smki audit export "$folder/audit.jsonl"
    for file in "$folder"/flood-*; do
        number=$(sed -n 's:.*<TransactionId>\([0-9]*\)<.*:\1:p' "$file")
        if grep -qE "\"subject\": ?\"?$number[\",}]" "$folder/audit.jsonl"; then recorded=$((recorded + 1)); fi
        if grep -q "TransactionId $number is on no record" "$folder/server"; then told=$((told + 1)); fi
    done
    echo "$recorded recorded, $told told" && [ "$recorded" -ge 10 ] && [ "$told" -gt 0 ] && [ "$((recorded + told))" = 40 ]
}
claim "of a flood each number is in one of the two" flood_traced
serial=$(openssl x509 -in "$folder/adhoc-2/cert.pem" -noout -serial | cut -d= -f2)
claim "Party 2's credential is let in" adhoc 2 "$folder/document"
smki credential suspend "$serial" >/dev/null
claim "suspended, on its very next request" adhoc 2 "$folder/document"
claim "it is refused" answers 403 "access refused"
element ErrorCode >"$folder/code-suspended"
smki credential resume "$serial" >/dev/null
adhoc 2 "$folder/document"
claim "resumed it is let in again" test "$(cat "$folder/status")" = 200
smki credential revoke "$serial" >/dev/null
adhoc 2 "$folder/document"
claim "revoked it is refused" answers 403 "access refused"
element ErrorCode >"$folder/code-revoked"
claim "no code tells why" test "$(sort -u "$folder"/code-* | wc -l)" = 1

claim "the server ends as told" web_stop

# ---- the server's log, a second server ----

web_start '"demand.adhoc_pace_mode": "off"'
for _ in $(seq 70); do
    raw 'GET /x HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n' >"$folder/raw"
done
told() { grep -c "TransactionId .* is on no record" "$folder/server"; }
claim "of 70 refusals before anyone is let in 60 have a line" test "$(told)" = 60
first_admin=$admin_port second_admin=$(free_port) second_port=$(free_port)
"${sought[@]}" "${timely[@]}" "$PROGRAMS/webservice/smki-webservice" --home "$home" --listen-adhoc "127.0.0.1:$second_port" --listen-batch "127.0.0.1:$(free_port)" \
    --listen-admin "127.0.0.1:$second_admin" >"$folder/second" 2>&1 &
second=$!
claim "a second server of the home has an admin listener of its own" ready "$second" "$second_admin" "$folder/second"
claim "beside the first" ready "$server" "$first_admin" "$folder/server"
kill -TERM "$second"
wait "$second" || true
refused 1 "which is on loopback only" "$PROGRAMS/webservice/smki-webservice" --home "$home" --listen-adhoc "127.0.0.1:$second_port" \
    --listen-batch "127.0.0.1:$(free_port)" --listen-admin 192.0.2.1:9000
claim "and says so" because "192.0.2.1:9000 is not a loopback address"
claim "the server ends as told" web_stop
claim "and tells how many had none" grep -q ": 10 further refusals were not told of" "$folder/server"
claim "and the audit log is whole" smki audit verify
finish
