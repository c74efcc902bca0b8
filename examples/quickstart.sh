#!/bin/bash
# usage: examples/quickstart.sh [--no-serve] [FOLDER]
#
# From a fresh clone to certificates: installs what is missing, builds, runs one night of the service for you to see, then the web services and the
# portal, which stay until Ctrl-C.
#
#   FOLDER       where all of it is kept (default: quickstart, in the root of the tree); what is there from an earlier run is replaced
#   --no-serve   ends when all has been shown, and leaves nothing running
#   --help       this text
#
# The servers are at 127.0.0.1 alone: the portal at the ports 8440 to 8442 and 8445 to 8447, the web services at 8443 and 8444, and health and metrics at
# 9180 and 9181; where one is taken, another is, and it is said. QUICKSTART_CSRS says how many requests to make (default 300).
set -euo pipefail
export LC_ALL=C

root=$(cd "$(dirname "$0")/.." && pwd)
serve=yes folder=
for word in "$@"; do
    case $word in
    --no-serve) serve=no ;;
    -h | --help)
        sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "$0"
        exit 0
        ;;
    -*) echo "quickstart.sh: $word is not known; see examples/quickstart.sh --help" >&2 && exit 2 ;;
    *) [ -z "$folder" ] || { echo "quickstart.sh: one FOLDER, please; see examples/quickstart.sh --help" >&2; exit 2; }; folder=$word ;;
    esac
done
folder=${folder:-$root/quickstart}
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
    rm -rf "${folder:?}"/home "$folder"/requests "$folder"/results "$folder"/ca "$folder"/credentials "$folder"/client.json "$folder"/client-state.json "$folder"/portal "$folder"/log.txt
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

# ---- the servers ----

servers=() # all that run: what ends this script ends them

# A port of this machine that nobody listens on, and that was not chosen before: $1, or one from $1 + 10000 on.
chosen=' '
free_port() {
    local port
    for port in "$1" $(seq $(($1 + 10000)) $(($1 + 10200))); do
        if [[ $chosen != *" $port "* ]] && ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            echo "$port"
            return
        fi
    done
    return 1
}

# Sets port[NAME] for each server and site: the usual one, if nobody has it.
declare -A port=()
ports_choose() {
    local one name usual
    for one in landing:8440 organisation:8441 device:8442 adhoc:8443 batch:8444 organisation_internet:8445 device_internet:8446 download:8447 admin:9180 portal_admin:9181; do
        name=${one%:*} usual=${one#*:}
        port[$name]=$(free_port "$usual") || stop "no free port was found"
        chosen="$chosen${port[$name]} "
        [ "${port[$name]}" = "$usual" ] || say "port $usual of this machine is taken: ${name//_/ } is at ${port[$name]} instead"
    done
}

# One configuration for both programs; every other key is at its default.
configure() {
    local site
    {
        printf '{\n    // for the quickstart: addresses of this machine alone\n'
        for site in landing organisation device organisation_internet device_internet download; do
            printf '    "portal.%s.listen": "127.0.0.1:%s",\n' "$site" "${port[$site]}"
        done
        for site in adhoc batch; do printf '    "web.%s.listen": "127.0.0.1:%s",\n' "$site" "${port[$site]}"; done
        printf '    "admin.listen": "127.0.0.1:%s", "portal.admin_listen": "127.0.0.1:%s",\n' "${port[admin]}" "${port[portal_admin]}"
        printf '    "portal.www": "%s",\n    "portal.operator": "Quickstart", "portal.desk": "This is a demonstration: nobody answers. Its reports: smki desk list"\n}\n' \
            "$root/apps/portal/www"
    } >"$folder/home/smki.json"
    quietly "the configuration" "$smki" --home "$folder/home" config check
}

# serve_start WHAT ADMIN_PORT PROGRAM: in the background, until it answers. In a session of its own, so that Ctrl-C is this script's alone, and a server is told
# once to finish what is in flight.
serve_start() {
    local what=$1 admin=$2 one
    shift 2
    show "$1" --home "$folder/home"
    setsid "$1" --home "$folder/home" >>"$log" 2>&1 &
    one=$!
    servers+=("$one")
    for _ in $(seq 300); do
        if curl -s -f -o /dev/null "http://127.0.0.1:$admin/readyz"; then return; fi
        kill -0 "$one" 2>/dev/null || break
        sleep 0.1
    done
    stop "$what did not start: $(tail -n 1 "$log")"
}

# All servers finish what is in flight and end; 0: as they should.
serve_end() {
    local one status=0
    for one in "${servers[@]}"; do kill -TERM "$one" 2>/dev/null || true; done
    for one in "${servers[@]}"; do
        # a signal to this script interrupts `wait`, and ends nothing
        while kill -0 "$one" 2>/dev/null; do wait "$one" 2>/dev/null || true; done
        wait "$one" 2>/dev/null || status=$?
    done
    servers=()
    return "$status"
}
trap 'serve_end || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# by_curl CREDENTIAL ANSWER URL CURL...: over mutual TLS; the answer is held against the schema.
by_curl() {
    local credential=$folder/credentials/$1 answer=$2 url=$3 schema=batch-1.0.xsd
    shift 3
    say "\$ curl --cacert $short/home/tls/ca.pem --cert $short/credentials/$(basename "$credential")/cert.pem --key $short/credentials/$(basename "$credential")/key.pem \\"
    say "    -H 'Content-Type: application/xml' $(printf '%s ' "$@" | sed "s#@$folder/#@$short/#") $url"
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
portal=$root/build/apps/portal/smki-portal

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
ports_choose
configure
serve_start "the web services" "${port[admin]}" "$webservice"
adhoc_url=https://localhost:${port[adhoc]} batch_url=https://localhost:${port[batch]}
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

heading "8. The portal, for an officer with a browser"
officer=$("$smki" --home "$folder/home" aro nominate --party "$first" --name "Jo Officer" --email jo.officer@example.org) || stop "the officer was not nominated"
quietly "verifying the officer" "$smki" --home "$folder/home" aro verify "$officer"
say "Jo Officer may act for Example Energy: nominated by it, verified by the operator"
declare -A password=()
for part in organisation device; do
    "$smki" --home "$folder/home" credential issue --party "$first" --officer "$officer" --interface "portal-${part/organisation/org}" --name "Jo Officer, $part part" \
        --generate "$folder/credentials/officer-$part" --json >"$folder/credentials/issued.json" 2>>"$log" || stop "no credential was issued to the officer"
    password[$part]=$(sed -n 's/.*"password":[[:space:]]*"\([^"]*\)".*/\1/p' "$folder/credentials/issued.json")
    [ -n "${password[$part]}" ] || stop "the officer's PKCS#12 has no password"
    rm "$folder/credentials/issued.json"
    say "credentials/officer-$part: key, certificate and PKCS#12 for the portal's ${part^} part"
done
mkdir "$folder/portal"
quietly "making requests" "$client" make-csr --count 20 --first 90-B3-D5-1F-30-04-00-01 --out "$folder/requests/tonight" --quiet
quietly "zip" zip -q -j "$folder/requests/tonight.zip" "$folder"/requests/tonight/*.csr
tonight=$("$batch" --home "$folder/home" submit --party "$first" "$folder/requests/tonight.zip") || stop "the batch for tonight was not accepted"
say "batch $tonight of Example Energy waits for its night; others have run, and some are released"
quietly "making requests" "$client" make-csr --count 2 --first 90-B3-D5-1F-30-05-00-01 --out "$folder/requests/portal" --quiet
quietly "making requests" "$client" make-csr --role supplier --first 90-B3-D5-1F-30-00-00-01 --out "$folder/requests/organisation" --quiet
quietly "zip" zip -q -j "$folder/requests/portal.zip" "$folder"/requests/portal/*.csr
printf 'Device Certificate Policy\n\nA text of the quickstart, to show the document library.\n' >"$folder/portal/policy.txt"
quietly "adding a document" "$smki" --home "$folder/home" document add "$folder/portal/policy.txt" --title "Device Certificate Policy" --version 1.0 --date "$(date +%F)"
printf 'An installer of the quickstart: it installs nothing.\n' >"$folder/portal/client.deb"
quietly "making a signing key" openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 365 -subj "/CN=Quickstart code signing" -keyout "$folder/portal/sign.key" -out "$folder/portal/sign.pem"
chmod 600 "$folder/portal/sign.key"
quietly "publishing the Authentication Client" "$smki" --home "$folder/home" client publish "$folder/portal/client.deb" --version 1.0.0 --platform linux-amd64 \
    --sign-key "$folder/portal/sign.key" --sign-cert "$folder/portal/sign.pem"
quietly "planning maintenance" "$smki" --home "$folder/home" maintenance plan --from "$(date -d '+7 days' +%F)T10:00" --to "$(date -d '+7 days' +%F)T11:00" \
    --text "An announcement of the quickstart: nothing will happen."
say "a document in the library, an Authentication Client with its signature, and Planned Maintenance announced for next week"
serve_start "the portal" "${port[portal_admin]}" "$portal"
ca=$folder/home/tls/ca.pem
quietly "the landing page" curl -sS --fail-with-body --max-time 60 --cacert "$ca" -o "$folder/portal/landing.html" "https://localhost:${port[landing]}/"
who() { # who PART: as the portal knows who comes with the PKCS#12 of this part
    local bundle=$folder/credentials/officer-$1
    curl -sS --fail-with-body --max-time 60 --cacert "$ca" --cert-type P12 --cert "$bundle/bundle.p12:${password[$1]}" "https://localhost:${port[$1]}/api/session" 2>>"$log" |
        sed -n 's/.*"officer":{[^}]*"name":"\([^"]*\)".*"part":"\([a-z]*\)".*/\1, \2 part/p'
}
for part in organisation device; do
    known=$(who "$part") && [ "$known" = "Jo Officer, $part part" ] || stop "the portal does not know the officer by officer-$part/bundle.p12"
    say "by curl, with officer-$part/bundle.p12: the portal knows $known"
done
pickup=$(curl -sS --fail-with-body --max-time 60 --cacert "$ca" --cert-type P12 --cert "$folder/credentials/officer-device/bundle.p12:${password[device]}" \
    "https://localhost:${port[device]}/api/pickup" 2>>"$log" | grep -o '"serial"' | wc -l) || stop "the portal has no pickup page"
say "$pickup certificates that came one by one are on its pickup page"
run "$smki" --home "$folder/home" audit verify

heading "Done: $certificates certificates, 1 refusal, nothing lost"
cat <<SUMMARY
   home        $short/home          store, keys, batches, configuration
   results     $short/results       a certificate each in xml/ and zip/
   CAs         $short/ca            dca-chain.pem verifies every Device Certificate
   log         $short/log.txt       what each command said

   Try next:
     export SMKI_HOME=$folder/home PATH=$root/build/apps/smki:$root/build/apps/batch:$root/build/apps/webservice:$root/build/apps/portal:$root/build/apps/client:\$PATH
     smki device show 90-B3-D5-1F-30-01-00-01       the certificates of a meter
     smki lint $folder/results/xml/*.pem
                                                    the profile's rules on all certificates
     smki audit export audit.jsonl                  every decision, one a line
     smki config show                               every setting, its default and its source
     smki-batch run --once --ignore-window          works through what waits, without waiting for 20:00; then: smki-batch release $tonight
     smki --help; smki-batch --help; smki-client --help
SUMMARY

if [ "$serve" = no ]; then
    serve_end || stop "the servers did not end as they should: $(tail -n 1 "$log")"
    cat <<SUMMARY
     smki-portal                                    the portal, until Ctrl-C: https://localhost:${port[landing]}/
     smki-webservice                                the web services, until Ctrl-C
SUMMARY
    exit 0
fi

# ---- for you to look at ----

heading "The portal and the web services are running; Ctrl-C stops them"
cat <<SUMMARY
   Begin here                       https://localhost:${port[landing]}/
   Organisation part                https://localhost:${port[organisation]}/
   Device part                      https://localhost:${port[device]}/
   the same by the Internet, with
   the document library             https://localhost:${port[organisation_internet]}/ and https://localhost:${port[device_internet]}/
   Authentication Client            https://localhost:${port[download]}/
   Ad Hoc Device CSR Web Service    $adhoc_url/1.0/PortalCSR/DeviceCertificateSigningRequest
   Batched Device CSR Web Service   $batch_url/1.0/PortalCSRBatch/SubmitCSRBatch
   metrics                          http://127.0.0.1:${port[portal_admin]}/metrics (portal), http://127.0.0.1:${port[admin]}/metrics (web services)

   The browser needs two things: the officer's key and certificate, and the CA that the server's certificate is from.
     Device part         $folder/credentials/officer-device/bundle.p12          password ${password[device]}
     Organisation part   $folder/credentials/officer-organisation/bundle.p12    password ${password[organisation]}
     the CA              $ca
   Firefox             Settings > Privacy & Security > Certificates > View Certificates:
                       Your Certificates > Import, the two .p12; Authorities > Import, the CA, and trust it to identify websites
   Chromium, Chrome    on Linux (package libnss3-tools), for each of the two .p12:
                         mkdir -p ~/.pki/nssdb; [ -e ~/.pki/nssdb/cert9.db ] || certutil -d sql:\$HOME/.pki/nssdb -N --empty-password
                         pk12util -d sql:\$HOME/.pki/nssdb -i $folder/credentials/officer-device/bundle.p12 -W ${password[device]}
                         certutil -d sql:\$HOME/.pki/nssdb -A -t C,, -n smki-quickstart -i $ca
   macOS               security import bundle.p12 -P PASSWORD; security add-trusted-cert -k ~/Library/Keychains/login.keychain-db ca.pem
   Windows             certutil -user -p PASSWORD -importpfx bundle.p12; certutil -user -addstore Root ca.pem

   Without a browser:
     curl --cacert $ca --cert-type P12 --cert $folder/credentials/officer-device/bundle.p12:${password[device]} https://localhost:${port[device]}/api/session
   To try: paste $short/requests/portal/$(basename "$(find "$folder/requests/portal" -name '*.csr' | sort | head -n 1)") at "Ad Hoc", or upload $short/requests/portal.zip as a batch.
            In the Organisation part paste one of $short/requests/organisation/.
SUMMARY

ending=
trap 'ending=yes' INT TERM HUP
while [ -z "$ending" ]; do
    wait -n "${servers[@]}" || true
    for one in "${servers[@]}"; do
        if [ -z "$ending" ] && ! kill -0 "$one" 2>/dev/null; then stop "a server ended by itself: $(tail -n 1 "$log")"; fi
    done
done
printf '\nStopping: what is in flight is finished first\n'
trap 'for one in "${servers[@]}"; do kill -TERM "$one" 2>/dev/null || true; done' INT TERM HUP # again: it is cut
serve_end || stop "the servers did not end as they should: $(tail -n 1 "$log")"
say "both have ended; all is kept in $short"
