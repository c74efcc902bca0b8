#!/bin/bash
# Batches on the portal: sent as a stream, their place and due time, results from their release, those of the web service beside them.
# shellcheck source=tests/system/lib.sh disable=SC1091
source "$ROOT/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh disable=SC1091
source "$ROOT/tests/system/web_lib.sh"
# shellcheck source=tests/system/portal_web_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_web_lib.sh"

at "2026-11-23 10:00:00"
portal_home
portal_start '"demand.portal_batch_csrs": 4'
for n in 1 2 3; do request "$folder/meter-$n.csr" "00DB1234567890A$n" digitalSignature; done
zip -qj "$folder/Meters Nov.zip" "$folder"/meter-*.csr
taken() { [ "$(recorded result-read subject detail)" = "$1 the peer has taken all of it" ]; }
upload() { send device "$1" "/api/batches?name=$2" application/zip "$3"; }

ask device device-1 '/api/forecast?csrs=3'
claim "before: will it fit" json_is 'a["csrs"], a["tonight"], a["overQuota"], a["left"]' '(3, True, False, 4)'
for wrong in -1 99999999999999999999 1e3 4294967296 ''  x; do
    ask device device-1 "/api/forecast?csrs=$wrong"
    claim "not for a number like '$wrong'" answers 400 '"name":"INVALID_ARGUMENT"'
done
ask device device-1 '/api/forecast?csrs=0'
claim "for none" json_is 'a["csrs"], a["left"]' '(0, 4)'
ask device device-1 /api/forecast
claim "what is left, without a number" json_is 'a["left"]' 4
upload device-1 'Meters%20Nov.zip' "$folder/Meters Nov.zip"
claim "a batch goes in" answers 201 '"csrs":3'
claim "due by the end of the night" json_is 'a["batch"]["dueAtUk"]' '24 November 2026, 08:00 GMT'
claim "it is the first in turn" json_is 'a["batch"]["place"], a["batch"]["csrsBefore"]' '(1, 0)'
id=$(json 'a["batch"]["id"]')
upload device-2 o.zip "$folder/Meters Nov.zip"
claim "another Party's is behind it" json_is 'a["batch"]["place"], a["batch"]["csrsBefore"]' '(2, 3)'
request "$folder/more-1.csr" 00DB1234567890B1 digitalSignature
request "$folder/more-2.csr" 00DB1234567890B2 digitalSignature
zip -qj "$folder/more.zip" "$folder"/more-*.csr
upload device-1 more.zip "$folder/more.zip"
claim "more than the limit: accepted, behind due work" json_is 'a["verdict"]["overQuota"], a["batch"]["overQuota"], a["batch"]["dueAt"]' '(True, True, None)'
claim "and told why" json_is '"4" in a["verdict"]["text"]' True

: >"$folder/empty"
upload device-1 empty.zip "$folder/empty"
claim "nothing is no zip" answers 422 '"code":"FM:ZA'
upload device-1 no.zip "$www/index.html"
claim "nor is a page" answers 422 '"code":"FM:ZA1"'
head -c 300 "$folder/Meters Nov.zip" >"$folder/cut.zip"
upload device-1 cut.zip "$folder/cut.zip"
claim "nor half of one" answers 422 '"code":"FM:ZA1"'
upload device-1 '..%2F..%2Fx.zip' "$folder/more.zip"
claim "a name that leads elsewhere is refused" answers 400 '"name":"INVALID_ARGUMENT"'
upload device-1 'a%ff%c2%9b31mX%e2%80%ae.zip' "$folder/more.zip"
claim "and one that is no printable text" answers 400 '"name":"INVALID_ARGUMENT"'
printf x >"$folder/a.txt" && zip -qj "$folder/txt.zip" "$folder/a.txt"
upload device-1 txt.zip "$folder/txt.zip"
claim "what is wrong inside is told" answers 422 '"name":"ZIP_ENTRY_NAME"'
claim "what was refused leaves nothing behind" test "$(find "$home/batches" -type f | wc -l)" = 3

ask device device-1 /api/batches
claim "the Party's batches, the newest first" json_is '[b["name"] for b in a["batches"]], a["more"]' "(['more.zip', 'Meters Nov.zip'], False)"
etag=$(sed -n 's/^etag: //ip' "$folder/head" | tr -d '\r')
ask device device-1 /api/batches -H "If-None-Match: $etag"
claim "which a page that has them is not sent again" test "$(cat "$folder/status") $(wc -c <"$folder/answer")" = "304 0"
ask device device-2 /api/batches -H "If-None-Match: $etag"
claim "but another Party's page is sent its own" json_is '[b["name"] for b in a["batches"]]' "['o.zip']"
ask device device-1 /api/batches
claim "nor are they kept by the browser" heads 'cache-control: no-store'
ask device device-1 "/api/batches?before=$(json 'a["batches"][0]["id"]')"
claim "older ones" json_is '[b["name"] for b in a["batches"]]' "['Meters Nov.zip']"
ask device device-1 /api/night
claim "the night" json_is 'a["opensUk"], len(a["slots"]), [b["id"] for b in a["batches"]].count('"$id"')' "('23 November 2026, 20:00 GMT', 24, 1)"
ask device device-2 /api/night
claim "each Party's own" json_is '[b["name"] for b in a["batches"]]' "['o.zip']"
ask device device-1 /api/demand
claim "the demand" json_is '[r["used"] for r in a["rules"] if r["rule"] == "portal-batch"]' '[5]'

ask device device-2 "/api/batches/$id"
claim "another Party's batch is none" answers 404 '"name":"BATCH_UNKNOWN"'
claim "which is on record" test "$(recorded batch-poll subject party outcome interface)" = "$id 2 BATCH_UNKNOWN portal-device"
ask device device-2 "/api/batches/$id/response.zip"
claim "nor are its results" answers 404 '"name":"BATCH_UNKNOWN"'
claim "which is on record too" test "$(recorded result-read subject party outcome)" = "$id 2 BATCH_UNKNOWN"

at "2026-11-23 21:00:00"
batch run --once >/dev/null 2>&1
ask device device-1 /api/batches -H "If-None-Match: $etag"
claim "what has changed is sent" answers 200 '"processed":3'
ask device device-1 "/api/batches/$id"
claim "done, and not yet made available" json_is 'a["status"], a["processed"], a["granted"], a["response"], a["released"]' "('PROCESSING', 3, 3, None, False)"
ask device device-1 "/api/batches/$id/response.zip"
claim "no results before their release" answers 429 '"name":"NOT_RELEASED"'
claim "this is on record" test "$(recorded result-read subject party outcome)" = "$id 1 NOT_RELEASED"
claim "and when they are there" json_is 'a["error"]["retryAtUk"]' '24 November 2026, 08:00 GMT'

at "2026-11-24 08:00:00"
ask device device-1 "/api/batches/$id"
claim "released" json_is 'a["status"], a["response"], a["responseName"], a["reportName"]' "('COMPLETED', '/api/batches/$id/response.zip', 'Meters Nov-response.zip', 'Meters Nov-response.txt')"
ask device device-1 "/api/batches/$id/response.zip"
claim "the results" answers 200
cp "$folder/answer" "$folder/response.zip"
claim "under their name" heads "content-disposition: attachment; filename=\"Meters_Nov-response.zip\"; filename\*=UTF-8''Meters%20Nov-response.zip"
claim "that they were taken is on record" within 30 taken "$id"
claim "a certificate for each" test "$(unzip -Z1 "$folder/response.zip" | sort | tr '\n' ' ')" = "meter-1.crt meter-2.crt meter-3.crt "
unzip -p "$folder/response.zip" meter-2.crt | openssl x509 -out "$folder/c.pem"
claim "the DCA's" openssl verify -partial_chain -ignore_critical -trusted "$home/ca/dca.pem" "$folder/c.pem"
ask device device-1 "/api/batches/$id/report.txt"
claim "the report" test "$(grep -c success "$folder/answer")" = 3
ask device device-1 "/api/batches/$id/response.zip"
claim "as often as wished" cmp "$folder/answer" "$folder/response.zip"
for n in 1 2 3 4 5 6 7 8; do
    # shellcheck disable=SC2046 # words of options
    curl -s --cacert "$home/tls/ca.pem" $(as device-1) -o /dev/null -w '%{http_code}\n' "https://localhost:${port[device]}/api/batches/$id/response.zip" &
    echo "$!" >>"$folder/curls"
done >"$folder/statuses"
while read -r pid; do wait "$pid"; done <"$folder/curls"
claim "one who asks for many at once has them one after another" test "$(sort "$folder/statuses" | uniq -c | tr -s ' ')" = ' 8 200'
claim "nothing of it stays" test -z "$(find "$home/batches" -name 'result*')"

# What came by the web service is the same Party's.
xml_batch ref-7 "$folder/meter-1.csr" >"$folder/ref.xml"
batch submit --party 1 "$folder/ref.xml" >/dev/null
ask device device-1 /api/pickup
claim "batches of the web service are there too" json_is '[(b["form"], b["ref"]) for b in a["batches"]][0]' "('xml', 'ref-7')"
# Results are kept for 30 days from when they were there: a batch that waited for its run is no exception.
late=$(json 'a["batches"][0]["id"]')
at "2026-12-04 21:00:00"
batch run --once >/dev/null 2>&1
at "2026-12-27 12:00:00" # more than 30 days after it was accepted, and after all others were released
ask device device-1 /api/pickup
claim "what was run late is there for 30 days of its own" json_is '[(b["ref"], b["expiresAtUk"].split(":")[0]) for b in a["batches"]]' "[('ref-7', '3 January 2027, 21')]"
at "2027-01-03 20:59:00"
ask device device-1 "/api/batches/$late"
claim "with its results" json_is 'a["status"], a["expired"], a["report"] is not None' "('COMPLETED', False, True)"
ask device device-1 "/api/batches/$late/report.txt"
claim "to be fetched" answers 200
at "2027-01-03 21:30:00" # its run took a moment
ask device device-1 "/api/batches/$late"
claim "then there is no link any more" json_is 'a["expired"], a["response"], a["report"]' '(True, None, None)'
ask device device-1 "/api/batches/$late/report.txt"
claim "and nothing to fetch" answers 410 '"name":"RESULT_EXPIRED"'
ask device device-1 /api/pickup
claim "nor anything to pick up" json_is 'a["batches"]' '[]'

claim "it ends when told" web_stop
finish
