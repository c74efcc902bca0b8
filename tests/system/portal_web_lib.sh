# Verbs for system tests of the portal, beside those of lib.sh and web_lib.sh. To be sourced after them.
# shellcheck shell=bash
#
#   portal_home                  a home with two Parties, each with a verified officer and a credential for each part of the portal
#   portal_start [CONFIG]        the portal on free ports, all six sites, with this smki.json
#   web_stop                     SIGTERM; ends with 0, or the test has failed (of web_lib.sh)
#   ask SITE WHO PATH [CURL...]  a request to a site (landing, organisation, device, organisation-internet, device-internet, download); WHO: the folder's
#                                name of a credential, "-": none. The answer is in $folder/answer, its status in $folder/status, its head in $folder/head
#   send SITE WHO PATH TYPE FILE [CURL...]  a POST as the portal's own pages make it, with the proof; FILE may be - (nothing)
#   answers STATUS [TEXT]        the last answer had this status, and TEXT is in it (for claim)
#   recorded ACT FIELD...        these fields of the last record of this act
#   json EXPRESSION              of the last answer, by python: json 'a["batches"][0]["id"]'

: "${ROOT:?}" "${PROGRAMS:?}" "${folder:?}" "${home:?}"
sites='landing organisation device organisation-internet device-internet download'
www=${WWW:-$ROOT/apps/portal/www}
declare -A port=()

# officer PARTY NAME: nominated and verified; prints the number
officer() {
    local number
    number=$(smki aro nominate --party "$1" --name "$2" --email "$(tr 'A-Z ' 'a-z.' <<<"$2")@example.org")
    smki aro verify "$number" >/dev/null
    echo "$number"
}

credential() { # credential NAME PARTY INTERFACE [OPTION...]: in the folder NAME; prints its number
    smki credential issue --party "$2" --interface "$3" --generate "$folder/$1" "${@:4}" 2>/dev/null
}

portal_home() {
    local party number
    smki init "$home" >/dev/null
    party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier >/dev/null
    party "Other Energy" 90-B3-D5-1F-30-00-00-02 supplier gas-supplier >/dev/null
    for party in 1 2; do
        number=$(officer "$party" "Officer $party")
        credential "organisation-$party" "$party" portal-org --officer "$number" >/dev/null
        credential "device-$party" "$party" portal-device --officer "$number" >/dev/null
    done
}

portal_start() {
    local site listen=() free
    read -r -a free <<<"$(free_ports 7)"
    admin_port=${free[6]}
    for site in $sites; do
        port[$site]=${free[${#listen[@]} / 2]}
        listen+=("--listen-$site" "127.0.0.1:${port[$site]}")
    done
    printf '{%s}\n' "${1:-}" >"$home/smki.json"
    "${sought[@]}" "${timely[@]}" "$PROGRAMS/portal/smki-portal" --home "$home" --www "$www" --listen-admin "127.0.0.1:$admin_port" "${listen[@]}" \
        >"$folder/server" 2>&1 &
    server=$!
    ready "$server" "$admin_port" "$folder/server"
}

as() { if [ "$1" != - ]; then echo --cert "$folder/$1/cert.pem" --key "$folder/$1/key.pem"; fi; }

ask() {
    local site=$1 who=$2 path=$3
    shift 3
    : >"$folder/answer"
    # shellcheck disable=SC2046 # words of options
    curl -s --max-time 60 --path-as-is --cacert "$home/tls/ca.pem" $(as "$who") -o "$folder/answer" -D "$folder/head" -w '%{http_code}' \
        "$@" "https://localhost:${port[$site]}$path" >"$folder/status" || true
}

# The token and what it is for go over one connection: the token is of its TLS session.
send() {
    local site=$1 who=$2 path=$3 type=$4 file=$5
    shift 5
    : >"$folder/answer" && : >"$folder/status"
    python3 "$ROOT/tests/system/portal_send.py" --ca "$home/tls/ca.pem" --port "${port[$site]}" --path "$path" --type "$type" \
        --file "$file" --credential "$([ "$who" = - ] || echo "$folder/$who")" --answer "$folder/answer" --head "$folder/head" "$@" >"$folder/status"
}

answers() {
    echo "status $(cat "$folder/status")" && head -c 2000 "$folder/answer"
    [ "$(cat "$folder/status")" = "$1" ] && { [ $# -eq 1 ] || grep -qF -e "$2" "$folder/answer"; }
}

# recorded ACT FIELD...: these fields of the last record of this act
recorded() {
    smki audit export - | python3 -c '
import json, sys
all = [r for r in map(json.loads, sys.stdin) if r.get("act") == sys.argv[1]]
print(*(all[-1].get(name, "none") for name in sys.argv[2:]) if all else ["no such record"])' "$@"
}
json() { python3 -c "import json, sys; a = json.load(open(sys.argv[1])); print($1)" "$folder/answer"; }
json_is() { json "($1)" && [ "$(json "($1)")" = "$2" ]; } # json_is EXPRESSION VALUE (for claim)
heads() { cat "$folder/head" && grep -qiE "^$1" "$folder/head"; }
# A test that stops by itself says where (web_lib.sh's trap would not).
trap 'status=$?; web_end; if [ "$status" -ne 0 ] && [ -d "$folder" ]; then echo "Bail out! the test itself stopped in line $LINENO"; rm -rf "$folder"; fi' EXIT
