# Verbs for the browser tests, beside those of tests/system (lib.sh, web_lib.sh, portal_web_lib.sh). To be sourced after them.
# shellcheck shell=bash
#
#   world_home            a home with a past: two Parties, officers, batches done and batches waiting, documents, installers, maintenance planned
#   world_person NAME     a person with a HOME of its own, $folder/people/NAME; the portal's CA is trusted in it: NSS for Chromium in
#                         .pki/nssdb, and a Firefox profile in firefox
#   world_credential NAME  ... who holds the credential of $folder/NAME: its PKCS#12 goes into both stores
#   world_policy          Chromium chooses the credential without a question: a managed policy in $POLICIES, see chromium.sh
#   world_policy_end      and nothing of it stays on the machine
#   day N TIME            that time of the UK day N days from today

: "${ROOT:?}" "${PROGRAMS:?}" "${folder:?}" "${home:?}"

day() { echo "$(TZ=Europe/London date -d "$(($1)) days" +%F) $2"; }

# What the services of this world are configured with: a small night, so that its picture has something in it.
world_config='"night.capacity": 2400, "demand.portal_batch_csrs": 400, "portal.operator": "Example DCC", "service_desk": "Telephone 0300 000 0000, day and night; e-mail servicedesk@example.org"'

# world_token NAME INTERFACE OFFICER: a credential of Party 1 in $folder/NAME, and the password of its PKCS#12 in $folder/NAME.password
world_token() {
    smki credential issue --party 1 --interface "$2" --officer "$3" --generate "$folder/$1" --json 2>>"$folder/told" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["password"])' >"$folder/$1.password"
}

# A zip of COUNT Device CSRs from this Device ID on.
meters() { "$PROGRAMS/client/smki-client" make-csr --quiet --count "$2" --usage ds --first "$3" --zip "$1" >/dev/null; }

# The past of a Party: what a portal has to show that has been in use for a while.
world_past() {
    meters "$folder/Meters week 47.zip" 40 90-B3-D5-1F-30-02-00-00
    meters "$folder/Replacement programme, North West region, electricity and gas, single phase.zip" 240 90-B3-D5-1F-30-03-00-00
    meters "$folder/theirs.zip" 390 90-B3-D5-1F-30-04-00-00
    "$PROGRAMS/client/smki-client" make-csr --quiet --count 90 --usage ka --first 90-B3-D5-1F-30-05-00-00 --id depot-17 --xml "$folder/depot.xml" >/dev/null
    at "$(day -2 '11:20:00')"
    batch submit --party 1 "$folder/Meters week 47.zip" >/dev/null
    at "$(day -2 '21:00:00')"
    batch run --once >/dev/null 2>&1
    at "$(day -1 '09:10:00')"
    batch submit --party 2 "$folder/theirs.zip" >/dev/null
    at "$(day -1 '09:30:00')"
    batch submit --party 1 "$folder/Replacement programme, North West region, electricity and gas, single phase.zip" "$folder/depot.xml" >/dev/null
    at "$(day -1 '10:00:00')"
}

# An Organisation CSR of the Party's second EUI-64.
world_request() {
    awk '$1 == "organisation_supplier" { print $4 }' "$ROOT/tests/data/csr/requests.txt" |
        python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' | openssl req -inform DER -out "$folder/organisation.csr"
}

world_library() {
    local title
    for title in 'Device Certificate Policy' 'Organisation Certificate Policy' 'Registration Authority Policies and Procedures'; do
        printf '%s\n' "$title" >"$folder/${title// /-}.pdf"
        smki document add "$folder/${title// /-}.pdf" --title "$title" --version 2.1 --date 2026-11-01 >/dev/null
    done
}

world_installers() {
    local platform
    faketime "$(day -5 '12:00:00')" openssl req -x509 -newkey rsa:2048 -nodes -keyout "$folder/sign.key" -out "$folder/sign.pem" -subj '/O=Example DCC/CN=Code signing' -days 60 \
        -addext keyUsage=critical,digitalSignature -addext extendedKeyUsage=codeSigning 2>/dev/null
    chmod 600 "$folder/sign.key"
    for platform in windows:msi macos:pkg linux-amd64:deb; do
        head -c 300000 /dev/urandom >"$folder/authentication-client.${platform#*:}"
        smki client publish "$folder/authentication-client.${platform#*:}" --version 1.4.2 --platform "${platform%:*}" \
            --sign-key "$folder/sign.key" --sign-cert "$folder/sign.pem" >/dev/null
    done
}

world_home() {
    local number
    at "$(day -3 '10:00:00')" # before today, so that no certificate is of the browsers' future
    smki init "$home" >/dev/null
    printf '{%s}\n' "$world_config" >"$home/smki.json"
    smki party add --name 'Example Energy' --eui 90-B3-D5-1F-30-00-00-01,90-B3-D5-1F-30-01-00-00 --role supplier --user-role import-supplier,gas-supplier \
        --subscriber device,organisation >/dev/null
    party 'Other Energy' 90-B3-D5-1F-30-00-00-02 supplier gas-supplier >/dev/null
    number=$(officer 1 'Alex Morgan')
    world_token revoked portal-device "$number"
    smki credential revoke "$(openssl x509 -in "$folder/revoked/cert.pem" -noout -serial | cut -d= -f2)" >/dev/null
    world_token device portal-device "$number"
    world_token organisation portal-org "$number"
    world_past
    world_request
    world_library
    world_installers
    smki maintenance plan --from "$(TZ=Europe/London date -d '2 days' +%FT)10:00" --to "$(TZ=Europe/London date -d '2 days' +%FT)12:00" --text 'Disks are replaced' >/dev/null
}

world_person() {
    local person=$folder/people/$1 store
    for store in "$person/.pki/nssdb" "$person/firefox"; do
        mkdir -p "$store"
        certutil -N --empty-password -d "sql:$store"
        certutil -A -d "sql:$store" -n 'Portal CA' -t C,, -i "$home/tls/ca.pem"
    done
}

world_credential() {
    local store
    world_person "$1"
    for store in "$folder/people/$1/.pki/nssdb" "$folder/people/$1/firefox"; do
        pk12util -i "$folder/$1/bundle.p12" -d "sql:$store" -W "$(cat "$folder/$1.password")" >/dev/null
    done
}

policy_standing=
world_policy() {
    local file=policies/managed/smki-portal-test.json mapping=-r
    export POLICIES=$folder/policies
    [ "$(id -u)" -ne 0 ] || mapping=
    # shellcheck disable=SC2086 # an option or none
    if ! unshare $mapping -m mount --bind /tmp /etc/chromium 2>/dev/null; then
        policy_standing=/etc/chromium/$file POLICIES=
    fi
    mkdir -p "$(dirname "${policy_standing:-$POLICIES/$file}")"
    echo '{"AutoSelectCertificateForUrls": ["{\"pattern\":\"https://localhost\",\"filter\":{}}"]}' >"${policy_standing:-$POLICIES/$file}"
}

world_policy_end() {
    if [ -n "$policy_standing" ]; then rm -f "$policy_standing"; fi
}
