#!/bin/bash
# Uploads to the portal that go wrong: broken off, garbage, made to burst, too many, too large, two at once, a full disk, a server that is killed.
# Each is told clearly, and nothing of it is left in the home. The claims of a full disk need a small tmpfs (root), and are left out without.
# shellcheck source=tests/system/lib.sh disable=SC1091,SC2317
source "$ROOT/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh disable=SC1091
source "$ROOT/tests/system/web_lib.sh"
# shellcheck source=tests/system/portal_web_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_web_lib.sh"

disk=$folder/disk
mkdir "$disk"
small=no
if mount -t tmpfs -o size=8m none "$disk" 2>/dev/null; then small=yes; fi
trap 'status=$?; web_end; if [ "$small" = yes ]; then umount -l "$disk"; fi
    if [ "$status" -ne 0 ] && [ -d "$folder" ]; then echo "Bail out! the test itself stopped in line $LINENO"; rm -rf "$folder"; fi' EXIT
home=$disk/home
at "2026-11-23 12:00:00"
portal_home
limits='"batch.max_csrs": 20, "batch.max_upload": 1048576'
portal_start "$limits"

# zip_of NAME ENTRIES OCTETS: entries of octets that no packing makes smaller
zip_of() {
    python3 - "$folder/$1" "$2" "$3" <<'PYTHON'
import os, sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as out:
    for number in range(int(sys.argv[2])):
        out.writestr(f"meter-{number}.csr", os.urandom(int(sys.argv[3])))
PYTHON
}
upload() { send device device-1 "/api/batches?name=$1" application/zip "$folder/$1" "${@:2}"; }
files() { find "$home/batches" -type f; }
left() { files && [ "$(files | wc -l)" = "$1" ]; } # left NUMBER: of files in the folder of uploads (for claim)
incoming() { find "/proc/$server/fd" -lname "$home/batches/*" -exec stat -L -c '%s' {} + 2>/dev/null; } # octets of what is coming in
arrived() { # arrived OCTETS: an upload has come so far (for claim)
    incoming && [ "$(incoming | sort -n | tail -n 1)" -ge "$1" ] 2>/dev/null
}
gone() { # nothing is coming in any more (for claim)
    incoming && [ -z "$(incoming)" ]
}
zip_of good.zip 12 15000
zip_of many.zip 21 10
zip_of large.zip 20 55000
head -c 200000 /dev/urandom >"$folder/garbage.zip"
head -c 3000000 /dev/zero >"$folder/a.csr" && zip -qj "$folder/bomb.zip" "$folder/a.csr"

upload good.zip --first 150000 --pause 6 --hang-up &
sender=$!
claim "an upload comes in" within 60 arrived 50000
wait "$sender"
claim "when its sender hangs up in the middle, it is not waited for" within 60 gone
claim "and nothing of it is left" left 0
upload garbage.zip
claim "garbage is no zip" answers 422 '"code":"FM:ZA1"'
upload bomb.zip
claim "what is made to burst is refused" answers 422 '"name":"ZIP_BOMB"'
upload many.zip
claim "one CSR more than the limit too, with the limit" answers 422 'a batch may hold 20 CSRs; split it'
upload large.zip
claim "what is too large is refused before it is read" answers 413 '"name":"TOO_LARGE"'
upload large.zip --chunked
claim "and where its size is not declared, when it is" answers 413 '"name":"TOO_LARGE"'
claim "nothing of all this is left" left 0

python3 "$ROOT/tests/system/portal_send.py" --ca "$home/tls/ca.pem" --port "${port[device]}" --path '/api/batches?name=slow.zip' --type application/zip \
    --file "$folder/good.zip" --credential "$folder/device-1" --answer "$folder/slow" --head "$folder/slow-head" --first 150000 --pause 8 >"$folder/slow-status" &
slow=$!
claim "an upload is on its way" within 60 arrived 50000
claim "and has no name yet" left 0
upload good.zip
claim "another one of the same officer is accepted meanwhile" answers 201 '"csrs":12'
wait "$slow"
claim "and then the first, as another batch" test "$(cat "$folder/slow-status") $(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["batch"]["name"])' "$folder/slow")" = "201 slow.zip"
ask device device-1 /api/batches
claim "both are there" json_is '[b["name"] for b in a["batches"]]' "['slow.zip', 'good.zip']"
claim "with a file each" left 2

if [ "$small" = yes ]; then
    head -c $(($(df --output=avail -B1 "$disk" | tail -n 1) - 50000)) /dev/zero >"$disk/ballast"
    upload good.zip
    claim "on a full disk: to be sent again" answers 503 '"name":"DISK_FULL"'
    claim "with when" heads 'retry-after: [0-9]+'
    claim "and nothing of it is left" left 2
    rm "$disk/ballast"
    upload good.zip
    claim "with room again it is accepted" answers 201 '"csrs":12'
fi
kept=$(files | wc -l)

upload good.zip --first 150000 --pause 30 2>/dev/null &
sender=$!
claim "an upload is on its way when the server is killed" within 60 arrived 50000
kill -KILL "$server"
wait "$server" 2>/dev/null || true
wait "$sender" || true
claim "nothing of it is left" left "$kept"
portal_start "$limits"
ask device device-1 /api/batches
claim "after a new start all accepted batches are there, and no more" json_is 'len(a["batches"])' "$kept"
upload good.zip
claim "and it is accepted when it is sent again" answers 201 '"csrs":12'
claim "it ends when told" web_stop
claim "the audit log is whole" smki audit verify
if [ "$small" = yes ]; then umount "$disk"; fi
trap - EXIT
finish
