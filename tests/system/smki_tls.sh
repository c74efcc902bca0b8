#!/bin/bash
# smki tls: the servers' certificate for development, as openssl and curl judge it.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/tls.sh
. "$ROOT/tests/system/tls.sh"

fails() { # fails NAME TEXT COMMAND...: exit 1, the refusal is NAME and its one line has TEXT
    local name=$1 text=$2 status=0
    shift 2
    "$@" >/dev/null 2>"$folder/err" </dev/null || status=$?
    cat "$folder/err"
    [ "$status" -eq 1 ] && grep -qF -e "$text" "$folder/err" && grep -q "^smki: $name: " "$folder/err"
}
not() { ! "$@"; }
trusted() { openssl verify -x509_strict -purpose sslserver -CAfile "$home/tls/ca.pem" "$@" "$home/tls/server.pem"; }
field() { smki tls show --json | python3 -c "import json, sys; print(json.load(sys.stdin)['$1'])"; }

smki init >/dev/null

# ---- what init makes ----

claim "init makes root, certificate and key" test -f "$home/tls/ca.pem" -a -f "$home/tls/server.pem" -a -f "$home/tls/server.key"
claim "the key is its owner's" test "$(stat -c %a "$home/tls/server.key" "$home/tls" | tr '\n' ' ')" = "600 700 "
claim "it is RSA 2048" says "(2048 bit" openssl pkey -in "$home/tls/server.key" -noout -text
claim "signed with SHA-256" says sha256WithRSAEncryption openssl x509 -in "$home/tls/server.pem" -noout -text
claim "the names say what it is for" says development openssl x509 -in "$home/tls/server.pem" -noout -subject -issuer
claim "openssl verifies it for localhost" trusted -verify_hostname localhost
claim "for 127.0.0.1" trusted -verify_ip 127.0.0.1
claim "for ::1" trusted -verify_ip ::1
claim "for the machine's name" trusted -verify_hostname "$(hostname)"
claim "for no other" not trusted -verify_hostname example.org
claim "the root's key is not kept" not grep -rlF "$(openssl x509 -in "$home/tls/ca.pem" -noout -modulus)" "$home/tls" "$home/keys"
for key in "$home"/tls/*.key "$home"/keys/*.key; do
    [ "$(openssl pkey -in "$key" -pubout 2>/dev/null)" != "$(openssl x509 -in "$home/tls/ca.pem" -noout -pubkey)" ] || echo "$key"
done >"$folder/roots"
claim "no key of the home is the root's" test ! -s "$folder/roots"

# ---- a server with it ----

listen -tls1_2 -cipher ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-SHA384:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA256
claim "curl trusts it by the root, as localhost" says "ECDHE-RSA-AES256-GCM-SHA384" page "https://localhost:$port/" --cacert "$home/tls/ca.pem"
claim "with each of the four suites" page "https://localhost:$port/" --cacert "$home/tls/ca.pem" --ciphers ECDHE-RSA-AES128-SHA256
claim "without the root it does not" not page "https://localhost:$port/"
hush

# ---- show, make ----

claim "show says until when" says "valid to" smki tls show
claim "and that the key fits" says "there, and fits" smki tls show
claim "show --json is JSON" is_json smki tls show --json
before=$(field sha256)
claim "one that is there stays" fails ALREADY_EXISTS "--replace" smki tls make
claim "octet for octet" test "$(field sha256)" = "$before"
cp "$home/tls/ca.pem" "$folder/old.pem"
claim "--replace makes another" smki tls make --replace --host smki.example.org --host 192.0.2.7 --days 30
claim "for the hosts given" trusted -verify_hostname smki.example.org
claim "and addresses" trusted -verify_ip 192.0.2.7
claim "and localhost always" trusted -verify_hostname localhost
claim "for as long as was said" test "$(field not_after | cut -c1-10)" = "$(date -u -d '+30 days' +%F)"
claim "the old root does not vouch for it" not openssl verify -CAfile "$folder/old.pem" "$home/tls/server.pem"
claim "it is recorded with its digest" says "$(field sha256)" smki audit show --last 1 --json
listen
claim "curl trusts the new one by the new root" page "https://smki.example.org:$port/" --cacert "$home/tls/ca.pem" --resolve "smki.example.org:$port:127.0.0.1"
hush
claim "a host that is none is refused" fails INVALID_ARGUMENT "a_b" smki tls make --replace --host a_b
claim "days are at least one" test "$(smki tls make --replace --days 0 >/dev/null 2>&1; echo $?)" = 2
claim "one that has expired is said to be" says "(expired)" later '+40 days' "$PROGRAMS/smki/smki" --home "$home" tls show

# ---- one of another CA ----

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$home/tls/server.key" -out "$home/tls/server.pem" -subj /CN=smki.example.org \
    -addext subjectAltName=DNS:smki.example.org -days 10 2>/dev/null
chmod 600 "$home/tls/server.key"
claim "a certificate of another CA is shown" says "of a CA outside this home" smki tls show
claim "with its names" test "$(field hosts)" = smki.example.org
cp "$home/tls/server.key" "$folder/kept.key"
claim "and never written over" fails ALREADY_EXISTS "move it away" smki tls make --replace
claim "nor is its key" cmp "$folder/kept.key" "$home/tls/server.key"
chmod 640 "$home/tls/server.key"
claim "a key that others can read is said to be" says "chmod 600" smki tls show

# ---- backups, and homes of before ----

claim "a backup has it" bash -c "'$PROGRAMS/smki/smki' --home '$home' backup '$folder/backup' && cmp '$home/tls/server.pem' '$folder/backup/tls/server.pem'"
claim "one without keys has no key" bash -c "'$PROGRAMS/smki/smki' --home '$home' backup --without-keys '$folder/public' && test -f '$folder/public/tls/server.pem' -a ! -e '$folder/public/tls/server.key'"
rm -r "$folder/backup/tls"
claim "a backup of before there were servers is restored" "$PROGRAMS/smki/smki" restore "$folder/backup" "$folder/home2"
claim "its home lacks a certificate" fails NOT_FOUND "smki tls make" "$PROGRAMS/smki/smki" --home "$folder/home2" tls show
rmdir "$folder/home2/tls"
claim "and gets one" "$PROGRAMS/smki/smki" --home "$folder/home2" tls make
claim "after all of it the audit log is whole" smki audit verify
finish
