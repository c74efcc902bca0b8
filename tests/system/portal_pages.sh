#!/bin/bash
# The portal's pages as files: which site has which, compression, ETag, headers, refusals that people can read, Planned Maintenance.
# shellcheck source=tests/system/lib.sh disable=SC1091
source "$ROOT/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh disable=SC1091
source "$ROOT/tests/system/web_lib.sh"
# shellcheck source=tests/system/portal_web_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_web_lib.sh"

www=$folder/www
mkdir -p "$www/css" "$www/js" "$www/device" "$www/organisation"
for page in index.html guide.html client.html missing.html maintenance.html device/index.html organisation/index.html device/upload.html js/api.js; do
    printf '<!DOCTYPE html><title>%s</title>\n' "$page" >"$www/$page"
    for _ in $(seq 40); do echo "<p>the page $page</p>" >>"$www/$page"; done
done
echo 'b{}' >"$www/css/smki.css"
echo secret >"$www/note.bak"
ln -s "$home/keys" "$www/keys"
mkdir "$www/.git" && echo secret >"$www/.git/config.txt"

portal_home
portal_start '"service_desk": "desk@example.org", "web.adhoc.listen": ""'

ask landing - /
claim "the landing page is that of the landing site" answers 200 "the page index.html"
claim "it is HTML" heads "content-type: text/html;charset=UTF-8"
for header in "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'" \
    "x-content-type-options: nosniff" "referrer-policy: no-referrer" "strict-transport-security: max-age=31536000" "permissions-policy: " "cache-control: no-cache"; do
    claim "with the header ${header%%:*}" heads "$header"
done
ask device device-1 /
claim "the Device part has a start page of its own" answers 200 "the page device/index.html"
ask organisation organisation-1 /
claim "the Organisation part too" answers 200 "the page organisation/index.html"
ask device-internet device-1 /upload.html
claim "the same by the Internet" answers 200 "the page device/upload.html"
ask organisation organisation-1 /upload.html
claim "one part's pages are not the other's" answers 404
ask organisation organisation-1 /device/upload.html
claim "not by their folder either" answers 404
ask device device-1 /guide.html
claim "what lies in the root is on each" answers 200 "the page guide.html"
ask download - /
claim "the download area begins with the client's page" answers 200 "the page client.html"
ask device device-1 '/guide.html?id=7'
claim "a query is the page's own affair" answers 200 "the page guide.html"

ask landing - /note.bak
claim "what is no page is not served" answers 404
ask landing - /.git/config.txt
claim "nor what is hidden" answers 404
for path in /../home/smki.json /%2e%2e/home/smki.json /css/../note.bak /css/%2e%2e/index.html //index.html /css /css/; do
    ask landing - "$path"
    claim "$path is no way to anything" answers 404
done

ask landing - /guide.html -H 'Accept-Encoding: br, gzip'
claim "gzip for who takes it" heads "content-encoding: gzip"
gunzip -c <"$folder/answer" >"$folder/unpacked"
claim "of the same page" cmp "$folder/unpacked" "$www/guide.html"
claim "and caches are told" heads "vary: accept-encoding"
zipped=$(grep -i '^etag:' "$folder/head" | tr -d '\r' | cut -d' ' -f2)
ask landing - /guide.html -H 'Accept-Encoding: gzip;q=0'
claim "not for who does not" cmp "$folder/answer" "$www/guide.html"
plain=$(grep -i '^etag:' "$folder/head" | tr -d '\r' | cut -d' ' -f2)
claim "each form has an ETag of its own" test "$plain" != "$zipped"
ask landing - /guide.html -H "If-None-Match: W/\"x\", $plain"
claim "known already: 304" answers 304
claim "with the headers, without the page" test ! -s "$folder/answer"
ask landing - /guide.html -H "If-None-Match: \"else\""
claim "another one is sent" answers 200
ask landing - /css/smki.css -H 'Accept-Encoding: gzip'
claim "what gzip makes no smaller stays as it is" answers 200 'b{}'
ask landing - /guide.html --head
claim "HEAD is answered like GET" heads "content-length: $(stat -c %s "$www/guide.html")"
ask landing - /guide.html -X POST -H 'Content-Type: text/plain'
claim "a page takes no POST" answers 405
claim "and says what it takes" heads "allow: GET, HEAD"

ask landing - /nothing.html -H 'Accept: text/html'
claim "a wrong address: a page for people" answers 404 "the page missing.html"
ask landing - /api/nothing -H 'Accept: text/html'
claim "JSON below /api" answers 404 '"name":"HTTP_PATH"'
claim "which is kept nowhere" heads "cache-control: no-store"
ask device device-1 /api/csr
claim "a route's methods are told" heads "allow: POST"
ask device organisation-1 /
claim "the other part's credential is refused" answers 403 "Access refused"
claim "without a word why" bash -c "! grep -qi interface '$folder/answer'"
ask device device-1 /api/session -H 'Host: elsewhere'
claim "any Host where no host is configured" answers 200

ask landing - /api/public
claim "what anybody may know" answers 200 '"site":"landing"'
claim "the Service Desk's words" json_is 'a["desk"]' desk@example.org
claim "addresses by the name that it was reached by" json_is 'a["urls"]["device"]' "https://localhost:${port[device]}"
claim "what is not served has none" json_is 'a["urls"]["adhoc"]' None
ask landing - /api/session
claim "no session on the landing page" answers 404
ask landing - /api/errors
claim "the list of errors" json_is '[e["code"] for e in a["errors"] if e["name"] == "CSR_TEXT_INVALID"][0]' CR:AA2

smki maintenance plan --from '2030-01-05T09:00' --to '2030-01-05T11:00' --text 'New disks' >/dev/null
ask landing - /api/public
claim "what is planned is told" json_is 'a["planned"][0]["fromUk"]' '5 January 2030, 09:00 GMT'
claim "nothing is on" json_is 'a["maintenance"]' None
smki bulletin add --text 'The library has a new policy' >/dev/null
smki bulletin add --text 'Not yet' --from 2099-01-01 >/dev/null
ask landing - /api/public
claim "notices of the operator, those of today" json_is '[one["text"] for one in a["notices"]]' "['The library has a new policy']"
smki bulletin remove 1
ask landing - /api/public
claim "none when it is taken down" json_is 'a["notices"]' '[]'
smki maintenance start --to "$(date -u -d '+1 hour' +%FT%TZ)" --text 'New disks' >/dev/null
ask landing - /guide.html
claim "Planned Maintenance: a page for people" answers 503 "the page maintenance.html"
claim "with Retry-After" heads "retry-after: [0-9]"
ask landing - /css/smki.css
claim "and what it needs to be seen" answers 200
ask device device-1 /api/public
claim "and what it asks for" json_is 'a["maintenance"]["text"]' 'New disks'
ask device device-1 /api/session
claim "the rest is away" answers 503 '"name":"MAINTENANCE"'
claim "until it is over" json_is '"retryAtUk" in a["error"]' True

claim "it ends when told" web_stop
finish
