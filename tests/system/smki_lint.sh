#!/bin/bash
# smki lint: on files of other tools, in every form, good and bad, one and several.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"

lint() { "$PROGRAMS/smki/smki" lint "$@"; }
bad() { # bad TEXT FILE...: exit 1 and TEXT in what is said
    local text=$1 status=0
    shift
    lint "$@" >"$folder/said" 2>&1 || status=$?
    cat "$folder/said"
    [ "$status" -eq 1 ] && grep -qF -e "$text" "$folder/said"
}
field() { # field FILTER FILE...: of the first element of the JSON
    lint --json "${@:2}" 2>/dev/null | python3 -c "import json, sys; print(json.load(sys.stdin)$1)"
}
zaz1=$ROOT/tests/data/zaz1

request "$folder/good.csr" 90B3D51F30010001 digitalSignature
request "$folder/both.csr" 90B3D51F30010002 "digitalSignature, keyAgreement"
request "$folder/other.csr" 90B3D51F30010003 keyAgreement
openssl req -in "$folder/good.csr" -outform DER -out "$folder/good.der"
base64_of "$folder/good.csr" >"$folder/bare.txt"
sed 's/$/\r/' "$folder/good.csr" >"$folder/crlf.csr"
sed 's/CERTIFICATE REQUEST/NEW CERTIFICATE REQUEST/' "$folder/good.csr" >"$folder/new.csr"
cat "$folder/good.csr" "$folder/both.csr" "$folder/other.csr" >"$folder/three.pem"
for file in good other; do openssl req -in "$folder/$file.csr" -text; done >"$folder/told.pem"
{ openssl ecparam -name prime256v1; cat "$folder/good.csr"; } >"$folder/parameters.pem"

# ---- forms ----

for form in good.csr good.der bare.txt crlf.csr new.csr; do
    claim "a request is read as $form" says "good device-csr" lint "$folder/$form"
done
claim "a request is read from standard input" says "good device-csr" lint - <"$folder/good.csr"
claim "parameters beside a request are left alone" test "$(lint "$folder/parameters.pem" | grep -c good)" = 1

# ---- verdicts ----

claim "a request with two key usages is bad" bad "key_usage" "$folder/both.csr"
claim "the rule is cited" bad "IDS App. D, F" "$folder/both.csr"
claim "a request is no certificate" bad "bad device-cert" --profile device-cert "$folder/good.csr"
claim "each block of a file is judged" test "$(lint "$folder/three.pem" | grep -cE ': (good|bad)')" = 3
claim "words between the blocks do no harm" test "$(lint "$folder/told.pem" | grep -c ': good')" = 2
claim "one bad block makes the file bad" bad "three.pem (2): bad" "$folder/three.pem"
claim "the real meter's request is good" says "good device-csr" lint "$zaz1/device-00db1234567890a0.csr.der"
claim "the real meter's certificate is good" says "good device-cert" lint "$zaz1/device-00db1234567890a0-ds.cert.der"
claim "a certificate without subjectKeyIdentifier is bad" bad "error" "$zaz1/device-88738457002f966c-no-ski.cert.der"
claim "an unreadable file is said, the next is judged" bad "good.csr: good" "$folder/none.csr" "$folder/good.csr"
claim "an unreadable file is named" bad "none.csr: No such file" "$folder/none.csr" "$folder/good.csr"
claim "a folder is no file" bad "IO" "$folder"
: >"$folder/empty"
claim "an empty file is bad" bad "empty" "$folder/empty"

head -c 300 /dev/zero | tr '\0' 'x' >"$folder/noise"
claim "what is neither is said to be neither" bad "bad file" "$folder/noise"
claim "and why" bad "neither a request nor a certificate" "$folder/noise"
claim "a certificate given for a request is said to be one" bad "it is a certificate, not a request" --profile device-csr "$zaz1/device-00db1234567890a0-ds.cert.der"
claim "a request given for a certificate too" bad "it is a request, not a certificate" --profile device-cert "$folder/good.csr"

# ---- the issuer ----

"$PROGRAMS/smki/smki" init "$home" >/dev/null
number=$(party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier)
smki ca export "$folder/ca"
smki cert issue --profile device --party "$number" --out "$folder/issued.pem" "$folder/good.csr"
claim "an issued certificate is good" says "good device-cert" lint "$folder/issued.pem"
claim "without its issuer the signature is not judged" says "not judged without --issuer" lint "$folder/issued.pem"
claim "of a self-signed one it is" test "$(lint "$folder/ca/dca-root.pem")" = "$folder/ca/dca-root.pem: good root-ca"
claim "with its issuer it is" test "$(lint --issuer "$folder/ca/dca.pem" "$folder/issued.pem")" = "$folder/issued.pem: good device-cert"
claim "the issuer's signature is judged" says "good device-cert" lint --issuer "$folder/ca/dca.pem" "$folder/issued.pem"
claim "of a chain the first certificate is the issuer" says "good device-cert" lint --issuer "$folder/ca/dca-chain.pem" "$folder/issued.pem"
claim "another issuer is not taken" bad "issuer_is_the_one_given" --issuer "$folder/ca/oca.pem" "$folder/issued.pem"
claim "the CA certificates are good" lint "$folder"/ca/*.pem
refused 1 "an issuer that is no certificate" lint --issuer "$folder/good.csr" "$folder/good.csr"
refused 1 "an issuer that is not there" lint --issuer "$folder/none" "$folder/good.csr"
refused 2 "no file at all" lint
refused 2 "a profile that there is not" lint --profile bananas "$folder/good.csr"

# ---- JSON ----

claim "--json says good" test "$(field '[0]["verdict"]' "$folder/good.csr")" = good
claim "--json says the profile" test "$(field '[0]["profile"]' "$folder/good.csr")" = device-csr
claim "--json says whether the signature was judged" test "$(field '[0]["signature_judged"]' "$folder/good.csr" && field '[0]["signature_judged"]' "$folder/issued.pem")" = $'True\nFalse'
claim "--json has the findings" test "$(field '[0]["findings"][0]["severity"]' "$folder/both.csr")" = error
claim "--json has the place in the file" test "$(field '[1]["place"]' "$folder/three.pem")" = 2
claim "--json has unreadable files" test "$(field '[0]["verdict"]' "$folder/none.csr")" = unreadable
finish
