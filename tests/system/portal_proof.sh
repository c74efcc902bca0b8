#!/bin/bash
# Whatever changes something wants the proof that the portal's own page asks: Sec-Fetch-Site or Origin, and the token of the TLS session.
# shellcheck source=tests/system/lib.sh disable=SC1091
source "$ROOT/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh disable=SC1091
source "$ROOT/tests/system/web_lib.sh"
# shellcheck source=tests/system/portal_web_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_web_lib.sh"

portal_home
portal_start
request "$folder/d.csr" 00DB1234567890A0 digitalSignature
zip -qj "$folder/b.zip" "$folder/d.csr"
printf '{"rule": "portal-batch", "firstDay": "%s", "lastDay": "%s", "expected": 80000, "text": "x"}' \
    "$(date -d '30 days' +%F)" "$(date -d '34 days' +%F)" >"$folder/notice"
printf '{"name": "Jo", "contact": "jo@example.org", "text": "It does not work"}' >"$folder/report"

# Every route that changes something, in the order: site, credential, path, type, body.
changes=(
    "device device-1 /api/csr text/plain d.csr"
    "organisation organisation-1 /api/csr text/plain d.csr"
    "device device-1 /api/batches?name=b.zip application/zip b.zip"
    "device device-1 /api/notices application/json notice"
    "organisation organisation-1 /api/notices application/json notice"
    "device device-1 /api/desk application/json report"
    "landing - /api/desk application/json report"
    "download - /api/desk application/json report"
)
claim "these are all routes that take a POST, but the look at a CSR" test \
    "$(grep -c '"POST"' "$ROOT/apps/portal/routes.c")" -eq "$((1 + $(printf '%s\n' "${changes[@]}" | awk '{ sub(/\?.*/, "", $3); print $3 }' | sort -u | wc -l)))"
acts() { smki audit export - | python3 -c 'import json, sys; print(*(json.loads(line)["act"] for line in sys.stdin), sep="\n")'; }
acts >"$folder/before"
ask device device-1 /api/public
other=$(json 'a["token"]')
for change in "${changes[@]}"; do
    read -r site who path type body <<<"$change"
    try() { send "$site" "$who" "$path" "$type" "$folder/$body" "$@"; }
    try --token none
    claim "$site $path: refused without a token" answers 403 '"name":"PROOF"'
    claim "$site $path: which says the right one" heads 'x-smki-token: [0-9a-f]{64}'
    try --token "$other"
    claim "$site $path: refused with that of another session" answers 403 '"name":"PROOF"'
    try --site cross-site
    claim "$site $path: refused when another site's page asks" answers 403 '"name":"PROOF"'
    claim "$site $path: which is told no token" bash -c "! grep -qi x-smki-token '$folder/head'"
    if [ "$site $path" != "device /api/csr" ]; then continue; fi # the rest is the same code for all
    try --token "$(printf '0%.0s' $(seq 64))"
    claim "refused with a wrong token" answers 403 '"name":"PROOF"'
    try --site same-site
    claim "refused from another port of this host" answers 403 '"name":"PROOF"'
    try --site none --origin "https://localhost:1"
    claim "refused with another Origin" answers 403 '"name":"PROOF"'
    try --origin "null"
    claim "refused with the Origin of nobody" answers 403 '"name":"PROOF"'
    try --site none --origin none
    claim "refused when nothing says where it comes from" answers 403 '"name":"PROOF"'
done
acts >"$folder/acts"
claim "nothing was done" cmp <(grep -v access-refused "$folder/acts") "$folder/before"
claim "the refusals are on record" grep -q access-refused "$folder/acts"

try() { send device device-1 /api/csr/check text/plain "$folder/d.csr" "$@"; }
try --token none
claim "a look at a CSR needs no token" answers 200 '"ok":true'
try --token none --site cross-site
claim "but the own page" answers 403 '"name":"PROOF"'
ask device device-1 /api/session -H 'Sec-Fetch-Site: cross-site'
claim "other sites' pages may not even look" answers 403 '"name":"PROOF"'
ask device device-1 /api/session -H 'Sec-Fetch-Site: none'
claim "who typed the address may" answers 200
send device device-1 '/api/batches?name=b.zip' application/zip "$folder/b.zip"
claim "with all of it a batch goes in" answers 201 '"csrs":1'
send device device-1 '/api/batches?name=b.zip' application/zip "$folder/b.zip" --site none
claim "a browser without Sec-Fetch-Site is known by Origin" answers 201
send device device-1 '/api/batches?name=b.zip' application/zip "$folder/b.zip" --origin none
claim "one without Origin by Sec-Fetch-Site" answers 201

claim "it ends when told" web_stop
finish
