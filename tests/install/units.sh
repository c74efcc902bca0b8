#!/bin/bash
# Looks at the installed systemd units: tests/install/units.sh PREFIX [COMPILER]
#
#   systemd-analyze verify has nothing to say against them, and systemd-analyze security little
#   the user and the folder that they want are made by what is installed beside them
#   the programs do all their work as the units confine them: by the system calls and address families that are allowed, without memory that is written
#   and executed, on a file system that cannot be written but for the home and /tmp
set -euo pipefail
export LC_ALL=C

prefix=$(cd "$1" && pwd)
cc=${2:-cc}
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/smki-units-XXXXXX")
started=()
leave() {
    local one
    for one in "${started[@]}"; do kill -KILL "$one" 2>/dev/null || true; done
    rm -rf "$work"
}
trap leave EXIT

EXPOSURE=20 # of systemd-analyze security, in tenths: 20 is "OK"

bad() {
    echo "installed units: $1" >&2
    for log in "$work"/*.log; do [ ! -s "$log" ] || { echo "== $(basename "$log")"; tail -n 20 "$log"; } >&2; done
    exit 1
}
within() { # within SECONDS COMMAND...
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

units=$prefix/lib/systemd/system
programs=()
for program in smki-batch smki-webservice smki-portal; do
    [ ! -x "$prefix/bin/$program" ] || programs+=("$program")
done
for program in "${programs[@]}"; do
    [ -s "$units/$program.service" ] || bad "$program has no unit in $units"
    grep -q "^ExecStart=$prefix/bin/$program" "$units/$program.service" || bad "$program.service starts another program"
done
if ! command -v systemd-analyze >/dev/null; then
    echo "installed units: there is no systemd-analyze here: left out"
    exit 0
fi

# ---- what systemd says ----

# In a tree of their own, so that no unit of this machine is looked at; the user is there once systemd-sysusers has made it.
tree=$work/tree
mkdir -p "$tree/etc" "$tree/usr/lib/sysusers.d" "$tree/usr/lib/tmpfiles.d" "$tree/var/lib"
cp "$prefix/lib/sysusers.d/smki.conf" "$tree/usr/lib/sysusers.d/"
cp "$prefix/lib/tmpfiles.d/smki.conf" "$tree/usr/lib/tmpfiles.d/"
systemd-sysusers --root="$tree" "$tree/usr/lib/sysusers.d/smki.conf" >"$work/sysusers.log" 2>&1 || bad "systemd-sysusers does not take smki.conf"
grep -q '^smki:.*:/var/lib/smki:' "$tree/etc/passwd" || bad "systemd-sysusers makes no user smki"
systemd-tmpfiles --root="$tree" --create "$tree/usr/lib/tmpfiles.d/smki.conf" >"$work/tmpfiles.log" 2>&1 || [ "$(id -u)" -ne 0 ] || bad "systemd-tmpfiles does not take smki.conf"
[ "$(id -u)" -ne 0 ] || [ "$(stat -c %a "$tree/var/lib/smki")" = 700 ] || bad "the home's folder is not for its user alone"

for program in "${programs[@]}"; do
    # It names pages that are not in man's path, and a prefix that is not the system's.
    systemd-analyze verify --man=no "$units/$program.service" >"$work/verify.log" 2>&1 || bad "systemd-analyze verify: $program.service"
    ! grep -F "$program.service" "$work/verify.log" || bad "systemd-analyze verify has something to say about $program.service"
    systemd-analyze security --offline=true --threshold="$EXPOSURE" "$units/$program.service" >"$work/security.log" 2>&1 || bad "systemd-analyze security: $program.service"
    tail -n 1 "$work/security.log"
done

# ---- confined as they say ----

values() { sed -n "s/^$2=//p" "$units/$1.service"; }
# The names behind a filter: groups are unfolded; what has ~ before it is taken away.
unfold() {
    local word
    for word in "$@"; do
        if [ "${word:0:1}" != @ ]; then echo "$word"; continue; fi
        # shellcheck disable=SC2046 # words
        unfold $(systemd-analyze syscall-filter "$word" | sed '1d; s/#.*//')
    done
}
calls_of() { # calls_of PROGRAM: what its unit allows
    local line
    : >"$work/yes" && : >"$work/no"
    while read -r line; do
        # shellcheck disable=SC2086 # words
        if [ "${line:0:1}" = '~' ]; then unfold ${line:1} >>"$work/no"; else unfold $line >>"$work/yes"; fi
    done < <(values "$1" SystemCallFilter)
    sort -u "$work/yes" | comm -23 - <(sort -u "$work/no")
    echo execve # for the start, which the service manager makes otherwise
}
families_of() {
    local word numbers=
    for word in $(values "$1" RestrictAddressFamilies); do
        case $word in
        AF_UNIX) numbers=$numbers,1 ;;
        AF_INET) numbers=$numbers,2 ;;
        AF_INET6) numbers=$numbers,10 ;;
        AF_NETLINK) numbers=$numbers,16 ;;
        none) numbers=,none ;;
        *) bad "what is $word?" ;;
        esac
    done
    echo "${numbers#,}"
}
for program in "${programs[@]}"; do calls_of "$program" >"$work/$program.calls"; done
sort -u "$work"/*.calls >"$work/all"
while read -r name; do printf '#ifdef SYS_%s\nCALL(%s)\n#endif\n' "$name" "$name"; done <"$work/all" >"$work/calls.h"
"$cc" -std=gnu11 -Wall -Wextra -Werror -I"$work" "$root/tests/install/confine.c" -o "$work/confine" || bad "tests/install/confine.c does not compile"
grep -qx futex "$work/all" || bad "the list of system calls was not read"
! grep -qx mount "$work/all" || bad "mount is allowed"

status=0
"$work/confine" "$work/smki-batch.calls" none true 2>/dev/null || status=$?
if [ "$status" -ne 0 ]; then
    echo "installed units: no system call filter can be set here ($status): running confined is left out"
    exit 0
fi
# What is not allowed kills: else all that follows would prove nothing.
status=0
{ "$work/confine" "$work/smki-batch.calls" none chroot "$work" true || status=$?; } 2>/dev/null
[ "$status" -gt 128 ] || bad "the filter lets in what it should not"
# A file system that cannot be written, where this may be made.
readonly_root=()
if unshare -rm mount -o remount,bind,ro / 2>/dev/null; then
    # shellcheck disable=SC2016 # for the inner shell
    readonly_root=(unshare -rm bash -c 'work=$1; shift; mount -o remount,bind,ro / && mount --bind "$work/home" "$work/home" && mount -o remount,bind,rw "$work/home" && mount -t tmpfs none /run &&
        mkdir /run/tmp && export TMPDIR=/run/tmp && ! touch "$work/outside" 2>/dev/null && exec "$@"' - "$work")
else
    echo "installed units: no read-only file system can be made here: that is left out"
fi
confined() { # confined PROGRAM ARGUMENT...: in place of this shell
    local program=$1
    shift
    exec "${readonly_root[@]}" "$work/confine" "$work/$program.calls" "$(families_of "$program")" "$prefix/bin/$program" --home "$work/home" "$@"
}
LD_LIBRARY_PATH=$(dirname "$(find "$prefix" -name libsmki.so)")
export LD_LIBRARY_PATH
smki() { "$prefix/bin/smki" --home "$work/home" "$@"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
request() { METER=$2 USE=digitalSignature openssl req -new -config "$root/examples/device.cnf" -subj / -sha256 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout /dev/null -out "$1" 2>/dev/null; }
curl_as() { # curl_as WHO CURL...
    curl -sS --fail-with-body --max-time 30 --cacert "$work/home/tls/ca.pem" --cert "$work/$1/cert.pem" --key "$work/$1/key.pem" -o "$work/answer" "${@:2}" >"$work/curl.log" 2>&1
}
ended() { # ended PID NAME: 0, at SIGTERM
    local status=0
    kill -TERM "$1"
    wait "$1" || status=$?
    [ "$status" -eq 0 ] || bad "$2 ended with $status"
}

smki init >/dev/null
smki party add --name "Example Energy" --eui 90-B3-D5-1F-30-00-00-01 --role supplier --user-role import-supplier --subscriber device,organisation >/dev/null
officer=$(smki aro nominate --party 1 --name "Jo Officer" --email jo@example.org)
smki aro verify "$officer" >/dev/null
for interface in adhoc batch; do smki credential issue --party 1 --interface "$interface" --name "System" --generate "$work/$interface" >/dev/null 2>&1; done
smki credential issue --party 1 --officer "$officer" --interface portal-device --name "Jo Officer" --generate "$work/device" >/dev/null 2>&1
request "$work/one.csr" 90B3D51F30010001
printf '<SubmitCSRBatch ID="units"><Version>1.0</Version><DeviceCSR ID="meter">%s</DeviceCSR></SubmitCSRBatch>\n' "$(sed '/^-----/d' "$work/one.csr" | tr -d '\n')" >"$work/batch.xml"
adhoc=$(free_port) batch=$(free_port) admin=$(free_port) landing=$(free_port) device=$(free_port) admin2=$(free_port) hook=$(free_port)
printf '{"web.adhoc.listen": "127.0.0.1:%s", "web.batch.listen": "127.0.0.1:%s", "admin.listen": "127.0.0.1:%s", "portal.landing.listen": "127.0.0.1:%s", "portal.organisation.listen": "",
    "portal.device.listen": "127.0.0.1:%s", "portal.organisation_internet.listen": "", "portal.device_internet.listen": "", "portal.download.listen": "",
    "portal.admin_listen": "127.0.0.1:%s", "desk.webhook": "http://localhost:%s/"}' "$adhoc" "$batch" "$admin" "$landing" "$device" "$admin2" "$hook" >"$work/home/smki.json"
smki config check >"$work/config.log" 2>&1 || bad "the configuration of this test"

confined smki-webservice >"$work/webservice.log" 2>&1 &
webservice=$! && started+=("$webservice")
within 30 curl -s -f -o /dev/null "http://127.0.0.1:$admin/readyz" || bad "the web services do not start as their unit confines them"
curl_as batch -H 'Content-Type: application/xml' --data-binary "@$work/batch.xml" "https://localhost:$batch/1.0/PortalCSRBatch/SubmitCSRBatch" || bad "no batch is taken"
grep -q '<BatchId>1<' "$work/answer" || bad "no batch was taken"
(confined smki-batch run --once --ignore-window) >"$work/run.log" 2>&1 || bad "the night does not run as the runner's unit confines it"
smki-batch() { "$prefix/bin/smki-batch" --home "$work/home" "$@"; }
smki-batch release 1 >/dev/null
curl_as batch "https://localhost:$batch/1.0/PortalCSRBatch/CSRBatchResult?BatchId=1" || bad "no results are given"
grep -q '<Certificate>' "$work/answer" || bad "no certificate came"
printf '<DeviceCertificateSigningRequest ID="1"><Version>1.0</Version><CertificateSigningRequest>%s</CertificateSigningRequest></DeviceCertificateSigningRequest>\n' \
    "$(request "$work/two.csr" 90B3D51F30010001 && sed '/^-----/d' "$work/two.csr" | tr -d '\n')" >"$work/adhoc.xml"
curl_as adhoc -H 'Content-Type: application/xml' --data-binary "@$work/adhoc.xml" "https://localhost:$adhoc/1.0/PortalCSR/DeviceCertificateSigningRequest" || bad "no ad hoc request is taken"
grep -q '<Status>SUCCESS<' "$work/answer" || bad "no ad hoc certificate came"
kill -HUP "$webservice"
within 30 grep -q ': reloaded' "$work/webservice.log" || bad "the web services do not reload as their unit confines them"
ended "$webservice" "the web services, confined,"

confined smki-batch run --watch >"$work/watch.log" 2>&1 &
watch=$! && started+=("$watch")
if [ -x "$prefix/bin/smki-portal" ]; then
    confined smki-portal >"$work/portal.log" 2>&1 &
    portal=$! && started+=("$portal")
    within 30 curl -s -f -o /dev/null "http://127.0.0.1:$admin2/readyz" || bad "the portal does not start as its unit confines it"
    request "$work/three.csr" 90B3D51F30010003
    python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1], "w").write(sys.argv[2], "three.csr")' "$work/three.zip" "$work/three.csr"
    for path in / /api/session /api/night /api/demand /api/pickup /api/batches/1 /api/batches/1/response.zip /api/batches/1/report.txt; do
        curl_as device "https://localhost:$device$path" || bad "$path is not served as the unit confines it"
    done
    post() { # post PATH TYPE FILE
        python3 "$root/tests/system/portal_send.py" --ca "$work/home/tls/ca.pem" --port "$device" --path "$1" --type "$2" --file "$3" --credential "$work/device" \
            --answer "$work/answer" --head "$work/head" >"$work/status"
        [ "$(cat "$work/status")" = 201 ] || bad "$1 is answered with $(cat "$work/status")"
    }
    request "$work/four.csr" 90B3D51F30010004
    post /api/csr text/plain "$work/four.csr"
    post '/api/batches?name=three.zip' application/zip "$work/three.zip"
    echo '{"name": "Jo", "contact": "jo@example.org", "text": "x"}' >"$work/report"
    post /api/desk application/json "$work/report"
    within 30 grep -q 'webhook was not told.*connect' "$work/portal.log" || bad "the webhook is not tried as the unit confines it"
    kill -HUP "$portal"
    within 30 grep -q ': reloaded' "$work/portal.log" || bad "the portal does not reload as its unit confines it"
    ended "$portal" "the portal, confined,"
fi
ended "$watch" "the runner, confined,"
smki audit verify >/dev/null || bad "the audit log is not whole"
echo "installed units: ${programs[*]}: verified, and at work as they confine"
