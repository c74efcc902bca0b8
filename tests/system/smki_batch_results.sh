#!/bin/bash
# smki-batch result: what comes out is held against openssl, xmllint, unzip, and the requests that went in.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"

# ---- verbs of this test ----

count_of() { find "$1" -type f -name "$2" | wc -l; } # count_of FOLDER PATTERN
result() { batch result "$@" --ignore-release; }
# certificates RESULT.xml FOLDER: every certificate as FOLDER/ID.pem
certificates() {
    python3 - "$1" "$2" <<'PYTHON'
import sys, textwrap, xml.etree.ElementTree as tree
for one in tree.parse(sys.argv[1]).getroot().iter("DeviceCertificate"):
    if one.find("Certificate") is not None:
        with open(f"{sys.argv[2]}/{one.get('ID')}.pem", "w") as out:
            lines = textwrap.wrap("".join(one.find("Certificate").text.split()), 64)
            print("-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", sep="\n", file=out)
PYTHON
}
as_pem() { # as_pem FILE.crt: base64 with or without PEM lines
    echo '-----BEGIN CERTIFICATE-----'
    sed '/^-----/d' "$1"
    echo '-----END CERTIFICATE-----'
}
verify_all() { openssl verify -x509_strict -CAfile "$folder/ca/dca-chain.pem" "$1"/*.pem; }
keys_are_the_requests() { # keys_are_the_requests REQUESTS CERTIFICATES
    local file
    for file in "$2"/*.pem; do
        [ "$(openssl req -in "$1/$(basename "$file" .pem).csr" -noout -pubkey)" = "$(openssl x509 -in "$file" -noout -pubkey)" ] || return 1
    done
}
devices_are_the_requests() { # the Device ID in each certificate is the one of its request
    local file id
    for file in "$1"/meter-*.pem; do
        id=$(basename "$file" .pem) && id=${id#meter-}
        openssl x509 -in "$file" -outform DER | od -An -v -tx1 | tr -d ' \n' | grep -qi "0408$id" || return 1
    done
}
statuses() { xmllint --xpath '//DeviceCertificate/Status/text()' "$1" | sort | uniq -c | tr -s ' \n' ' '; }

# ---- what goes in ----

smki init "$home" >/dev/null
echo '{"batch.chunk": 16}' >"$home/smki.json" # so that results are put together from several chunks
first=$(party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier)
second=$(party "Example Meters" 90b3d51f30000002 other other)
smki ca export "$folder/ca"
mkdir "$folder/xml" "$folder/zip" "$folder/pem" "$folder/crt" "$folder/crtpem"
for n in $(seq 1 40); do
    meter=$(printf 90b3d51f3002%04x "$n")
    request "$folder/xml/meter-$meter.csr" "$meter" digitalSignature
    request "$folder/zip/meter-$meter.csr" "$meter" keyAgreement
done
openssl req -inform DER -in "$ROOT/tests/data/zaz1/device-00db1234567890a0.csr.der" -out "$folder/xml/real.csr"
request "$folder/xml/wrong.csr" 90B3D51F30020041 "digitalSignature, keyAgreement"
openssl req -new -newkey rsa:2048 -nodes -keyout /dev/null -subj / -out "$folder/xml/rsa.csr" 2>/dev/null
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:secp384r1 -nodes -keyout /dev/null -subj / -out "$folder/xml/p384.csr" 2>/dev/null
cp "$folder/xml/meter-90b3d51f30020001.csr" "$folder/xml/same.csr"
xml_batch "a b <&> \"c\"" "$folder"/xml/*.csr 2>/dev/null | sed 's/ID="a b <&> "c""/ID="a b \&lt;\&amp;> \&quot;c\&quot;"/' >"$folder/batch.xml"
tr -d '\r' <"$folder/zip/meter-90b3d51f30020002.csr" | sed 's/$/\r/' >"$folder/zip/crlf.csr" # the same request again, with other line ends
base64_of "$folder/zip/meter-90b3d51f30020003.csr" >"$folder/bare.csr" && mv "$folder/bare.csr" "$folder/zip/meter-90b3d51f30020003.csr"
(cd "$folder/zip" && zip -q "../my meters.zip" ./*.csr)
echo "not a request" >"$folder/zip/noise.csr" && zip -q -j "$folder/my meters.zip" "$folder/zip/noise.csr"

xml=$(batch submit --party "$first" "$folder/batch.xml")
zip=$(batch submit --party "$second" "$folder/my meters.zip")
claim "the night runs, and tells its refusals by code" says CR:9999 batch run --once --ignore-window

# ---- XML ----

claim "the XML result is written" result "$xml" --format xml --out "$folder/result.xml"
claim "xmllint finds it as the schema says" xmllint --noout --schema "$ROOT/tests/data/schema/batch-1.0.xsd" "$folder/result.xml"
claim "its ID is the request's, with all that XML must escape" test "$(xmllint --xpath 'string(/*/@ID)' "$folder/result.xml")" = \
    "$(xmllint --xpath 'string(/*/@ID)' "$folder/batch.xml")"
claim "one result for each request, each with its fate" test "$(statuses "$folder/result.xml")" = " 4 CSR_ERROR 41 SUCCESS "
certificates "$folder/result.xml" "$folder/pem"
claim "openssl verifies every certificate" verify_all "$folder/pem"
claim "each has the key of its request" keys_are_the_requests "$folder/xml" "$folder/pem"
claim "and its Device ID" devices_are_the_requests "$folder/pem"
claim "the real meter has its certificate" test -s "$folder/pem/real.pem"
claim "the wrong, the foreign and the repeated ones have none" \
    test "$(count_of "$folder/pem" 'wrong*')$(count_of "$folder/pem" 'rsa*')$(count_of "$folder/pem" 'p384*')/$(($(count_of "$folder/pem" 'same*') + $(count_of "$folder/pem" '*20001*')))" = 000/1
claim "the same result on standard output" cmp <(result "$xml" --format xml --out -) "$folder/result.xml"
claim "an XML batch can be had as zip" result "$xml" --format zip --out "$folder/xml-as.zip"
claim "with 41 certificates" test "$(unzip -Z1 "$folder/xml-as.zip" | wc -l)" = 41

# ---- zip and txt ----

claim "without --out, the zip is named as the request's, in the current folder" bash -c "cd '$folder' && '$PROGRAMS/batch/smki-batch' --home '$home' \
    result $zip --format zip --ignore-release"
claim "unzip finds it whole" unzip -tq "$folder/my meters-response.zip"
unzip -q "$folder/my meters-response.zip" -d "$folder/crt"
claim "40 certificates, named as their requests" test "$(count_of "$folder/crt" '*')/$(count_of "$folder/crt" '*.crt')" = 40/40
for file in "$folder"/crt/*.crt; do as_pem "$file" >"$folder/crtpem/$(basename "$file" .crt).pem"; done
claim "openssl verifies every certificate of the zip" verify_all "$folder/crtpem"
claim "the report is written" result "$zip" --format txt --out "$folder/report.txt"
claim "it has a line a request" test "$(wc -l <"$folder/report.txt")" = 42
claim "success for the 40 granted ones" test "$(grep -c ',success,' "$folder/report.txt")" = 40
claim "the noise is an error with its code" grep -qE 'noise.csr,error,CR:' "$folder/report.txt"
refused 2 "a zip does not go to standard output" result "$zip" --format zip --out -

# ---- files ----

echo before >"$folder/kept"
refused 1 "a result that is refused" batch result "$xml" --format txt --out "$folder/kept"
claim "leaves the file that was there" test "$(cat "$folder/kept")" = before
refused 1 "a folder that is not there" result "$xml" --format txt --out "$folder/none/report.txt"
refused 1 "a folder for a file" result "$xml" --format txt --out "$folder"
claim "no half file is left" test -z "$(find "$folder" -maxdepth 1 -name '*.??????' -newer "$folder/kept" -type f)"
if [ -e /dev/full ]; then
    refused 1 "a full standard output" bash -c "'$PROGRAMS/batch/smki-batch' --home '$home' result $xml --format xml --out - --ignore-release >/dev/full"
fi
claim "the audit log is whole" smki audit verify
claim "every reading before its time is in it as an override" test "$(smki audit export - | grep -c 'ignore-release')" -ge 6
finish
