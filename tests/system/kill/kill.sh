#!/bin/bash
# kill -9 at any moment: makes the requests and documents with openssl and zip, then hands over to the program that kills.
#   kill.sh PROGRAM
# shellcheck source=tests/system/lib.sh
[ -n "${TMPDIR:-}" ] || { [ -w /dev/shm ] && export TMPDIR=/dev/shm; } # many small homes are copied; what a kill leaves does not hang on the disk
. "${ROOT:?the source tree}/tests/system/lib.sh"

# Which batch holds which request under which ID, and its fate: OK, or the wire code of its refusal. A good request that stands in several lines is granted
# in exactly one of them and refused as a duplicate (CR:9999) in the others. Batches 1 and 3 are XML of the first Party, 2 is a zip of the second.
cat >"$folder/cast" <<'CAST'
1 m1-ds m1-ds OK
1 forged forged CR:AA7
1 m1-ka m1-ka OK
1 m1-again m1-ds OK
1 noise noise CR:AA1
1 meter meter OK
1 m1-late m1-ds OK
1 m2-ds m2-ds OK
2 m1-ka.csr m1-ka OK
2 m2-ka.csr m2-ka OK
2 both.csr both CR:AA8
2 m2-ds.csr m2-ds OK
2 meter.csr meter OK
3 m3-ds m3-ds OK
3 m2-ka m2-ka OK
CAST

pem_of() { # pem_of FILE.der FILE.csr
    printf -- '-----BEGIN CERTIFICATE REQUEST-----\n%s\n-----END CERTIFICATE REQUEST-----\n' "$(base64 -w 64 "$1")" >"$2"
}

# lines BATCH: its IDs and requests; xml BATCH: its document
lines() { awk -v batch="$1" '$1 == batch { print $2, $3 }' "$folder/cast"; }
xml() {
    local id name
    printf '<?xml version="1.0" encoding="UTF-8"?>\n<SubmitCSRBatch ID="batch-%s"><Version>1.0</Version>\n' "$1"
    lines "$1" | while read -r id name; do printf '<DeviceCSR ID="%s">%s</DeviceCSR>\n' "$id" "$(base64_of "$folder/$name.csr")"; done
    printf '</SubmitCSRBatch>\n'
}

for n in 1 2 3; do
    request "$folder/m$n-ds.csr" "90B3D51F3001000$n" digitalSignature
    request "$folder/m$n-ka.csr" "90B3D51F3001000$n" keyAgreement
done
request "$folder/both.csr" 90B3D51F30010009 "digitalSignature, keyAgreement"
pem_of "$ROOT/tests/data/zaz1/device-00db1234567890a0.csr.der" "$folder/meter.csr"
openssl req -in "$folder/m1-ka.csr" -outform DER -out "$folder/forged.der"
last=$(tail -c 1 "$folder/forged.der" | od -An -tu1)
truncate -s -1 "$folder/forged.der"
printf '%b' "$(printf '\\x%02x' $(((last + 1) % 256)))" >>"$folder/forged.der"
pem_of "$folder/forged.der" "$folder/forged.csr"
head -c 200 /dev/urandom >"$folder/noise.der"
pem_of "$folder/noise.der" "$folder/noise.csr"
xml 1 >"$folder/batch-1.xml"
xml 3 >"$folder/batch-3.xml"
mkdir "$folder/zip"
lines 2 | while read -r id name; do
    cp "$folder/$name.csr" "$folder/zip/$id"
    (cd "$folder/zip" && zip -q ../batch-2.zip "$id") # in this order
done

status=0
"$1" "$folder" "$ROOT/tests/data/schema/batch-1.0.xsd" || status=$?
rm -rf "$folder"
exit "$status"
