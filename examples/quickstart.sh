#!/bin/bash
# From a fresh clone to certificates: installs what is missing, builds, runs one night of the service for you to see, and then the web services.
#
#   examples/quickstart.sh [FOLDER]      FOLDER (default: quickstart, in the root of the tree) is replaced at each run
#
# QUICKSTART_CSRS says how many requests to make (default 300).
set -euo pipefail
export LC_ALL=C

root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$root/quickstart}
count=${QUICKSTART_CSRS:-300}
log=
# shellcheck source=tests/packages.sh
. "$root/tests/packages.sh"

# ---- words ----

bold='' plain=''
if [ -t 1 ]; then bold=$'\033[1m' plain=$'\033[0m'; fi

heading() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
say() { printf '   %s\n' "$*"; }
stop() {
    printf '\nStopped: %s\n' "$1" >&2
    [ -z "$log" ] || printf 'What the commands said is in %s\n' "$log" >&2
    exit 1
}

# show COMMAND...: the command as one could type it.
show() {
    local shown="${1##*/} ${*:2}"
    say "\$ ${shown//"$folder"/$short}"
    printf '\n$ %s\n' "$*" >>"$log"
}

# run COMMAND...: shows the command, runs it, and shows what it says.
run() {
    show "$@"
    "$@" 2>&1 | tee -a "$log" | sed 's/^/     /' || stop "${1##*/} failed"
}

# run_live COMMAND...: the same for one that draws its progress: it gets the terminal itself.
run_live() {
    if [ ! -t 1 ]; then
        run "$@"
        return
    fi
    show "$@"
    "$@" || stop "${1##*/} failed"
}

# quietly WHAT COMMAND...: runs the command into the log; stops when it fails.
quietly() {
    local what=$1
    shift
    printf '\n$ %s\n' "$*" >>"$log"
    "$@" >>"$log" 2>&1 || { grep -E ' error: |undefined reference|ERROR:' "$log" | tail -n 3 >&2 || true; stop "$what failed"; }
}

# ---- the folder: ours, or empty, or not there ----

claim_folder() {
    mkdir -p "$folder" || stop "$folder cannot be made"
    folder=$(cd "$folder" && pwd)
    if [ ! -e "$folder/.libsmki-quickstart" ] && [ -n "$(ls -A "$folder")" ]; then
        stop "$folder holds something that is not from here; name another folder: examples/quickstart.sh FOLDER"
    fi
    rm -rf "${folder:?}"/home "$folder"/requests "$folder"/results "$folder"/ca "$folder"/credentials "$folder"/client.json "$folder"/client-state.json "$folder"/log.txt
    touch "$folder/.libsmki-quickstart"
    mkdir "$folder/requests" "$folder/results"
    log=$folder/log.txt
    : >"$log"
    short=${folder/#"$PWD/"/}
}

# ---- the requests ----

# request FILE METER USE: one Device CSR with a new key, by openssl.
request() {
    METER=$2 USE=$3 openssl req -new -config "$root/examples/device.cnf" -subj / -sha256 -nodes \
        -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout /dev/null -out "$1" 2>>"$log" || stop "openssl made no request"
}

# Two for each meter, as meters have it: one key to sign with, one to agree keys with.
make_requests() {
    local number meter started=$SECONDS
    mkdir "$folder/requests/xml" "$folder/requests/zip"
    for number in $(seq 1 $((count / 2))); do
        meter=$(printf '90B3D51F3001%04X' "$number")
        if ((number * 3 <= count)); then into=xml; else into=zip; fi
        request "$folder/requests/$into/$meter-ds.csr" "$meter" digitalSignature
        request "$folder/requests/$into/$meter-ka.csr" "$meter" keyAgreement
        if [ -t 1 ] && ((number % 10 == 0)); then printf '\r   %d of %d' $((number * 2)) "$count"; fi
    done
    if [ -t 1 ]; then printf '\r'; fi
    request "$folder/requests/zip/wrong.csr" 90B3D51F3001FFFF "digitalSignature, keyAgreement"
    say "$((count / 2 * 2)) requests for $((count / 2)) meters, made by openssl in $((SECONDS - started)) s"
    say "1 wrong one, with two key usages, to see it refused"
    say "1 request of a real meter, from tests/data/zaz1"
}

# The batch as the web service takes it: base64 of the DER, no PEM lines (IDS App. E).
pack_xml() {
    local file
    {
        printf '<?xml version="1.0" encoding="UTF-8"?>\n<SubmitCSRBatch ID="quickstart-1">\n<Version>1.0</Version>\n'
        for file in "$folder"/requests/xml/*.csr; do
            printf '<DeviceCSR ID="meter-%s">%s</DeviceCSR>\n' "$(basename "$file" .csr)" "$(sed '/^-----/d' "$file" | tr -d '\n')"
        done
        printf '<DeviceCSR ID="real-meter-00DB1234567890A0">%s</DeviceCSR>\n' "$(base64 -w 0 "$root/tests/data/zaz1/device-00db1234567890a0.csr.der")"
        printf '</SubmitCSRBatch>\n'
    } >"$folder/requests/batch.xml"
    say "$short/requests/batch.xml     as the batch web service takes it"
}

# The batch as the portal takes it: .csr files in the root of a zip.
pack_zip() {
    quietly "zip" zip -q -j "$folder/requests/meters.zip" "$folder"/requests/zip/*.csr
    say "$short/requests/meters.zip    as the portal takes it"
}

# ---- the results ----

# The certificates of a result document, one file each: certificates_of_xml FILE FOLDER
certificates_of_xml() {
    xmllint --xpath '//*[local-name()="Certificate"]' "$1" | tr -d ' \r\n' | sed 's#</Certificate>#\n#g' | sed 's#<Certificate[^>]*>##' |
        awk -v folder="$2" 'length > 0 {
            file = sprintf("%s/%05d.pem", folder, ++n)
            print "-----BEGIN CERTIFICATE-----" >file
            for (at = 1; at <= length; at += 64) print substr($0, at, 64) >file
            print "-----END CERTIFICATE-----" >file
            close(file)
        }'
}

# The response zip's .crt files are base64 with or without PEM lines.
certificates_of_zip() {
    local file
    quietly "unzip" unzip -q -o "$1" -d "$2"
    for file in "$2"/*.crt; do
        { echo '-----BEGIN CERTIFICATE-----'; sed '/^-----/d' "$file"; echo '-----END CERTIFICATE-----'; } >"${file%.crt}.pem"
    done
}

# openssl has the last word on every certificate: verify_all WHAT FOLDER
verify_all() {
    local all good
    all=$(find "$2" -name '*.pem' | wc -l)
    find "$2" -name '*.pem' -print0 | xargs -0 openssl verify -CAfile "$folder/ca/dca-chain.pem" >"$2/openssl-verify.txt" 2>&1 || true
    good=$(grep -c ': OK$' "$2/openssl-verify.txt" || true)
    cat "$2/openssl-verify.txt" >>"$log"
    [ "$all" -eq "$good" ] || stop "openssl verified $good of the $all certificates of $1"
    say "$1: openssl verifies all $all certificates"
    certificates=$((${certificates:-0} + all))
}

# ---- the web services ----

server=
trap 'if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi' EXIT

# A port of this machine that nobody listens on, from $1 on.
free_port() {
    local port
    for port in $(seq "$1" $(($1 + 200))); do
        if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    return 1
}

serve_start() {
    adhoc_port=$(free_port 18443) && batch_port=$(free_port $((adhoc_port + 1))) && admin_port=$(free_port $((batch_port + 1))) || stop "no free port was found"
    printf '{\n    // for the quickstart: addresses of this machine alone\n    "web.adhoc.listen": "127.0.0.1:%s",\n    "web.batch.listen": "127.0.0.1:%s",\n    "admin.listen": "127.0.0.1:%s"\n}\n' \
        "$adhoc_port" "$batch_port" "$admin_port" >"$folder/home/smki.json"
    show "$webservice" --home "$folder/home"
    "$webservice" --home "$folder/home" >>"$log" 2>&1 &
    server=$!
    for _ in $(seq 100); do
        if curl -s -f -o /dev/null "http://127.0.0.1:$admin_port/readyz"; then return; fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    stop "the web services did not start"
}

serve_end() {
    kill -TERM "$server"
    wait "$server" || stop "the web services did not end as they should"
    server=
}

# by_curl CREDENTIAL ANSWER URL CURL...: over mutual TLS; the answer is held against the schema.
by_curl() {
    local credential=$folder/credentials/$1 answer=$2 url=$3 schema=batch-1.0.xsd
    shift 3
    say "\$ curl --cacert home/tls/ca.pem --cert $(basename "$credential")/cert.pem --key $(basename "$credential")/key.pem ... ${url##*/1.0/}"
    quietly "curl" curl -sS --fail-with-body --max-time 60 --cacert "$folder/home/tls/ca.pem" --cert "$credential/cert.pem" --key "$credential/key.pem" \
        -H 'Content-Type: application/xml' -o "$answer" "$@" "$url"
    if grep -q DeviceCertificateSigningResponse "$answer"; then schema=adhoc-1.0.xsd; fi
    quietly "xmllint: the answer is not as the schema says" xmllint --noout --schema "$root/tests/data/schema/$schema" "$answer"
}

in_answer() { xmllint --xpath "string(//*[local-name()='$2'])" "$1"; }

# What the Party's command needs to know, in one file.
client_configure() {
    cat >"$folder/client.json" <<CONFIG
{
    "adhoc": {"url": "$adhoc_url", "certificate": "credentials/adhoc/cert.pem", "key": "credentials/adhoc/key.pem"},
    "batch": {"url": "$batch_url", "certificate": "credentials/batch/cert.pem", "key": "credentials/batch/key.pem"},
    "server_ca": "home/tls/ca.pem", "chain": "ca/dca-chain.pem", "state": "client-state.json"
}
CONFIG
}

# ---- one night ----

trap 'stop "the step above did not end as it should (line $LINENO of quickstart.sh)"' ERR
claim_folder
smki=$root/build/apps/smki/smki
batch=$root/build/apps/batch/smki-batch
webservice=$root/build/apps/webservice/smki-webservice
client=$root/build/apps/client/smki-client

heading "1. Building"
# shellcheck disable=SC2086 # lists of packages
packages_ensure "$log" $PACKAGES_BUILD $PACKAGES_SHOW
[ -f "$root/build/build.ninja" ] || quietly "the build's setup" meson setup "$root/build" "$root" -Dtests=disabled -Dbuildtype=release
quietly "the build" ninja -C "$root/build"
say "$("$smki" --version 2>>"$log" || echo libsmki), in build/"

heading "2. A home with a test PKI, and two Parties"
run "$smki" init "$folder/home"
first=$("$smki" --home "$folder/home" party add --name "Example Energy" --eui 90-B3-D5-1F-30-00-00-01 --role supplier \
    --user-role import-supplier --subscriber device,organisation) || stop "the first Party was not registered"
second=$("$smki" --home "$folder/home" party add --name "Example Meters" --eui 90-B3-D5-1F-30-00-00-02 --role other \
    --user-role other --subscriber device) || stop "the second Party was not registered"
run "$smki" --home "$folder/home" party list

heading "3. Requests made by other people's tools"
make_requests
pack_xml
pack_zip

heading "4. Two batches, and when they are due"
xml=$("$batch" --home "$folder/home" submit --party "$first" "$folder/requests/batch.xml") || stop "the XML batch was not accepted"
say "batch $xml, of Example Energy, from batch.xml"
zip=$("$batch" --home "$folder/home" submit --party "$second" "$folder/requests/meters.zip") || stop "the zip batch was not accepted"
say "batch $zip, of Example Meters, from meters.zip"
run "$batch" --home "$folder/home" plan

heading "5. The night (without waiting for 20:00)"
run_live "$batch" --home "$folder/home" run --once --ignore-window
run "$batch" --home "$folder/home" status "$zip"

heading "6. Results"
quietly "writing the XML result" "$batch" --home "$folder/home" result "$xml" --format xml --out "$folder/results/batch-$xml.xml" --ignore-release
quietly "writing the response zip" "$batch" --home "$folder/home" result "$zip" --format zip --out "$folder/results/meters-response.zip" --ignore-release
quietly "writing the report" "$batch" --home "$folder/home" result "$zip" --format txt --out "$folder/results/meters-report.txt" --ignore-release
quietly "exporting the CA certificates" "$smki" --home "$folder/home" ca export "$folder/ca"
say "$short/results/batch-$xml.xml, meters-response.zip, meters-report.txt"
quietly "xmllint: the result is not as the schema says" xmllint --noout --schema "$root/tests/data/schema/batch-1.0.xsd" "$folder/results/batch-$xml.xml"
say "xmllint: batch-$xml.xml is as the interface's schema says"
mkdir "$folder/results/xml" "$folder/results/zip"
certificates_of_xml "$folder/results/batch-$xml.xml" "$folder/results/xml"
verify_all "batch $xml" "$folder/results/xml"
certificates_of_zip "$folder/results/meters-response.zip" "$folder/results/zip"
verify_all "batch $zip" "$folder/results/zip"
[ "$certificates" -eq $((count / 2 * 2 + 1)) ] || stop "$certificates certificates came out, $((count / 2 * 2 + 1)) were to come"
say "the wrong request, in the report: $(grep wrong.csr "$folder/results/meters-report.txt" | tr '\t' ' ' | tr -d '\r' | tr -s ' ')"
run "$smki" --home "$folder/home" audit verify

heading "7. The web services, over mutual TLS"
mkdir "$folder/credentials"
for service in adhoc batch; do
    quietly "issuing a credential" "$smki" --home "$folder/home" credential issue --party "$first" --interface "$service" --name "Head End" \
        --generate "$folder/credentials/$service"
    say "credentials/$service: key, certificate and PKCS#12 of a system of Example Energy, for this service alone"
done
serve_start
adhoc_url=https://localhost:$adhoc_port batch_url=https://localhost:$batch_port
client_configure
request "$folder/requests/again.csr" 90B3D51F30010001 digitalSignature
printf '<DeviceCertificateSigningRequest ID="again-1"><Version>1.0</Version><CertificateSigningRequest>%s</CertificateSigningRequest></DeviceCertificateSigningRequest>\n' \
    "$(sed '/^-----/d' "$folder/requests/again.csr" | tr -d '\n')" >"$folder/requests/again.xml"
by_curl adhoc "$folder/results/again.xml" "$adhoc_url/1.0/PortalCSR/DeviceCertificateSigningRequest" --data-binary "@$folder/requests/again.xml"
say "ad hoc, by curl: $(in_answer "$folder/results/again.xml" Status), transaction $(in_answer "$folder/results/again.xml" TransactionId)"
mkdir "$folder/results/again"
certificates_of_xml "$folder/results/again.xml" "$folder/results/again"
verify_all "the ad hoc answer" "$folder/results/again"
sed 's/quickstart-1/quickstart-2/; s/<DeviceCSR.*//' "$folder/requests/batch.xml" | sed "s#</SubmitCSRBatch>#<DeviceCSR ID=\"by-curl\">$(
    request "$folder/requests/new.csr" 90B3D51F30020001 digitalSignature && sed '/^-----/d' "$folder/requests/new.csr" | tr -d '\n'
)</DeviceCSR></SubmitCSRBatch>#" >"$folder/requests/by-curl.xml"
by_curl batch "$folder/results/by-curl-status.xml" "$batch_url/1.0/PortalCSRBatch/SubmitCSRBatch" --data-binary "@$folder/requests/by-curl.xml"
by_curl_id=$(in_answer "$folder/results/by-curl-status.xml" BatchId)
say "a batch, by curl: $(in_answer "$folder/results/by-curl-status.xml" BatchStatus), BatchId $by_curl_id"
quietly "making requests" "$client" make-csr --count 2 --first 90-B3-D5-1F-30-01-00-02 --usage ds --out "$folder/requests/client" --quiet
run "$client" adhoc --config "$folder/client.json" --quiet --out "$folder/results/client" "$folder"/requests/client/*.csr
quietly "making requests" "$client" make-csr --count 25 --first 90-B3-D5-1F-30-03-00-01 --xml "$folder/requests/client-batch.xml" --quiet
client_id=$("$client" batch submit --config "$folder/client.json" --quiet "$folder/requests/client-batch.xml" 2>>"$log") || stop "smki-client did not submit its batch"
say "a batch of 50, by smki-client: BatchId $client_id"
quietly "the run" "$batch" --home "$folder/home" run --once --ignore-window
for id in $by_curl_id $client_id; do quietly "the release" "$batch" --home "$folder/home" release "$id"; done
say "both run and released at once by the operator, without waiting for 20:00 and 08:00"
by_curl batch "$folder/results/by-curl.xml" "$batch_url/1.0/PortalCSRBatch/CSRBatchResult?BatchId=$by_curl_id"
say "its results, by curl: $(in_answer "$folder/results/by-curl.xml" BatchStatus), $(grep -c '<Certificate>' "$folder/results/by-curl.xml") certificate"
run "$client" batch fetch --config "$folder/client.json" --again --quiet --out "$folder/results/client-batch" "$folder/requests/client-batch.xml"
find "$folder/results/client" "$folder/results/client-batch" -name '*.crt' -exec sh -c 'cp "$1" "${1%.crt}.pem"' _ {} \;
verify_all "smki-client's ad hoc requests" "$folder/results/client"
verify_all "smki-client's batch" "$folder/results/client-batch"
serve_end
run "$smki" --home "$folder/home" audit verify

heading "Done: $certificates certificates, 1 refusal, nothing lost"
cat <<SUMMARY
   home        $short/home          store, keys, batches, configuration
   results     $short/results       a certificate each in xml/ and zip/
   CAs         $short/ca            dca-chain.pem verifies every Device Certificate
   log         $short/log.txt       what each command said

   Try next:
     export SMKI_HOME=$folder/home PATH=$root/build/apps/smki:$root/build/apps/batch:$root/build/apps/webservice:$root/build/apps/client:\$PATH
     smki device show 90-B3-D5-1F-30-01-00-01       the certificates of a meter
     smki lint $folder/results/xml/*.pem
                                                    the profile's rules on all certificates
     smki audit export audit.jsonl                  every decision, one a line
     smki config show                               every setting, its default and its source
     smki-webservice                                the web services, until Ctrl-C
     smki --help; smki-batch --help; smki-client --help
SUMMARY
