#!/bin/bash
# Wrong uses: exit 2 for what cannot be understood, 1 for what is refused, each with one clear line.
LEAKS=yes
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"

program() { "$PROGRAMS/smki/smki" "$@"; }
runner() { "$PROGRAMS/batch/smki-batch" "$@"; }
unset SMKI_HOME

# ---- usage ----

refused 2 "no subcommand" program
refused 2 "an unknown subcommand" program bananas
refused 2 "an unknown option" program --bananas
refused 2 "an unknown option of a subcommand" smki party list --bananas
refused 2 "an option without its value" smki party add --name
refused 2 "a missing argument" smki cert show
refused 2 "a credential that is not said" smki credential revoke
refused 2 "the runner without a subcommand" runner
refused 2 "the runner with an unknown subcommand" runner bananas
for words in "" init "party add" "party list" "party show" "device import" "device show" "cert show" "ca export" "tls make" "tls show" "credential issue" \
    "credential revoke" "agreement add" "maintenance plan" "maintenance start" "maintenance end" "maintenance list" "audit verify" "audit export" "audit find" backup restore lint \
    "config check" "config show"; do
    # shellcheck disable=SC2086 # words are words
    claim "smki $words --help explains" says smki program $words --help
done
for words in "" submit plan run status result; do
    # shellcheck disable=SC2086
    claim "smki-batch $words --help explains" says smki-batch runner $words --help
done

# ---- homes ----

refused 1 "a home that is not there" smki party list
refused 1 "the runner on a home that is not there" batch plan
mkdir "$folder/occupied" && touch "$folder/occupied/file"
refused 1 "init in a folder that holds something" program init "$folder/occupied"
claim "which is left alone" test "$(ls -A "$folder/occupied")" = file
program init "$home" >/dev/null
refused 1 "init where a home is already" program init "$home"
refused 1 "restore of what is no backup" program restore "$folder/occupied" "$folder/restored"
smki backup "$folder/backup" >/dev/null
refused 1 "restore into a home that is in use" program restore "$folder/backup" "$home"

# ---- keys and configuration ----

chmod 644 "$home/keys/audit.key"
refused 1 "a key that others can read" smki party add --name X --eui 90-B3-D5-1F-30-00-00-0F --role supplier --user-role other --subscriber device
claim "with what to do" because 'chmod 600'
chmod 600 "$home/keys/audit.key"
cp "$home/smki.json" "$folder/smki.json"
echo '{"night": {"capcity": 1}}' >"$home/smki.json"
refused 1 "a configuration with an unknown key" smki config check
claim "with the nearest right name" because 'did you mean night.capacity'
refused 1 "any work on such a home" smki party list
cp "$folder/smki.json" "$home/smki.json"
claim "the configuration that init wrote is good" smki config check

# ---- names and numbers ----

number=$(party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier)
refused 1 "an EUI-64 that another Party has" party Other 90B3D51F30000001 supplier import-supplier
refused 1 "a Party that is not there" smki party show 99
refused 1 "a certificate that is not there" smki cert show 0123456789abcdef
refused 1 "a batch that is not there" batch status 99
refused 1 "the result of a batch that is not there" batch result 99 --format xml --out "$folder/none.xml"
claim "for which no file was left" test ! -e "$folder/none.xml"

# ---- submissions ----

request "$folder/good.csr" 90B3D51F30010001 digitalSignature
xml_batch good "$folder/good.csr" >"$folder/good.xml"
refused 1 "a batch for a Party that is not there" batch submit --party 99 "$folder/good.xml"
refused 1 "a batch file that is not there" batch submit --party "$number" "$folder/none.xml"
: >"$folder/empty.xml"
refused 1 "an empty file" batch submit --party "$number" "$folder/empty.xml"
head -c 200 "$folder/good.xml" >"$folder/cut.xml"
refused 1 "a document that is cut off" batch submit --party "$number" "$folder/cut.xml"
sed 's#^<SubmitCSRBatch#<!DOCTYPE x [<!ENTITY a "b">]>\n&#' "$folder/good.xml" >"$folder/dtd.xml"
refused 1 "a document with a DTD" batch submit --party "$number" "$folder/dtd.xml"
sed 's#1.0</Version>#1.1</Version>#' "$folder/good.xml" >"$folder/version.xml"
refused 1 "a document of another version" batch submit --party "$number" "$folder/version.xml"
xml_batch twice "$folder/good.csr" "$folder/good.csr" >"$folder/twice.xml"
refused 1 "two CSRs with the same ID" batch submit --party "$number" "$folder/twice.xml"
mkdir "$folder/sub" && cp "$folder/good.csr" "$folder/sub/"
(cd "$folder" && zip -q -r folder.zip sub)
refused 1 "a zip with a folder" batch submit --party "$number" "$folder/folder.zip"
(cd "$folder" && cp good.csr good.txt && zip -q text.zip good.txt)
refused 1 "a zip with an entry that is no .csr" batch submit --party "$number" "$folder/text.zip"
(cd "$folder" && zip -q -P secret encrypted.zip good.csr)
refused 1 "an encrypted zip" batch submit --party "$number" "$folder/encrypted.zip"
(cd "$folder" && zip -q good.zip good.csr && head -c 150 good.zip >cut.zip)
refused 1 "a zip that is cut off" batch submit --party "$number" "$folder/cut.zip"
claim "none of them became a batch: the next one's BatchId is the first" test "$(batch submit --party "$number" "$folder/good.zip")" = 1

# ---- lint ----

echo "not a certificate" >"$folder/noise.pem"
refused 1 "lint of noise" smki lint "$folder/noise.pem"
refused 1 "lint of a file that is not there" smki lint "$folder/none.pem"
claim "lint says what is wrong with a certificate without subjectKeyIdentifier" \
    test "$(smki lint "$ROOT/tests/data/zaz1/device-88738457002f966c-no-ski.cert.der" >"$folder/lint" 2>&1; echo $?)" = 1
finish
