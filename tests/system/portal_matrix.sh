#!/bin/bash
# Who may do what: every route by every kind of credential, with the expected status in each cell. A route that changes something is asked with the right
# proof and a body that is refused for itself, so that the cell tells who gets as far as that.
# shellcheck source=tests/system/lib.sh disable=SC1091
source "$ROOT/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh disable=SC1091
source "$ROOT/tests/system/web_lib.sh"
# shellcheck source=tests/system/portal_web_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_web_lib.sh"

portal_home
credential system-1 1 batch --name "System 1" >/dev/null
for part in device:portal-device organisation:portal-org; do
    number=$(officer 1 "Officer of ${part%%:*}")
    smki credential revoke "$(credential "${part%%:*}-revoked" 1 "${part##*:}" --officer "$number")" >/dev/null
    number=$(officer 1 "Other officer of ${part%%:*}")
    smki credential suspend "$(credential "${part%%:*}-suspended" 1 "${part##*:}" --officer "$number")" >/dev/null
    number=$(officer 1 "Barred officer of ${part%%:*}")
    credential "${part%%:*}-barred" 1 "${part##*:}" --officer "$number" >/dev/null
    smki aro bar "$number" >/dev/null
done
party "Gateway Energy" 90-B3-D5-1F-30-00-00-03 supplier other >/dev/null
smki party update 3 --gateway-only yes >/dev/null
number=$(officer 3 "Officer 3")
credential device-3 3 portal-device --officer "$number" >/dev/null
credential organisation-3 3 portal-org --officer "$number" >/dev/null

# What Party 1 has: a batch with its results, a certificate, a notice.
request "$folder/d.csr" 00DB1234567890A0 digitalSignature
zip -qj "$folder/b.zip" "$folder/d.csr"
id=$(batch submit "$folder/b.zip" --party 1)
batch run --once --ignore-window >"$folder/run" 2>&1 || cat "$folder/run"
batch release "$id" >/dev/null
batch result "$id" --format zip --out "$folder/r.zip" >/dev/null && unzip -qp "$folder/r.zip" >"$folder/d.b64"
openssl x509 -in "$folder/d.b64" -out "$folder/d.pem"
serial=$(openssl x509 -in "$folder/d.pem" -noout -serial | cut -d= -f2 | tr 'A-F' 'a-f')
echo text >"$folder/policy.txt"
smki document add "$folder/policy.txt" --title Policy --version 1 >/dev/null

portal_start
printf '{"rule": "portal-batch", "firstDay": "%s", "lastDay": "%s", "expected": 80000, "text": "x"}' \
    "$(date -d '30 days' +%F)" "$(date -d '34 days' +%F)" >"$folder/notice"
send device device-1 /api/notices application/json "$folder/notice"
claim "Party 1 has announced something" answers 201 '"number":1'

# none: no certificate. org, dev: officers of Party 1. other: the right part's officer of Party 2. gateway: of a Party that comes by the Gateway only.
# The others are of Party 1, and of the right part, but system: of a web service. tls: no connection comes about.
cat >"$folder/table" <<TABLE
sites            method path                               type             none org dev other gateway revoked suspended barred system
device           GET    /                                  -                tls  403 200 200   200     403     403       403    403
device           GET    /upload.html                       -                tls  403 200 200   200     403     403       403    403
device           GET    /nothing                           -                tls  403 404 404   404     403     403       403    403
device           GET    /api/public                        -                tls  403 200 200   200     403     403       403    403
device           GET    /api/errors                        -                tls  403 200 200   200     403     403       403    403
device           GET    /api/session                       -                tls  403 200 200   200     403     403       403    403
device           POST   /api/csr/check                     text/plain       tls  403 200 200   200     403     403       403    403
device           POST   /api/csr                           text/plain       tls  403 422 422   422     403     403       403    403
device           GET    /api/certificates?find=$serial     -                tls  403 200 200   200     403     403       403    403
device           GET    /api/certificates/$serial.pem      -                tls  403 200 200   200     403     403       403    403
device           GET    /api/certificates/$serial.der      -                tls  403 200 200   200     403     403       403    403
device           GET    /api/pickup                        -                tls  403 200 200   200     403     403       403    403
device           POST   /api/batches?name=x.zip            application/zip  tls  403 422 422   422     403     403       403    403
device           GET    /api/batches                       -                tls  403 200 200   200     403     403       403    403
device           GET    /api/batches/$id                   -                tls  403 200 404   404     403     403       403    403
device           GET    /api/batches/$id/response.zip      -                tls  403 200 404   404     403     403       403    403
device           GET    /api/batches/$id/report.txt        -                tls  403 200 404   404     403     403       403    403
device           GET    /api/batches/999                   -                tls  403 404 404   404     403     403       403    403
device           GET    /api/forecast?csrs=5               -                tls  403 200 200   200     403     403       403    403
device           GET    /api/night                         -                tls  403 200 200   200     403     403       403    403
device           GET    /api/demand                        -                tls  403 200 200   200     403     403       403    403
device           GET    /api/notices                       -                tls  403 200 200   200     403     403       403    403
device           POST   /api/notices                       application/json tls  403 400 400   400     403     403       403    403
device           GET    /api/documents                     -                tls  403 404 404   404     403     403       403    403
device           GET    /api/documents/1                   -                tls  403 404 404   404     403     403       403    403
device           POST   /api/desk                          application/json tls  403 400 400   400     403     403       403    403
device           GET    /updates.json                      -                tls  403 404 404   404     403     403       403    403
device           GET    /files/1                           -                tls  403 404 404   404     403     403       403    403
device-internet  GET    /                                  -                tls  403 200 200   403     403     403       403    403
device-internet  GET    /api/session                       -                tls  403 200 200   403     403     403       403    403
device-internet  POST   /api/csr                           text/plain       tls  403 422 422   403     403     403       403    403
device-internet  POST   /api/batches?name=x.zip            application/zip  tls  403 422 422   403     403     403       403    403
device-internet  GET    /api/batches/$id                   -                tls  403 200 404   403     403     403       403    403
device-internet  GET    /api/batches/$id/response.zip      -                tls  403 200 404   403     403     403       403    403
device-internet  GET    /api/documents                     -                tls  403 200 200   403     403     403       403    403
device-internet  GET    /api/documents/1                   -                tls  403 200 200   403     403     403       403    403
device-internet  GET    /api/documents/2                   -                tls  403 404 404   403     403     403       403    403
organisation     GET    /                                  -                tls  200 403 200   200     403     403       403    403
organisation     GET    /upload.html                       -                tls  404 403 404   404     403     403       403    403
organisation     GET    /api/public                        -                tls  200 403 200   200     403     403       403    403
organisation     GET    /api/errors                        -                tls  200 403 200   200     403     403       403    403
organisation     GET    /api/session                       -                tls  200 403 200   200     403     403       403    403
organisation     POST   /api/csr/check                     text/plain       tls  200 403 200   200     403     403       403    403
organisation     POST   /api/csr                           text/plain       tls  422 403 422   422     403     403       403    403
organisation     GET    /api/certificates?find=$serial     -                tls  200 403 200   200     403     403       403    403
organisation     GET    /api/certificates/$serial.pem      -                tls  200 403 200   200     403     403       403    403
organisation     GET    /api/pickup                        -                tls  200 403 200   200     403     403       403    403
organisation     POST   /api/batches?name=x.zip            application/zip  tls  404 403 404   404     403     403       403    403
organisation     GET    /api/batches                       -                tls  404 403 404   404     403     403       403    403
organisation     GET    /api/batches/$id                   -                tls  404 403 404   404     403     403       403    403
organisation     GET    /api/batches/$id/response.zip      -                tls  404 403 404   404     403     403       403    403
organisation     GET    /api/batches/$id/report.txt        -                tls  404 403 404   404     403     403       403    403
organisation     GET    /api/forecast?csrs=5               -                tls  404 403 404   404     403     403       403    403
organisation     GET    /api/night                         -                tls  404 403 404   404     403     403       403    403
organisation     GET    /api/demand                        -                tls  200 403 200   200     403     403       403    403
organisation     GET    /api/notices                       -                tls  200 403 200   200     403     403       403    403
organisation     POST   /api/notices                       application/json tls  400 403 400   400     403     403       403    403
organisation     GET    /api/documents                     -                tls  404 403 404   404     403     403       403    403
organisation     POST   /api/desk                          application/json tls  400 403 400   400     403     403       403    403
organisation-internet GET /api/session                     -                tls  200 403 200   403     403     403       403    403
organisation-internet POST /api/csr                        text/plain       tls  422 403 422   403     403     403       403    403
organisation-internet GET /api/documents                   -                tls  200 403 200   403     403     403       403    403
organisation-internet GET /api/documents/1                 -                tls  200 403 200   403     403     403       403    403
landing          GET    /                                  -                200  200 200 200   200     200     200       200    200
landing          GET    /api/public                        -                200  200 200 200   200     200     200       200    200
landing          GET    /api/errors                        -                200  200 200 200   200     200     200       200    200
landing          POST   /api/desk                          application/json 400  400 400 400   400     400     400       400    400
landing          GET    /api/session                       -                404  404 404 404   404     404     404       404    404
landing          POST   /api/csr                           text/plain       404  404 404 404   404     404     404       404    404
landing          POST   /api/csr/check                     text/plain       404  404 404 404   404     404     404       404    404
landing          GET    /api/certificates?find=$serial     -                404  404 404 404   404     404     404       404    404
landing          GET    /api/certificates/$serial.pem      -                404  404 404 404   404     404     404       404    404
landing          GET    /api/pickup                        -                404  404 404 404   404     404     404       404    404
landing          GET    /api/batches                       -                404  404 404 404   404     404     404       404    404
landing          GET    /api/batches/$id/response.zip      -                404  404 404 404   404     404     404       404    404
landing          GET    /api/demand                        -                404  404 404 404   404     404     404       404    404
landing          GET    /api/notices                       -                404  404 404 404   404     404     404       404    404
landing          GET    /api/documents                     -                404  404 404 404   404     404     404       404    404
landing          GET    /updates.json                      -                404  404 404 404   404     404     404       404    404
download         GET    /                                  -                200  200 200 200   200     200     200       200    200
download         GET    /updates.json                      -                200  200 200 200   200     200     200       200    200
download         GET    /files/1                           -                404  404 404 404   404     404     404       404    404
download         GET    /api/public                        -                200  200 200 200   200     200     200       200    200
download         POST   /api/desk                          application/json 400  400 400 400   400     400     400       400    400
download         GET    /api/session                       -                404  404 404 404   404     404     404       404    404
download         GET    /api/documents                     -                404  404 404 404   404     404     404       404    404
TABLE
for site in $sites; do printf '%s %s\n' "$site" "${port[$site]}"; done >"$folder/ports"
python3 "$ROOT/tests/system/portal_matrix.py" "$folder" "$home/tls/ca.pem" <"$folder/table" >"$folder/cells"
while IFS='|' read -r row expected seen; do
    claim "$row: $expected" test "$expected" = "$seen"
done <"$folder/cells"
claim "the table has been gone through" test "$(wc -l <"$folder/cells")" = "$(($(wc -l <"$folder/table") - 1))"
# The table of the program's routes is not longer than this one.
grep -oE '"/(api|files|updates)[^"]*"' "$ROOT/apps/portal/routes.c" | tr -d '"' | sort -u >"$folder/routes"
awk 'NR > 1 { sub(/\?.*/, "", $3); print $3 }' "$folder/table" | sed -E "s#/[0-9a-f]{20,}\.(pem|der)#/*#; s#/(batches|documents|files)/[0-9]+#/\1/*#" | sort -u >"$folder/asked"
claim "every route is in it" test -z "$(comm -23 "$folder/routes" "$folder/asked")"

ask device device-2 /api/batches
claim "another Party's list of batches is its own" json_is 'a["batches"]' '[]'
ask device device-2 /api/pickup
claim "so is what it may pick up" json_is 'a["batches"] + a["certificates"]' '[]'
ask device device-2 /api/notices
claim "and what it announced" json_is 'a["notices"]' '[]'
ask device device-1 /api/notices
claim "where Party 1 has one" json_is 'len(a["notices"])' 1
ask device device-2 "/api/certificates?find=$serial"
claim "certificates are public, who asked for them is not" json_is '[(c["own"], c["batch"]) for c in a["certificates"]]' '[(False, None)]'
ask device device-2 "/api/batches/$id" && sed "s/batch $id/batch 999/" "$folder/answer" >"$folder/foreign"
ask device device-2 /api/batches/999
claim "another Party's batch is told of like none, but for the number" cmp "$folder/answer" "$folder/foreign"
claim "it ends when told" web_stop
finish
