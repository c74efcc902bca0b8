#!/bin/bash
# What an officer does but batches: who am I, CSRs, certificates, pickup, extra demand, documents, downloads, the Service Desk.
# shellcheck source=tests/system/lib.sh disable=SC1091
source "$ROOT/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh disable=SC1091
source "$ROOT/tests/system/web_lib.sh"
# shellcheck source=tests/system/portal_web_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_web_lib.sh"

at "2026-11-23 10:00:00"
portal_home
printf 'policy' >"$folder/Policy 1.txt"
smki document add "$folder/Policy 1.txt" --title 'Device Certificate Policy' --version 2.1 --date 2026-11-01 >/dev/null
portal_start '"portal.operator": "Example DCC", "demand.portal_adhoc_csrs": 2'

# ---- who is here ----
ask device device-1 /api/session
claim "the session tells the officer" json_is 'a["officer"]["name"]' 'Officer 1'
claim "the Party" json_is 'a["party"]["name"], a["party"]["euis"], a["party"]["roles"][0]["name"]' "('Example Energy', ['90-B3-D5-1F-30-00-00-01'], 'supplier')"
claim "the credential and when it expires" json_is 'a["credential"]["interface"], a["credential"]["daysLeft"] > 300, a["credential"]["expiresAtUk"][-3:]' "('portal-device', True, 'GMT')"
claim "where it is" json_is 'a["part"], a["network"], a["operator"]' "('device', 'gateway', 'Example DCC')"
claim "what it did lately" json_is 'a["credential"]["use"]["last"]["network"]' gateway
ask device-internet device-1 /api/session
claim "first from another network: unusual" json_is '"new-network" in a["credential"]["use"]["unusual"][0]["reasons"]' True
claim "before this visit it was not used" json_is 'a["credential"]["use"]["previous"]' None

# ---- a Device CSR ----
request "$folder/d.csr" 00DB1234567890A0 digitalSignature
send device device-1 /api/csr/check text/plain "$folder/d.csr"
claim "the look tells what the CSR says" json_is 'a["ok"], a["deviceId"], a["keyUsage"]' "(True, '00-DB-12-34-56-78-90-A0', 'digitalSignature')"
head -c 200 "$folder/d.csr" >"$folder/half.csr"
send device device-1 /api/csr/check text/plain "$folder/half.csr"
claim "and what is wrong, in the words of issuing" json_is 'a["ok"], a["name"][:4]' "(False, 'CSR_')"
code=$(json 'a["code"]') words=$(json 'a["text"]')
send device device-1 /api/csr text/plain "$folder/half.csr"
claim "which are these" json_is 'a["error"]["code"], a["error"]["text"]' "('$code', '$words')"
claim "and 422" answers 422
mv "$home/keys/dca.key" "$folder/away"
send device device-1 /api/csr text/plain "$folder/d.csr"
claim "a good one that the CA cannot sign just now is answered so" answers 500 '"code":"CA:KA'
send device device-1 /api/csr text/plain "$folder/d.csr"
claim "and again: it is no duplicate of what nobody has" answers 500 '"code":"CA:KA'
ask device device-1 /api/demand
claim "nothing of it is counted" json_is '[r["used"] for r in a["rules"] if r["rule"] == "portal-adhoc"]' '[0]'
mv "$folder/away" "$home/keys/dca.key"
send device device-1 /api/csr text/plain "$folder/d.csr"
claim "then it is issued" answers 201 'BEGIN CERTIFICATE'
json 'a["pem"].rstrip()' >"$folder/d.pem"
claim "the DCA's certificate" openssl verify -partial_chain -ignore_critical -trusted "$home/ca/dca.pem" "$folder/d.pem"
claim "what is left of the limit is told" json_is 'a["left"]["limit"], a["left"]["remaining"]' '(2, 1)'
serial=$(json 'a["certificate"]["serial"]')
send device device-1 /api/csr text/plain "$folder/d.csr"
claim "the same again is refused with its code" answers 422 '"code":"CR:9999"'
request "$folder/d2.csr" 00DB1234567890A1 keyAgreement
tr -d '\n' <"$folder/d2.csr" | sed 's/-----[^-]*-----//g' >"$folder/d2.line"
send device device-1 /api/csr text/plain "$folder/d2.line"
claim "in one line without headers" answers 201
request "$folder/d3.csr" 00DB1234567890A2 keyAgreement
send device device-1 /api/csr text/plain "$folder/d3.csr"
claim "the Party's limit in 24 hours" answers 429 '"name":"RATE_PORTAL_ADHOC"'
claim "with when to come back" json_is 'a["error"]["retryAtUk"][:16]' '24 November 2026'
claim "for programs too" heads 'retry-after: [0-9]{5}'
send device device-1 /api/csr text/plain "$www/index.html"
claim "what is no CSR is refused" answers 422 '"name":"CSR_TEXT_INVALID"'
head -c 20000 /dev/zero | tr '\0' A >"$folder/large"
send device device-1 /api/csr text/plain "$folder/large"
claim "what is larger than any CSR is not read" answers 413
send device device-1 /api/csr application/json "$folder/d3.csr"
claim "only text is taken" answers 415

# ---- certificates ----
for text in 00-DB-12-34-56-78-90-A0 00db1234567890a0 "$serial"; do
    ask device device-2 "/api/certificates?find=$text"
    claim "found by $text" json_is '[c["serial"] for c in a["certificates"]]' "['$serial']"
done
claim "without who asked for it" json_is 'a["certificates"][0]["own"], a["certificates"][0].get("party")' '(False, None)'
ask device device-1 "/api/certificates?find=nothing"
claim "what is none of them is refused with words" answers 400 '"name":"INVALID_ARGUMENT"'
ask device device-1 "/api/certificates/$serial.pem"
claim "as PEM" cmp "$folder/answer" "$folder/d.pem"
claim "as a file to keep" heads "content-disposition: attachment; filename=\"$serial.pem\""
ask device device-1 "/api/certificates/$serial.der"
openssl x509 -in "$folder/d.pem" -outform DER -out "$folder/d.der"
claim "as DER" cmp "$folder/answer" "$folder/d.der"
ask device device-1 "/api/certificates/$serial.txt"
claim "as nothing else" answers 404
ask device device-1 "/api/certificates/00db1234567890a0.pem"
claim "none by the number of a device" answers 404
ask device device-1 "/api/certificates/00112233445566778899aabbccddeeff.pem"
claim "none by a serial number of none" answers 404
ask device device-1 /api/pickup
claim "both are there to be picked up, the newest first" json_is '[(c["deviceId"][-2:], c["interface"]) for c in a["certificates"]], a["days"]' "([('A1', 'portal-device'), ('A0', 'portal-device')], 30)"
claim "no more than these" json_is 'a["more"], a["next"], a["moreBatches"]' '(False, None, False)'
ask device device-1 "/api/pickup?before=$(json 'a["certificates"][0]["serial"]')"
claim "older ones from one on" json_is '[c["deviceId"][-2:] for c in a["certificates"]], a["more"]' "(['A0'], False)"
ask device device-1 "/api/pickup?before=00db1234567890a0"
claim "from what is no serial number: none" answers 400 '"name":"INVALID_ARGUMENT"'

# ---- an Organisation CSR ----
awk '$1 == "organisation_supplier" { print $4 }' "$ROOT/tests/data/csr/requests.txt" |
    python3 -c 'import base64, sys; print(base64.b64encode(bytes.fromhex(sys.stdin.read())).decode())' >"$folder/o.csr" # of 90-B3-D5-1F-30-01-00-00, role 02
send organisation organisation-1 /api/csr/check text/plain "$folder/o.csr"
claim "the look at an Organisation CSR" json_is 'a["ok"], a["eui64"], a["role"], a["roleName"]' "(True, '90-B3-D5-1F-30-01-00-00', '02', 'supplier')"
send organisation organisation-1 /api/csr text/plain "$folder/o.csr"
claim "the EUI-64 must be the Party's own" answers 422 '"name":"EUI_NOT_OWN"'
smki party update 1 --eui 90-B3-D5-1F-30-00-00-01 --eui 90-B3-D5-1F-30-01-00-00 >/dev/null
send organisation organisation-1 /api/csr text/plain "$folder/o.csr"
claim "then it is issued" answers 201 'BEGIN CERTIFICATE'
json 'a["pem"].rstrip()' >"$folder/o.pem"
claim "the OCA's certificate" openssl verify -partial_chain -trusted "$home/ca/oca.pem" "$folder/o.pem"
send organisation organisation-1 /api/csr text/plain "$folder/d3.csr"
claim "the Organisation part takes no Device CSR" answers 422 '"code":"CR:'
ask organisation organisation-1 /api/pickup
claim "nor shows devices" json_is '[c["profile"] for c in a["certificates"]], a["batches"]' "(['organisation'], [])"

for _ in $(seq 100); do smki cert issue --profile organisation --party 1 --out "$folder/more.pem" "$folder/o.csr"; done >/dev/null
ask organisation organisation-1 /api/pickup
claim "a hundred are shown" json_is 'len(a["certificates"]), a["more"], a["next"] == a["certificates"][-1]["serial"]' '(100, True, True)'
ask organisation organisation-1 "/api/pickup?before=$(json 'a["next"]')"
claim "and then the rest" json_is '[c["interface"] for c in a["certificates"]], a["more"], a["next"]' "(['portal-organisation'], False, None)"
ask device device-1 /api/pickup
claim "which are in nobody's way on the Device part" json_is '[c["deviceId"][-2:] for c in a["certificates"]]' "['A1', 'A0']"
ask organisation organisation-1 "/api/certificates?find=90-B3-D5-1F-30-01-00-00"
claim "they are found newest first" json_is 'len(a["certificates"]), [c["serial"] for c in a["certificates"]] == sorted([c["serial"] for c in a["certificates"]], reverse=True)' '(101, True)'

# ---- extra demand ----
printf '{"rule": "portal-batch", "firstDay": "2026-12-08", "lastDay": "2026-12-09", "expected": 80000, "text": "New meters"}' >"$folder/notice"
send device device-1 /api/notices application/json "$folder/notice"
claim "extra demand is announced" answers 201 '"state":"announced"'
claim "by UK days, the last one included" json_is 'a["notice"]["fromUk"], a["notice"]["toUk"], a["notice"]["firstDay"], a["notice"]["lastDay"], a["notice"]["shortNotice"]' \
    "('8 December 2026, 00:00 GMT', '10 December 2026, 00:00 GMT', '2026-12-08', '2026-12-09', False)"
smki agreement approve 1 --limit 80000 >/dev/null
ask device device-1 /api/notices
claim "the operator's answer is told" json_is 'a["notices"][0]["state"]' approved
for wrong in '{"rule": "all"}' '{"rule": "portal-batch", "firstDay": "8 December"}' '[]' 'x' \
    '{"rule": "portal-batch", "firstDay": "2026-12-08", "lastDay": "2026-12-09", "expected": -1}' \
    '{"rule": "portal-batch", "firstDay": "2026-12-08", "lastDay": "2026-12-07", "expected": 1}' \
    '{"rule": "portal-batch", "firstDay": "2031-01-01", "lastDay": "9999-12-31", "expected": 1}'; do
    printf '%s' "$wrong" >"$folder/wrong"
    send device device-1 /api/notices application/json "$folder/wrong"
    claim "refused: $wrong" answers 400
done
ask device device-2 /api/notices
claim "nor is anybody else's list the worse for them" answers 200 '"notices":[]'
smki agreement add --party 1 --rule portal-batch --limit 5 --from 9999-12-01 --to 9999-12-31 >/dev/null
claim "a far day is shown as it is" says '9999-12-01 00:00:00 GMT' smki agreement list

# ---- documents, downloads ----
ask device-internet device-1 /api/documents
claim "the library lists" json_is '[(d["title"], d["version"], d["date"]) for d in a["documents"]]' "[('Device Certificate Policy', '2.1', '2026-11-01')]"
ask device-internet device-1 /api/documents/1
claim "and gives" cmp "$folder/answer" "$folder/Policy 1.txt"
claim "under a name that is safe" heads 'content-disposition: attachment; filename="[A-Za-z0-9._-]+"'
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$folder/sign.key" -out "$folder/sign.pem" -subj /CN=Signer -days 30 \
    -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=codeSigning -not_before 20260101000000Z 2>/dev/null ||
    faketime '2026-11-01' openssl req -x509 -newkey rsa:2048 -nodes -keyout "$folder/sign.key" -out "$folder/sign.pem" -subj /CN=Signer -days 60 \
        -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=codeSigning 2>/dev/null
chmod 600 "$folder/sign.key"
head -c 300000 /dev/urandom >"$folder/client.deb"
smki client publish "$folder/client.deb" --version 1.4.2 --platform linux-amd64 --sign-key "$folder/sign.key" --sign-cert "$folder/sign.pem" >/dev/null
ask download - /updates.json
claim "the list of updates" json_is 'a["latest"]["linux-amd64"], a["files"][0]["url"]' "(1, 'https://localhost:${port[download]}/files/1')"
ask download - /files/1 -H 'Sec-Fetch-Site: cross-site'
claim "by a link from anywhere" cmp "$folder/answer" "$folder/client.deb"
ask download - /files/1.p7s && cp "$folder/answer" "$folder/client.p7s"
claim "its signature is good" openssl cms -verify -binary -inform DER -in "$folder/client.p7s" -content "$folder/client.deb" -CAfile "$folder/sign.pem" -purpose any \
    -no_check_time -out /dev/null
ask download - /files/1.sha256
claim "so is its sum" bash -c "cd '$folder' && sed 's/  .*/  client.deb/' answer | sha256sum -c -"
for path in /files/2 /files/1.exe /files/0 /files/01 /files/1.p7s.p7s /files/x; do
    ask download - "$path"
    claim "$path is nothing" answers 404
done

# ---- the Service Desk ----
printf '{"name": "Jo", "contact": "jo@example.org", "text": "It does not\\nwork"}' >"$folder/report"
send device device-1 /api/desk application/json "$folder/report"
claim "an officer reports" answers 201 '"number":1'
send landing - /api/desk application/json "$folder/report"
claim "anybody does" answers 201 '"number":2'
claim "the operator reads it" says "Jo" smki desk list
claim "as one of the landing page's" test "$(recorded desk interface network)" = 'portal-landing internet'
send landing - /api/desk application/json "$folder/report" --token wrong
claim "a form of another site's page is refused" answers 403 '"name":"PROOF"'
claim "on record as one of the landing page's too" test "$(recorded access-refused interface)" = portal-landing
printf '{"name": "", "contact": "jo@example.org", "text": "x"}' >"$folder/wrong"
send landing - /api/desk application/json "$folder/wrong"
claim "a field that is missing is named" answers 400 'name'
for _ in 1 2 3 4 5; do send landing - /api/desk application/json "$folder/report"; done
claim "not without end" answers 429 '"name":"DESK_BUSY"'
claim "but in a while" json_is '"retryAtUk" in a["error"]' True

request "$folder/d5.csr" 00DB1234567890A0 keyAgreement
smki cert issue --profile device --party 1 --out "$folder/d5.pem" "$folder/d5.csr"
ask device device-1 "/api/certificates?find=00-DB-12-34-56-78-90-A0"
claim "a device's certificates are found newest first" json_is '[c["keyUsage"] for c in a["certificates"]]' "['keyAgreement', 'digitalSignature']"

at "2026-11-23 11:00:00"
ask device-internet device-1 /api/session
claim "a while later the use before is told, and not this one" json_is 'a["credential"]["use"]["previous"]["network"], a["credential"]["use"]["previous"]["timeUk"][:20]' "('gateway', '23 November 2026, 10')"

claim "it ends when told" web_stop
finish
