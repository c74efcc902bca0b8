#!/bin/bash
# smki client: installers of the Authentication Client, with openssl cms and sha256sum for counterparts.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/portal_lib.sh
. "$ROOT/tests/system/portal_lib.sh"

cd "$folder" # keys and certificates
signer() { # signer NAME KEY-ARGUMENTS...: NAME.key and NAME.pem with the root after it, for signing code
    local name=$1
    shift
    openssl req -new -newkey "$@" -nodes -keyout "$name.key" -out "$name.csr" -subj "/O=Operator/CN=$name" 2>/dev/null
    openssl x509 -req -in "$name.csr" -CA root.pem -CAkey root.key -days 30 -out "$name.pem" \
        -extfile <(printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "${purpose:-codeSigning}") 2>/dev/null
    chmod 600 "$name.key"
}
verified() { # verified SIGNATURE FILE: by openssl, against the root alone
    openssl cms -verify -binary -inform DER -in "$1" -content "$2" -CAfile root.pem -purpose any -out /dev/null
}
publish() { smki client publish "$@"; }
signature_of() { # signature_of FILE: the kept file that is not FILE itself; there is one
    local name
    for name in "$home"/client/*; do cmp -s "$name" "$1" || echo "$name"; done
}
files() { find "$home/client" -mindepth 1 | wc -l; }

smki init >/dev/null
openssl req -x509 -newkey rsa:2048 -nodes -keyout root.key -out root.pem -subj "/CN=Root" -days 30 2>/dev/null
signer rsa rsa:2048
signer ec ec -pkeyopt ec_paramgen_curve:prime256v1
purpose=serverAuth signer server rsa:2048
head -c 1500000 /dev/urandom >client.deb

claim "nothing is published at first" says "nothing is published" smki client list
first=$(publish client.deb --version 1.4.2 --platform linux-amd64 --sign-key rsa.key --sign-cert rsa.pem)
claim "publish prints the number alone" is_number "$first"
claim "openssl verifies the signature over the file" verified "$(signature_of client.deb)" client.deb
cp client.deb other.deb && printf x >>other.deb
claim "and not over another" test "$(verified "$(signature_of client.deb)" other.deb 2>/dev/null && echo good || echo bad)" = bad
claim "the signer's certificate is in it" test "$(openssl pkcs7 -inform DER -in "$(signature_of client.deb)" -print_certs | grep -c "CN *= *rsa")" = 1
claim "the file lies in the home as it was" cmp client.deb "$home/client/$(sha256sum client.deb | cut -d' ' -f1)"
claim "the SHA-256 is that of sha256sum" test "$(json 'j[0]["sha256"]' client list)" = "$(sha256sum client.deb | cut -d' ' -f1)"
claim "the list tells who signed" says "CN=rsa" smki client list
claim "list --json is JSON" is_json smki client list --json
claim "the same version for the same platform is refused" fails ALREADY_EXISTS "file $first" publish other.deb --version 1.4.2 --platform linux-amd64 --sign-key rsa.key --sign-cert rsa.pem
claim "and leaves nothing" test "$(files)" = 2

# ---- what is no signature ----

claim "a key of another certificate is refused" fails KEY_MISMATCH "does not belong" publish other.deb --version 2 --platform linux --sign-key ec.key --sign-cert rsa.pem
claim "a certificate that is not for code is refused" fails SIGNATURE_INVALID "not for signing code" publish other.deb --version 2 --platform linux --sign-key server.key --sign-cert server.pem
cp rsa.key open.key && chmod 644 open.key
claim "a key that others can read is refused" fails KEY_PERMISSIONS "chmod 600" publish other.deb --version 2 --platform linux --sign-key open.key --sign-cert rsa.pem
openssl pkcs8 -topk8 -in rsa.key -out locked.key -passout pass:secret && chmod 600 locked.key
claim "a key with a passphrase wants a terminal" fails KEY_PASSPHRASE "locked.key" publish other.deb --version 2 --platform linux --sign-key locked.key --sign-cert rsa.pem
claim "a certificate that is none is refused" fails CERTIFICATE_MALFORMED "rsa.key" publish other.deb --version 2 --platform linux --sign-key rsa.key --sign-cert rsa.key
claim "an expired certificate is refused" fails SIGNATURE_INVALID "has expired" later '+60 days' "$PROGRAMS/smki/smki" --home "$home" client publish other.deb --version 2 --platform linux --sign-key rsa.key --sign-cert rsa.pem
claim "a platform that there are no instructions for is refused" fails INVALID_ARGUMENT "linux-amd64" publish other.deb --version 2 --platform beos --sign-key rsa.key --sign-cert rsa.pem
claim "key and certificate belong together" usage "belong together" publish other.deb --version 2 --platform linux --sign-key rsa.key
claim "how it is signed is wanted" usage "--signature" publish other.deb --version 2 --platform linux
claim "none of them left anything" test "$(files)" = 2

# ---- signed elsewhere ----

cms() { openssl cms -sign -binary -in "$1" -signer ec.pem -inkey ec.key -outform DER -out "$2" "${@:3}"; }
cms other.deb other.p7s
echo small >small.deb
cms small.deb whole.p7s -nodetach
cms other.deb bare.p7s -nocerts
claim "a signature over another file is refused" fails SIGNATURE_INVALID "does not verify" publish client.deb --version 2 --platform linux --signature other.p7s
claim "one that holds the file is refused" fails SIGNATURE_INVALID "not detached" publish small.deb --version 2 --platform linux --signature whole.p7s
claim "one without its certificate is refused" fails SIGNATURE_INVALID "" publish other.deb --version 2 --platform linux --signature bare.p7s
claim "what is no signature is refused" fails SIGNATURE_INVALID "root.pem" publish other.deb --version 2 --platform linux --signature root.pem
second=$(publish other.deb --version 2 --platform windows --signature other.p7s)
claim "one that was made elsewhere is published" is_number "$second"
claim "octet for octet" cmp other.p7s "$home/client/$(sha256sum other.p7s | cut -d' ' -f1)"
cat ec.pem root.pem >ec-chain.pem
third=$(publish client.deb --version 3 --platform linux-amd64 --sign-key ec.key --sign-cert ec-chain.pem)
for file in "$home"/client/*; do # the one that is neither file nor signature of before
    if verified "$file" client.deb 2>/dev/null && openssl cms -cmsout -print -inform DER -in "$file" -noout | grep -q "CN=ec\|CN = ec"; then signature=$file; fi
done
claim "an EC key signs too" verified "${signature:-none}" client.deb
claim "the certificates above go with it" test "$(openssl pkcs7 -inform DER -in "${signature:-none}" -print_certs | grep -c '^subject')" = 2

# ---- updates.json ----

officer updates https://download.example >updates.json
update() { python3 -c "import json; j = json.load(open('updates.json')); print($1)"; }
claim "updates.json tells the latest of each platform" test "$(update 'sorted(j["latest"].items())')" = "[('linux-amd64', $third), ('windows', $second)]"
claim "and all, newest first" test "$(update '[f["number"] for f in j["files"]]')" = "[$third, $second, $first]"
claim "with addresses" test "$(update 'j["files"][0]["signature_url"]')" = "https://download.example/files/$third.p7s"
claim "and the SHA-256" test "$(update 'j["files"][0]["sha256"]')" = "$(sha256sum client.deb | cut -d' ' -f1)"

# ---- backup, withdrawing ----

claim "a backup is made" smki backup backup
claim "it has the files" diff -r "$home/client" backup/client
claim "a file is withdrawn" smki client withdraw "$first"
claim "the octets that another needs stay" cmp client.deb "$home/client/$(sha256sum client.deb | cut -d' ' -f1)"
claim "and the other" smki client withdraw "$third"
claim "then they are gone" test ! -e "$home/client/$(sha256sum client.deb | cut -d' ' -f1)"
claim "it is withdrawn once" fails NOT_FOUND "was withdrawn" smki client withdraw "$first"
claim "all of it is recorded" test "$(acts installer)" = 5
claim "after all of it the audit log is whole" smki audit verify
cd /
finish
