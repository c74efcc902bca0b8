#!/bin/bash
# smki credential: keys, certificates and PKCS#12 files made in one go, as openssl, curl and NSS take them; credentials by serial number.
LEAKS=yes
# shellcheck source=tests/system/lib.sh disable=SC2317,SC2034 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/tls.sh
. "$ROOT/tests/system/tls.sh"

json() { # json FILTER COMMAND...: what Python's FILTER makes of the JSON that smki COMMAND --json prints
    local filter=$1
    shift
    smki "$@" --json | python3 -c "import json, sys; j = json.load(sys.stdin); print($filter)"
}
fails() { # fails NAME TEXT COMMAND...: exit 1, the refusal is NAME and its one line has TEXT
    local name=$1 text=$2 status=0
    shift 2
    "$@" >/dev/null 2>"$folder/err" </dev/null || status=$?
    cat "$folder/err"
    [ "$status" -eq 1 ] && [ "$(wc -l <"$folder/err")" -eq 1 ] && grep -qF -e "$text" "$folder/err" && grep -q "^smki: $name: " "$folder/err"
}
usage() { # usage TEXT COMMAND...: exit 2, and it says TEXT
    local text=$1 status=0
    shift
    "$@" >/dev/null 2>"$folder/err" </dev/null || status=$?
    cat "$folder/err"
    [ "$status" -eq 2 ] && grep -qF -e "$text" "$folder/err"
}
not() { ! "$@"; }
generate() { smki credential issue --party "$first" --interface "$1" --name "$2" --generate "$3" "${@:4}"; }
serial_of() { openssl x509 -in "$1" -noout -serial | cut -d= -f2; }
state_of() { json 'j["state"]' credential show "$1"; }
issued() { json 'len(j)' credential list; }

smki init >/dev/null
first=$(party "Exämple, Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier)
second=$(party "Two Roles" 90-B3-D5-1F-30-00-00-02 supplier,network-operator import-supplier)
none=$(smki party add --name "No Role" --eui 90-B3-D5-1F-30-00-00-03)

# ---- --generate ----

made=$folder/system-1
generate adhoc "System 1" "$made" >"$folder/number" 2>"$folder/note"
claim "the number is alone on standard output" is_number "$(cat "$folder/number")"
claim "it says that it is for development" grep -q "for development" "$folder/note"
claim "in one line" test "$(wc -l <"$folder/note")" = 1
claim "the folder is its owner's" test "$(stat -c %a "$made")" = 700
claim "so is the key" test "$(stat -c %a "$made/key.pem")" = 600
claim "it is RSA 2048" says "(2048 bit" openssl pkey -in "$made/key.pem" -noout -text
claim "the certificate is of this key" cmp <(openssl pkey -in "$made/key.pem" -pubout) <(openssl x509 -in "$made/cert.pem" -noout -pubkey)
claim "openssl verifies it by the chain, for a TLS client" openssl verify -purpose sslclient -CAfile "$made/chain.pem" "$made/cert.pem"
claim "the chain is the IKICA" cmp "$made/chain.pem" "$home/ca/ikica.pem"
claim "lint finds nothing in it" smki lint --issuer "$home/ca/ikica.pem" "$made/cert.pem"
claim "its subject is O, OU, CN" test "$(openssl x509 -in "$made/cert.pem" -noout -subject -nameopt utf8,sep_multiline,lname | sed '1d; s/^ *//' | tr '\n' '|')" = \
    "organizationName=Exämple, Energy|organizationalUnitName=02|commonName=System 1|"
claim "nothing is written over" fails ALREADY_EXISTS "key.pem" generate adhoc "System 2" "$made"
claim "then nothing is issued" test "$(issued)" = 1
rm "$made/key.pem"
claim "not even what was left of it" fails ALREADY_EXISTS "cert.pem" generate adhoc "System 2" "$made"
claim "a CN that is taken is refused" fails CREDENTIAL_NAME_TAKEN "System 1" generate adhoc "System 1" "$folder/twice"
claim "and leaves no folder" test ! -e "$folder/twice"
mkdir "$folder/empty"
claim "a folder that was there" fails CREDENTIAL_NAME_TAKEN "System 1" generate adhoc "System 1" "$folder/empty"
claim "stays as it was" test -z "$(ls -A "$folder/empty")"
claim "a folder that cannot be made is refused" fails IO "none" generate adhoc "System 3" "$folder/none/here"
claim "the same CN serves another interface" generate batch "System 1" "$folder/batch-1"

claim "one of --csr and --generate" usage "--csr" smki credential issue --party "$first" --interface adhoc
claim "not both" usage "not both" generate adhoc "System 3" "$folder/none" --csr "$folder/none.csr"
claim "--out goes with --csr" usage "--out" generate adhoc "System 3" "$folder/none" --out "$folder/none.pem"
claim "--name goes with --generate" usage "--name" smki credential issue --party "$first" --interface adhoc --csr "$folder/none.csr" --name X
claim "a system has a name" usage "--name is missing" smki credential issue --party "$first" --interface adhoc --generate "$folder/none"

of_second() { smki credential issue --party "$second" --interface batch --name "System 1" --generate "$folder/second" "$@"; }
claim "of several roles one is to be said" usage "--role" of_second
claim "a role that is not the Party's is refused" fails ROLE_NOT_OWN "" of_second --role wan-provider
claim "and leaves nothing" test ! -e "$folder/second"
claim "a role by its name" of_second --role network-operator
claim "stands in the OU" says "OU=03" openssl x509 -in "$folder/second/cert.pem" -noout -subject -nameopt RFC2253
claim "without a role there is none" fails ROLE_NOT_OWN "--role" smki credential issue --party "$none" --interface batch --name X --generate "$folder/norole"

officer=$(smki aro nominate --party "$first" --name "Ann Other" --email ann@example.org)
of_officer() { smki credential issue --party "$first" --interface portal-device --officer "$officer" --generate "$folder/ann"; }
claim "an officer that is not verified gets none" fails OFFICER_STATE "" of_officer
smki aro verify "$officer"
claim "a verified one does" of_officer
claim "under the officer's name" says "CN=Ann Other" openssl x509 -in "$folder/ann/cert.pem" -noout -subject -nameopt RFC2253

# ---- the PKCS#12 file ----

smki credential issue --party "$first" --interface batch --name "System 5" --generate "$folder/json" --json >"$folder/object" 2>"$folder/note"
claim "--json is JSON" python3 -m json.tool "$folder/object"
claim "and says it all on standard output" test ! -s "$folder/note"
if [ -e "$made/bundle.p12" ]; then
    bundle=$folder/json/bundle.p12
    password=$(python3 -c "import json; print(json.load(open('$folder/object'))['password'])")
    claim "the password is told once" test "$(generate adhoc "System 6" "$folder/six" 2>&1 >/dev/null | grep -oE '[a-z2-9]{5}(-[a-z2-9]{5}){3}' | wc -l)" = 1
    claim "it is another each time" not openssl pkcs12 -in "$folder/six/bundle.p12" -passin "pass:$password" -noout
    claim "the file is its owner's" test "$(stat -c %a "$bundle")" = 600
    openssl pkcs12 -in "$bundle" -passin "pass:$password" -nodes -info >"$folder/opened" 2>&1 || true
    claim "openssl opens it" grep -q "PRIVATE KEY" "$folder/opened"
    claim "its keys and certificates are under AES-256" test "$(grep -c 'PBES2, PBKDF2, AES-256-CBC, Iteration [0-9]*, PRF hmacWithSHA256' "$folder/opened")" = 2
    claim "its MAC is HMAC-SHA256" grep -q "MAC: sha256" "$folder/opened"
    claim "the key in it is that of key.pem" cmp <(openssl pkcs12 -in "$bundle" -passin "pass:$password" -nocerts -nodes | openssl pkey -pubout) <(openssl pkey -in "$folder/json/key.pem" -pubout)
    claim "the certificate that of cert.pem" cmp <(openssl pkcs12 -in "$bundle" -passin "pass:$password" -clcerts -nokeys | openssl x509) "$folder/json/cert.pem"
    claim "with the chain" cmp <(openssl pkcs12 -in "$bundle" -passin "pass:$password" -cacerts -nokeys | openssl x509) "$folder/json/chain.pem"
    claim "nothing of it is to be had without the password" not openssl pkcs12 -in "$bundle" -passin pass:wrong -noout
    listen -Verify 1 -verify_return_error -CAfile "$folder/json/chain.pem"
    came() { cmp <(page "https://localhost:$port/" --cacert "$home/tls/ca.pem" "$@" | openssl x509) "$folder/json/cert.pem"; } # the page shows whose certificate came
    claim "curl comes with it" came --cert-type P12 --cert "$bundle:$password"
    claim "and with the PEM files" came --cert "$folder/json/cert.pem" --key "$folder/json/key.pem"
    claim "and not with none" not page "https://localhost:$port/" --cacert "$home/tls/ca.pem"
    hush
    if command -v pk12util >/dev/null; then
        mkdir "$folder/nss"
        certutil -N -d "sql:$folder/nss" --empty-password
        claim "NSS, and so Firefox, imports it" pk12util -i "$bundle" -d "sql:$folder/nss" -W "$password"
        claim "under the system's name" says "System 5" certutil -K -d "sql:$folder/nss"
    fi
else
    claim "without GnuTLS it says how to make a PKCS#12 file" says "openssl pkcs12 -export" generate adhoc "System 6" "$folder/six"
fi

# ---- by serial number ----

serial=$(serial_of "$made/cert.pem")
colons=$(sed 's/../&:/g; s/:$//' <<<"$serial")
claim "show takes a serial number" test "$(json 'j["common_name"]' credential show "$serial")" = "System 1"
claim "suspend does" smki credential suspend "$serial"
claim "it is suspended" test "$(state_of "$(cat "$folder/number")")" = suspended
claim "which the list shows" says suspended smki credential list
claim "and who did it" says "active -> suspended, CN System 1, by $(id -un)" smki credential show "$serial"
claim "for programs too" test "$(json 'j["changed_by"]' credential show "$serial")" = "$(id -un)"
claim "resume takes one with colons" smki credential resume "$colons"
claim "or in lower case" test "$(state_of "${serial,,}")" = active
claim "the credential's number still does" smki credential suspend "$(cat "$folder/number")"
claim "revoke takes a serial number" smki credential revoke "$serial"
claim "it is revoked" test "$(state_of "$serial")" = revoked
claim "which the certificate shows too" says revoked smki cert show "$serial"
claim "and the next CRL" says "$serial" bash -c "'$PROGRAMS/smki/smki' --home '$home' ca crl ikica | openssl crl -noout -text"
claim "for good" fails CREDENTIAL_STATE revoked smki credential resume "$serial"
claim "a serial number that there is not" fails NOT_FOUND "0123456789abcdef0123" smki credential revoke 0123456789ABCDEF0123
claim "20 decimal digits are a serial number" fails NOT_FOUND "serial number 12345678901234567890" smki credential show 12345678901234567890
claim "19 are a credential's number" fails NOT_FOUND "credential 1234567890123456789" smki credential show 1234567890123456789
claim "a CA's is not that of a credential" fails NOT_FOUND "not that of a credential" smki credential revoke "$(serial_of "$home/ca/dca.pem")"
claim "what is neither is not understood" usage "credential's number" smki credential revoke bananas

# ---- the portal's: an officer's, named or the only one ----

holder=$(party "Portal Energy" 90-B3-D5-1F-30-00-00-09 supplier import-supplier)
openssl req -new -newkey rsa:2048 -nodes -keyout /dev/null -subj "/O=Portal Energy/OU=02/CN=Ann Officer" -addext keyUsage=critical,digitalSignature -out "$folder/officer.csr" 2>/dev/null
portal() { smki credential issue --party "$holder" --interface "$1" --csr "$folder/officer.csr" --out "$folder/officer.pem" "${@:2}"; }
claim "without a verified officer it is said how there comes to be one" fails OFFICER_STATE "smki aro nominate" portal portal-org
ann=$(smki aro nominate --party "$holder" --name "Ann Officer" --email ann@example.com)
claim "one that is only nominated is none" fails OFFICER_STATE "smki aro verify" portal portal-org
smki aro verify "$ann" >/dev/null
claim "the only verified officer is taken" says "for officer $ann, Ann Officer" portal portal-org
claim "and holds it" test "$(json 'j["officer"]' credential show "$(serial_of "$folder/officer.pem")")" = "$ann"
bob=$(smki aro nominate --party "$holder" --name "Bob Officer" --email bob@example.com)
smki aro verify "$bob" >/dev/null
claim "of two one must be named" usage "--officer" portal portal-device
claim "and is" portal portal-device --officer "$bob"
claim "words for interfaces are those that are typed" usage "adhoc, batch, portal-org, portal-device" portal foo
claim "the long one is taken too" usage "--officer" portal portal-organisation
nested() { smki credential issue --party "$holder" --interface adhoc --name S --generate "$folder/not/there"; }
claim "of a folder to be made only the last part may be missing" fails IO "only the last one is made" nested
claim "a serial number is shown as it was typed" fails NOT_FOUND "serial number deadbeef" smki cert show deadbeef
claim "the log finds what was done with it" says "suspended -> revoked" smki audit find --serial "$serial"
claim "after all of it the audit log is whole" smki audit verify
finish
