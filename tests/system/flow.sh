#!/bin/bash
# The main job, end to end: requests made by openssl go in as XML and as zip, and openssl, xmllint and unzip judge what comes out.
LEAKS=yes
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"

# ---- verbs of this test ----

# The nth result's certificate of a result document, as PEM.
certificate() { # certificate FILE ID
    echo '-----BEGIN CERTIFICATE-----'
    xmllint --xpath "string(//DeviceCertificate[@ID='$2']/Certificate)" "$1" | tr -d ' \n' | fold -w 64
    echo
    echo '-----END CERTIFICATE-----'
}

ids() { xmllint --xpath "//$2/@ID" "$1" | tr -d ' \n' | sed 's/ID=/\n/g'; }
same_ids_in_order() { [ "$(ids "$folder/batch.xml" DeviceCSR)" = "$(ids "$folder/result.xml" DeviceCertificate)" ]; }
every_fate_is() { [ "$(xmllint --xpath 'count(//DeviceCertificate)' "$1")" = "$(xmllint --xpath "count(//DeviceCertificate[Status='$2'])" "$1")" ]; }
same_key() { [ "$(openssl req -in "$1" -noout -pubkey)" = "$(openssl x509 -in "$2" -noout -pubkey)" ]; }
same_certificate() { [ "$(openssl x509 -in "$1" -outform DER | sha256sum)" = "$(openssl x509 -in "$2" -outform DER | sha256sum)" ]; }
all_different() { [ "$(sort "$1" | uniq -d | wc -l)" -eq 0 ]; }
private() { [ -z "$(find "$home" -path "$home/ca" -prune -o -path "$home/tls/*.pem" -prune -o -perm /077 -print -quit)" ]; } # but certificates
same_keys_all() { for file in "$folder"/xml/*.csr; do same_key "$file" "$folder/cert/$(basename "$file" .csr).pem" || return 1; done; }
json_lines() { [ -s "$1" ] && python3 -c 'import json, sys; [json.loads(line) for line in open(sys.argv[1])]' "$1"; }
state_is() { says COMPLETED batch status "$1"; }

# ---- a home ----

claim "a home is made" "$PROGRAMS/smki/smki" init "$home"
claim "nobody else can read anything in it but certificates" private
first=$(party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier)
second=$(party "Example Meters" 90b3d51f30000002 other other)
claim "party add prints the Party's number alone" is_number "$first"
claim "the second Party has another number" test "$second" != "$first"
claim "party list shows both" says "Example Meters" smki party list
claim "party list --json is JSON" is_json smki party list --json
claim "party show finds one" says "Example Energy" smki party show "$first"
claim "party show --json is JSON" is_json smki party show "$first" --json
claim "SMKI_HOME stands for --home" says "Example Energy" env SMKI_HOME="$home" "$PROGRAMS/smki/smki" party list

printf 'device_id,type,status,import_supplier,gas_supplier\n90-B3-D5-1F-30-01-00-01,ESME,commissioned,%s,\n90B3D51F30010002,ESME,commissioned,%s,\n' \
    "$first" "$second" >"$folder/devices.csv"
claim "an inventory is imported from CSV" smki device import "$folder/devices.csv"
claim "a device of the inventory shows its type" says ESME smki device show 90b3d51f30010001
claim "device show --json is JSON" is_json smki device show 90-B3-D5-1F-30-01-00-01 --json

# ---- requests and batches ----

mkdir "$folder/xml" "$folder/zip" "$folder/cert" "$folder/crt"
for n in 3 4 5; do
    request "$folder/xml/m$n-ds.csr" "90B3D51F3001000$n" digitalSignature
    request "$folder/xml/m$n-ka.csr" "90b3d51f3001000$n" keyAgreement
    request "$folder/zip/m$n-spare.csr" "90B3D51F3001000$n" digitalSignature
done
request "$folder/xml/own.csr" 90B3D51F30010001 digitalSignature
request "$folder/zip/both-usages.csr" 90B3D51F30010009 "digitalSignature, keyAgreement"
request "$folder/zip/of-the-other.csr" 90B3D51F30010001 keyAgreement # in service with the first Party
xml_batch night-1 "$folder"/xml/*.csr >"$folder/batch.xml"
zip -q -j "$folder/meters.zip" "$folder"/zip/*.csr
claim "lint finds nothing in requests made by openssl" smki lint --profile device-csr "$folder"/xml/*.csr

xml=$(batch submit --party "$first" "$folder/batch.xml")
zip=$(batch submit --party "$second" "$folder/meters.zip")
claim "submit prints the BatchId alone" is_number "$xml"
claim "the second batch has another BatchId" test "$xml" != "$zip"
claim "the plan runs" batch plan
claim "the plan for a moment runs" batch plan --at 2030-06-01T20:00

# ---- the night ----

claim "the night runs" batch run --once --ignore-window
claim "the XML batch is done" state_is "$xml"
claim "the zip batch is done" state_is "$zip"
claim "status --json is JSON" is_json batch status "$xml" --json
claim "running again finds nothing to do" batch run --once --ignore-window

# ---- results ----

refused 1 "results are not given out before their release" batch result "$xml" --format xml --out "$folder/early.xml"
claim "nothing was written then" test ! -e "$folder/early.xml"
claim "the operator can have the XML result at once" batch result "$xml" --format xml --out "$folder/result.xml" --ignore-release
claim "it is as the schema says" xmllint --noout --schema "$ROOT/tests/data/schema/batch-1.0.xsd" "$folder/result.xml"
claim "it has every CSR of the batch, in order" same_ids_in_order
claim "every one has a certificate" every_fate_is "$folder/result.xml" SUCCESS
claim "CA certificates are exported" smki ca export "$folder/ca"
for file in "$folder"/xml/*.csr; do
    certificate "$folder/result.xml" "$(basename "$file" .csr)" >"$folder/cert/$(basename "$file" .csr).pem"
done
claim "openssl verifies every certificate" openssl verify -x509_strict -CAfile "$folder/ca/dca-chain.pem" "$folder"/cert/*.pem
claim "each certificate has the key of its request" same_keys_all
claim "lint finds nothing in the certificates" smki lint --profile device-cert "$folder"/cert/*.pem
for file in "$folder"/cert/*.pem; do openssl x509 -in "$file" -noout -serial; done >"$folder/serials"
claim "every serial is used once" all_different "$folder/serials"
serial=$(openssl x509 -in "$folder/cert/own.pem" -noout -serial | cut -d= -f2)
claim "cert show --pem gives the certificate of a serial" smki cert show "$serial" --pem
cp "$folder/out" "$folder/shown.pem"
claim "it is the very same" same_certificate "$folder/shown.pem" "$folder/cert/own.pem"
claim "cert show --json is JSON" is_json smki cert show "$serial" --json
claim "device show counts the certificate" says "$(tr '[:upper:]' '[:lower:]' <<<"$serial")" smki device show 90B3D51F30010001
claim "chains of the other CAs verify" openssl verify -CAfile "$folder/ca/oca-chain.pem" "$folder/ca/oca-chain.pem"

claim "the response zip is written" batch result "$zip" --format zip --out "$folder/meters-response.zip" --ignore-release
claim "unzip takes it" unzip -q "$folder/meters-response.zip" -d "$folder/crt"
claim "it has the three granted ones, named as their requests" test "$(cd "$folder/crt" && echo ./*)" = "./m3-spare.crt ./m4-spare.crt ./m5-spare.crt"
claim "the report is written" batch result "$zip" --format txt --out "$folder/report.txt" --ignore-release
claim "it has a line for a granted one" grep -q 'm3-spare.csr.*success' "$folder/report.txt"
claim "it has the wrong request's error code" grep -q 'both-usages.csr.*error.*CR:AA8' "$folder/report.txt"
claim "it calls a device of another supplier ineligible" grep -q 'of-the-other.csr.*ineligible.*IN:EA2' "$folder/report.txt"

again=$(batch submit --party "$first" "$folder/batch.xml")
claim "the same batch is accepted again" is_number "$again"
claim "and runs" batch run --once --ignore-window
claim "its result is written" batch result "$again" --format xml --out "$folder/again.xml" --ignore-release
claim "every request in it is a duplicate" every_fate_is "$folder/again.xml" CSR_ERROR
claim "with the code for duplicates" grep -q 'CR:9999' "$folder/again.xml"

# ---- records ----

claim "the audit log verifies" smki audit verify
claim "it is exported" smki audit export "$folder/audit.jsonl"
claim "as JSON lines" json_lines "$folder/audit.jsonl"
claim "the overrides are in it" grep -q override "$folder/audit.jsonl"
claim "a backup is made" smki backup "$folder/backup"
claim "and restored into a new home" "$PROGRAMS/smki/smki" restore "$folder/backup" "$folder/home2"
home=$folder/home2
claim "there the audit log verifies" smki audit verify
claim "there the certificate is found" smki cert show "$serial" --pem
claim "there a batch can be submitted" batch submit --party "$first" "$folder/batch.xml"
finish
