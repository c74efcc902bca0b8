# Verbs for system tests of the web services, beside those of lib.sh. To be sourced after it.
# shellcheck shell=bash
#
#   web_home                     a home with two Parties (1: a supplier, 2: another one), each with a credential for each service
#   web_start [CONFIG]           the web services on free ports, with this smki.json; the time is AT's, if that was said before
#   web_stop                     SIGTERM; ends with 0, or the test has failed
#   at "2026-11-23 21:59:00"     the servers' time from now on (UK civil time); a started server follows
#   adhoc WHO FILE [CURL...]     POST of FILE; WHO: 1, 2: that Party's credential. The answer is in $folder/answer, its status in $folder/status,
#   submit, result               its head in $folder/head. result WHO BATCHID
#   answers STATUS TEXT          the last answer had the HTTP status, is valid by its schema, and TEXT is in it (for claim)

: "${ROOT:?}" "${PROGRAMS:?}" "${folder:?}"
server=
clock=$folder/clock

# A time that can be moved while programs run: libfaketime reads it from a file. Sanitizers want to be first.
sanitizer=$(ldd "$PROGRAMS/webservice/smki-webservice" | awk '/lib[a]san/ { print $3 }')
timely=(env "${roomy[@]}" LD_PRELOAD="${sanitizer:+$sanitizer:}$(find /usr/lib -name libfaketime.so.1 | head -n 1)" FAKETIME_TIMESTAMP_FILE="$clock" FAKETIME_NO_CACHE=1
    FAKETIME_DONT_FAKE_MONOTONIC=1)
at() { printf '%+d\n' "$(($(TZ=Europe/London date -d "$1" +%s) - $(date +%s)))" >"$clock.new" && mv "$clock.new" "$clock"; }
at "$(TZ=Europe/London date '+%F %T')"

smki() { "${timely[@]}" "$PROGRAMS/smki/smki" --home "$home" "$@"; }
batch() { "${timely[@]}" "$PROGRAMS/batch/smki-batch" --home "$home" "$@"; }

web_home() {
    local party interface
    smki init "$home" >/dev/null
    party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier >/dev/null
    party "Other Energy" 90-B3-D5-1F-30-00-00-02 supplier gas-supplier >/dev/null
    for party in 1 2; do
        for interface in adhoc batch; do
            smki credential issue --party "$party" --interface "$interface" --name "System $party" --generate "$folder/$interface-$party" >/dev/null 2>&1
        done
    done
}

web_start() {
    read -r adhoc_port batch_port admin_port <<<"$(free_ports 3)"
    printf '{"admin.listen": "127.0.0.1:%s"%s}\n' "$admin_port" "${1:+, $1}" >"$home/smki.json"
    "${sought[@]}" "${timely[@]}" "$PROGRAMS/webservice/smki-webservice" --home "$home" --listen-adhoc "127.0.0.1:$adhoc_port" --listen-batch "127.0.0.1:$batch_port" \
        >"$folder/server" 2>&1 &
    server=$!
    ready "$server" "$admin_port" "$folder/server"
}

web_stop() {
    local status=0
    kill -TERM "$server"
    wait "$server" || status=$?
    server=
    if [ "$status" -ne 0 ]; then sed 's/^/# /' "$folder/server"; fi
    return "$status"
}

# request_to SERVICE WHO URL CURL...: what came back is in answer, head, status.
request_to() {
    local service=$1 who=$2 url=$3
    shift 3
    : >"$folder/answer"
    curl -s --max-time 60 --cacert "$home/tls/ca.pem" --cert "$folder/$service-$who/cert.pem" --key "$folder/$service-$who/key.pem" \
        -o "$folder/answer" -D "$folder/head" -w '%{http_code}' "$@" "$url" >"$folder/status"
}

adhoc() {
    local who=$1 file=$2
    shift 2
    request_to adhoc "$who" "https://localhost:$adhoc_port/1.0/PortalCSR/DeviceCertificateSigningRequest" \
        -H 'Content-Type: application/xml' --data-binary "@$file" "$@"
}

submit() {
    local who=$1 file=$2
    shift 2
    request_to batch "$who" "https://localhost:$batch_port/1.0/PortalCSRBatch/SubmitCSRBatch" \
        -H 'Content-Type: application/xml' --data-binary "@$file" "$@"
}

result() {
    local who=$1 id=$2
    shift 2
    request_to batch "$who" "https://localhost:$batch_port/1.0/PortalCSRBatch/CSRBatchResult?BatchId=$id" "$@"
}

# Which schema an answer is of is told by its root.
schema_of() { if grep -q DeviceCertificateSigningResponse "$1"; then echo adhoc-1.0.xsd; else echo batch-1.0.xsd; fi; }

answers() {
    echo "status $(cat "$folder/status")" && head -c 2000 "$folder/answer"
    [ "$(cat "$folder/status")" = "$1" ] && grep -qF -e "$2" "$folder/answer" &&
        xmllint --noout --schema "$ROOT/tests/data/schema/$(schema_of "$folder/answer")" "$folder/answer"
}

heads() { cat "$folder/head" && grep -qiE "^$1" "$folder/head"; } # heads REGEX: the last answer's head has such a line (for claim)
element() { xmllint --xpath "string(//*[local-name()='$1'])" "$folder/answer"; } # of the last answer

# adhoc_request ID FILE.csr: the document.
adhoc_request() {
    printf '<?xml version="1.0" encoding="UTF-8"?>\n<DeviceCertificateSigningRequest ID="%s"><Version>1.0</Version><CertificateSigningRequest>%s</CertificateSigningRequest></DeviceCertificateSigningRequest>\n' \
        "$1" "$(base64_of "$2")"
}

web_end() { if [ -n "$server" ]; then kill -KILL "$server" 2>/dev/null || true; fi; }
trap 'web_end' EXIT
