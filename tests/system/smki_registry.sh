#!/bin/bash
# smki: Parties, officers, credentials, agreements, devices and their certificates, as an operator keeps them.
LEAKS=yes
# shellcheck source=tests/system/lib.sh disable=SC2317,SC2034 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"

json() { # json FILTER COMMAND...: what Python's FILTER makes of the JSON that smki COMMAND --json prints
    local filter=$1
    shift
    smki "$@" --json | python3 -c "import json, sys; j = json.load(sys.stdin); print($filter)"
}
fails() { # fails NAME COMMAND...: exit 1, and the refusal is NAME
    local name=$1 status=0
    shift
    "$@" >/dev/null 2>"$folder/err" </dev/null || status=$?
    cat "$folder/err"
    [ "$status" -eq 1 ] && grep -q "^smki: $name: " "$folder/err"
}
iki_request() { # iki_request FILE COMMON_NAME
    openssl req -new -newkey rsa:2048 -nodes -keyout /dev/null -sha256 -subj "/O=Example Energy/OU=02/CN=$2" \
        -addext keyUsage=critical,digitalSignature -out "$1" 2>/dev/null
}
"$PROGRAMS/smki/smki" init "$home" >/dev/null
first=$(party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier)

# ---- Parties ----

second=$(smki party add --name "Exämple Meters" --eui 90b3d51f30000002,90b3d51f30000003 --eui 90b3d51f30000004 --role 7F,network-operator --gateway-only yes)
claim "EUI-64s are repeated or joined with commas" test "$(json 'len(j["euis"])' party show "$second")" = 3
claim "roles are names or codes" test "$(json 'j["roles"]' party show "$second")" = "['7F', '03']"
claim "a name keeps its letters" says "Exämple" smki party show "$second"
claim "an update changes what is given" smki party update "$second" --name "Example Meters" --subscriber device --user-role gas-supplier
claim "the name is another" test "$(json 'j["name"]' party show "$second")" = "Example Meters"
claim "and leaves the rest" test "$(json 'len(j["euis"])' party show "$second")" = 3
claim "none empties a list" smki party update "$second" --role none
claim "then there is no role" test "$(json 'j["roles"]' party show "$second")" = "[]"
claim "an update of nothing is not understood" test "$(smki party update "$second" >/dev/null 2>&1; echo $?)" = 2
claim "a Party is barred" smki party bar "$second"
claim "which shows" says barred smki party list
claim "a barred Party gets nothing" fails PARTY_BARRED smki cert issue --profile device --party "$second" <(request /dev/stdout 90B3D51F30010001 digitalSignature)
claim "and is let in again" smki party unbar "$second"
claim "an EUI-64 belongs to one Party" fails EUI_TAKEN smki party update "$second" --eui 90B3D51F30000001
claim "a CA's role is no Party's" fails INVALID_ARGUMENT smki party update "$second" --role 07
claim "a role that there is not is proposed one" test "$(smki party update "$second" --role suplier 2>&1 | grep -c "did you mean 'supplier'")" = 1
claim "a Party that is not there is said so" fails PARTY_UNKNOWN smki party show 77

# ---- officers ----

officer=$(smki aro nominate --party "$first" --name "Ann Other" --email ann@example.org)
claim "nominate prints the number alone" is_number "$officer"
claim "a nominated officer is listed" says nominated smki aro list --party "$first"
claim "not for another Party" says "no officers" smki aro list --party "$second"
claim "an officer is verified" smki aro verify "$officer"
claim "not twice" fails OFFICER_STATE smki aro verify "$officer"
claim "an e-mail address has an @" fails INVALID_ARGUMENT smki aro nominate --party "$first" --name Bob --email bob
claim "the Party must be there" fails PARTY_UNKNOWN smki aro nominate --party 77 --name Bob --email bob@example.org

# ---- credentials ----

iki_request "$folder/system.csr" batch-1
iki_request "$folder/again.csr" batch-1
iki_request "$folder/ann.csr" "Ann Other"
credential=$(smki credential issue --party "$first" --interface batch --csr "$folder/system.csr" --out "$folder/system.pem")
claim "issue prints the number alone" is_number "$credential"
claim "openssl verifies the certificate" openssl verify -CAfile "$home/ca/ikica.pem" "$folder/system.pem"
claim "lint finds nothing in it" smki lint --issuer "$home/ca/ikica.pem" "$folder/system.pem"
claim "show --pem gives it again" cmp "$folder/system.pem" <(smki credential show "$credential" --pem)
claim "a CN is used once" fails CREDENTIAL_NAME_TAKEN smki credential issue --party "$first" --interface batch --csr "$folder/again.csr"
ann=$(smki credential issue --party "$first" --interface portal-org --officer "$officer" --csr "$folder/ann.csr")
claim "the portal takes an officer's" says "portal-organisation" smki credential show "$ann"
claim "a credential is suspended" smki credential suspend "$credential"
claim "not twice" fails CREDENTIAL_STATE smki credential suspend "$credential"
claim "and resumed" smki credential resume "$credential"
claim "barring the officer" smki aro bar "$officer"
claim "suspends the officer's credential" test "$(json 'j["state"]' credential show "$ann")" = suspended
claim "which cannot be resumed" fails OFFICER_STATE smki credential resume "$ann"
claim "until the officer is readmitted" smki aro readmit "$officer"
claim "and verified" smki aro verify "$officer"
claim "then it can" smki credential resume "$ann"
renewed=$(smki credential renew "$credential" --csr "$folder/again.csr" --out "$folder/again.pem")
claim "a renewed one names the old one" test "$(json 'j["renews"]' credential show "$renewed")" = "$credential"
claim "a credential is revoked" smki credential revoke "$renewed"
claim "for good" fails CREDENTIAL_STATE smki credential resume "$renewed"
claim "and is on the next CRL" test "$(smki ca crl ikica | openssl crl -noout -text | grep -ci "$(openssl x509 -in "$folder/again.pem" -noout -serial | cut -d= -f2)")" = 1
claim "a device's request is no IKI request" fails 'CSR_[A-Z_]*' smki credential issue --party "$first" --interface batch --csr <(request /dev/stdout 90B3D51F30010001 digitalSignature)
claim "credential list --json is JSON" is_json smki credential list --json

# ---- agreements ----

claim "an agreement is recorded" is_number "$(smki agreement add --party "$first" --rule portal-batch --limit 150000 --from "$(date -d '+9 days' +%F)" --to "$(date -d '+20 days' +%F)")"
claim "short notice is refused" fails AGREEMENT_NOTICE smki agreement add --party "$first" --rule portal-adhoc --limit 500 --from "$(date -d '+2 days' +%F)" --to "$(date -d '+9 days' +%F)"
claim "unless the operator says so" is_number "$(smki agreement add --party "$first" --rule portal-adhoc --limit 500 --from "$(date -d '+2 days' +%F)" --to "$(date -d '+9 days' +%F)" --short-notice)"
claim "an agreement ends after it begins" fails INVALID_ARGUMENT smki agreement add --party "$first" --rule adhoc-pace --limit 100 --from 2030-01-02 --to 2030-01-01
claim "the list says which was short" says "short notice" smki agreement list
claim "agreement list --json is JSON" is_json smki agreement list --json --party "$first"

# ---- devices ----

printf 'device_id,type,status,import_supplier\n90-B3-D5-1F-30-01-00-01,ESME,commissioned,%s\n' "$first" >"$folder/devices.csv"
claim "an inventory is imported" says "1 added" smki device import "$folder/devices.csv"
claim "again it changes nothing" says "1 as they were" smki device import "$folder/devices.csv"
printf '[{"device_id": "90B3D51F30010002", "type": "GSME", "certificate_limit": 1}]' >"$folder/devices.json"
claim "JSON too" says "1 added" smki device import "$folder/devices.json"
printf 'device_id,typ\n90-B3-D5-1F-30-01-00-01,ESME\n' >"$folder/wrong.csv"
claim "a wrong column is refused" fails INVENTORY_INVALID smki device import "$folder/wrong.csv"
claim "a file that is not there is refused" fails NOT_FOUND smki device import "$folder/none.csv"
claim "a device shows its supplier" says "Party $first, Example Energy" smki device show 90b3d51f30010001
claim "its limit counts" test "$(json 'j["limit"]' device show 90b3d51f30010002)" = 1

request "$folder/ds.csr" 90B3D51F30010002 digitalSignature
request "$folder/ka.csr" 90B3D51F30010002 keyAgreement
claim "a certificate is issued at once" smki cert issue --profile device --party "$first" --out "$folder/ds.pem" "$folder/ds.csr"
claim "not twice" fails 'CSR_DUPLICATE' smki cert issue --profile device --party "$first" "$folder/ds.csr"
claim "not over the limit" fails DEVICE_LIMIT smki cert issue --profile device --party "$first" "$folder/ka.csr"
claim "the limit is raised" smki device limit 90b3d51f30010002 5
claim "then it is" smki cert issue --profile device --party "$first" --out "$folder/ka.pem" "$folder/ka.csr"
claim "the override is recorded" says override smki audit show --last 5
claim "both are listed" test "$(json 'len(j["certificates"]), j["count"]' device show 90b3d51f30010002)" = "2 2"

# ---- certificates ----

serial=$(openssl x509 -in "$folder/ds.pem" -noout -serial | cut -d= -f2)
claim "show says the device" says 90-B3-D5-1F-30-01-00-02 smki cert show "$serial"
claim "show takes colons" smki cert show "$(sed 's/../&:/g; s/:$//' <<<"$serial")"
claim "show --der is the certificate" cmp <(openssl x509 -in "$folder/ds.pem" -outform DER) <(smki cert show "$serial" --der)
claim "one form at a time" test "$(smki cert show "$serial" --pem --der >/dev/null 2>&1; echo $?)" = 2
claim "without an answer nothing is revoked" test "$(smki cert revoke "$serial" --reason superseded </dev/null >/dev/null 2>&1; echo $?)" = 2
claim "a dry run revokes nothing" says "would be" smki cert revoke "$serial" --reason superseded --dry-run
claim "it is still valid" test "$(json 'j["state"]' cert show "$serial")" = valid
claim "--yes does not ask" smki cert revoke "$serial" --reason key-compromise --yes
claim "it is revoked" test "$(json 'j["state"], j["reason"]' cert show "$serial")" = "revoked key-compromise"
claim "not twice" fails ALREADY_EXISTS smki cert revoke "$serial" --reason superseded --yes
claim "the next CRL lists it" test "$(smki ca crl dca --der | openssl crl -inform DER -noout -text | grep -c 'Key Compromise')" = 1
claim "openssl verifies the CRL" openssl crl -in <(smki ca crl dca) -CAfile "$home/ca/dca.pem" -noout
claim "CRLs are numbered" test "$(openssl crl -in <(smki ca crl dca) -noout -crlnumber)" = "crlNumber=0x03"
claim "a CA that there is not" test "$(smki ca crl bananas >/dev/null 2>&1; echo $?)" = 2
claim "ca list has five" test "$(json 'len(j)' ca list)" = 5

# ---- an Organisation Certificate: the request of tests/data has an EUI-64 and a role of its own ----

organisation=$ROOT/tests/data/lint/good/org-csr.pem
claim "an EUI-64 that is not the Party's is refused" fails EUI_NOT_OWN smki cert issue --profile organisation --party "$first" "$organisation"
smki party update "$second" --eui 90-B3-D5-1F-30-01-00-00 --subscriber organisation
claim "a role that is not the Party's is refused" fails ROLE_NOT_OWN smki cert issue --profile organisation --party "$second" "$organisation"
smki party update "$second" --eui 90B3D51F30000002
owner=$(party "Test Supplier" 90-B3-D5-1F-30-01-00-00 supplier import-supplier)
claim "its own Party gets the certificate" smki cert issue --profile organisation --party "$owner" --out "$folder/organisation.pem" "$organisation"
smki ca export "$folder/ca"
claim "openssl verifies it" openssl verify -CAfile "$folder/ca/oca-chain.pem" "$folder/organisation.pem"
claim "lint finds nothing in it" smki lint --issuer "$folder/ca/oca.pem" "$folder/organisation.pem"
claim "a device's request is none of an organisation" fails 'CSR_[A-Z_]*' smki cert issue --profile organisation --party "$owner" "$folder/ds.csr"
claim "after all of it the audit log is whole" smki audit verify
finish
