#!/bin/bash
# The web services for hours: CSRs one by one on connections that stay and on new ones, batches, polls, downloads, nights, uses that are
# refused, and a new configuration now and then; twelve times what was done, and what the server's memory and descriptors are.
#
#   ROOT=. PROGRAMS=build-release/apps tests/bench/soak_web.sh SECONDS
#
# Ends with 1 when a certificate did not come, or the server did not end well.
# shellcheck source=tests/system/lib.sh
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh
. "$ROOT/tests/system/web_lib.sh"

length=${1:?seconds}
meters=100 # a round, each asks for one more certificate
rounds=0 day=0 waiting="" granted=0 missed=0 batches=0 certificates=0 refusals=0

make() { "$PROGRAMS/client/smki-client" make-csr --quiet --usage ds --count "$meters" --first "$first" "$@" >/dev/null; }

# One curl for all of a round's CSRs, or one for each ten, so that connections end and begin.
ad_hoc() {
    local file name part=0
    rm -rf "$folder/round" && mkdir "$folder/round"
    make --out "$folder/meters"
    for file in "$folder"/meters/*.csr; do
        name=$(basename "$file" .csr)
        adhoc_request "$name" "$file" >"$folder/round/$name.xml"
        [ $((rounds % 2)) -eq 0 ] || part=$((part + 1))
        [ ! -s "$folder/round/$((part / 10)).curl" ] || echo next >>"$folder/round/$((part / 10)).curl"
        cat >>"$folder/round/$((part / 10)).curl" <<CURL
url = "https://localhost:$adhoc_port/1.0/PortalCSR/DeviceCertificateSigningRequest"
header = "Content-Type: application/xml"
data-binary = "@$folder/round/$name.xml"
output = "$folder/round/$name.answer"
cacert = "$home/tls/ca.pem"
cert = "$folder/adhoc-1/cert.pem"
key = "$folder/adhoc-1/key.pem"
silent
show-error
CURL
    done
    for file in "$folder"/round/*.curl; do curl --config "$file" >&2 || true; done
    rm -rf "$folder/meters"
    name=$({ grep -l "<Certificate>" "$folder"/round/*.answer || true; } | wc -l)
    granted=$((granted + name)) missed=$((missed + meters - name))
}

# A batch goes in, is asked for before its night, and waits.
batch_in() {
    make --xml "$folder/batch.xml" --id "round-$rounds"
    submit 1 "$folder/batch.xml"
    waiting="$waiting $(element BatchId)"
    result 1 "${waiting##* }"
}

# The night, and the next morning, when each batch is fetched.
night() {
    local id
    day=$((day + 1))
    batch run --once --ignore-window --quiet >/dev/null
    at "2026-11-23 $day days 08:30:00"
    for id in $waiting; do
        result 1 "$id"
        batches=$((batches + 1)) certificates=$((certificates + $(grep -c '<Certificate>' "$folder/answer" || true)))
    done
    waiting=
    at "2026-11-23 $day days 19:30:00"
    kill -HUP "$server"
}

wrong_uses() {
    echo '<a>' >"$folder/broken"
    adhoc 1 "$folder/broken"
    adhoc 2 "$folder/batch.xml"
    result 2 1
    result 1 999999
    curl -s -o /dev/null --cacert "$home/tls/ca.pem" "https://localhost:$adhoc_port/" || true
    request_to batch 1 "https://localhost:$adhoc_port/1.0/PortalCSR/DeviceCertificateSigningRequest" --data-binary "@$folder/broken"
    head -c 3000000 /dev/zero >"$folder/large"
    adhoc 1 "$folder/large"
    refusals=$((refusals + 7))
}

line() {
    printf '%6d s  %6d rounds  %7d of %7d granted  %5d batches with %7d certificates  %6d refusals  %6d KiB resident  %3d descriptors\n' \
        $(($(date +%s) - begun)) $rounds $granted $((granted + missed)) $batches $certificates $refusals \
        "$(awk '/VmRSS/ { print $2 }' "/proc/$server/status")" "$(find "/proc/$server/fd" | wc -l)"
}

at "2026-11-23 19:30:00"
web_home
web_start '"demand.adhoc_pace_mode": "off", "demand.poll_mode": "off", "demand.batch_one_mode": "off"'
begun=$(date +%s)
told=0
while [ $(($(date +%s) - begun)) -lt "$length" ]; do
    block=$((rounds / 40)) # two certificates a round, and a meter has 100 at most
    first=$(printf "90B3D51F3001%04X" $((block * meters + 1)))
    batch_in
    [ $((rounds % 10)) -ne 0 ] || night # the first at once: only a meter with a certificate gets one more
    ad_hoc
    wrong_uses
    rounds=$((rounds + 1))
    if [ $((($(date +%s) - begun) * 12 / length)) -gt $told ]; then
        told=$((($(date +%s) - begun) * 12 / length))
        line
    fi
done
night
line
web_stop
smki audit verify
[ $missed -eq 0 ] && [ $certificates -eq $((batches * meters)) ]
