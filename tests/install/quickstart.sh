#!/bin/bash
# The quickstart as somebody runs it who then looks around: tests/install/quickstart.sh INT|TERM FOLDER
#
#   every address that it prints answers, and the commands for curl that it prints do what it says
#   with a port taken that it would like, it takes another, and says so
#   at Ctrl-C (SIGINT to all of its terminal), or at SIGTERM to itself alone, it ends with 0, its servers have finished what was in flight, no process is left,
#   and the ports are free
set -euo pipefail
export LC_ALL=C

how=$1 folder=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/smki-quickstart-XXXXXX")
said=$work/said script='' taker=''
leave() {
    [ -z "$taker" ] || kill "$taker" 2>/dev/null || true
    [ -z "$script" ] || kill -TERM "$script" 2>/dev/null || true
    rm -rf "$work"
}
trap leave EXIT
bad() {
    echo "quickstart: $1" >&2
    tail -n 40 "$said" >&2 || true
    exit 1
}
listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
ours() { pgrep -f -- "--home $folder/home" || true; } # every server names its home

# Somebody has the Device part's port already; if it is somebody else than this test, all the better.
python3 -c 'import socket, time; s = socket.socket(); s.bind(("127.0.0.1", 8442)); s.listen(); time.sleep(3600)' 2>/dev/null &
taker=$!

# A group of its own, as a terminal gives it, and SIGINT at its default, which a shell ignores for what it starts in the background.
setsid env --default-signal=INT "$root/examples/quickstart.sh" "$folder" >"$said" 2>&1 </dev/null &
script=$!
until grep -q 'Ctrl-C stops them' "$said" && grep -q '^   To try:' "$said"; do
    [ "$SECONDS" -lt 900 ] || bad "it does not come to serving"
    kill -0 "$script" 2>/dev/null || bad "it ended before it served"
    sleep 0.2
done

grep -q 'port 8442 of this machine is taken: device is at' "$said" || bad "it does not say that a port is taken"
mapfile -t addresses < <(sed -n '/Ctrl-C stops them/,$p' "$said" | grep -oE 'https?://(localhost|127\.0\.0\.1):[0-9]+[^ ]*' | sort -u)
[ "${#addresses[@]}" -ge 10 ] || bad "it prints ${#addresses[@]} addresses"
ca=$folder/home/tls/ca.pem
for address in "${addresses[@]}"; do
    # Who comes without a certificate is turned away by an alert where officers and systems are let in: the site is there.
    status=0
    curl -s -o /dev/null --max-time 30 --cacert "$ca" "$address" || status=$?
    [ "$status" -eq 0 ] || [ "$status" -eq 35 ] || [ "$status" -eq 56 ] || bad "$address does not answer (curl: $status)"
done
command=$(sed -n 's/^ *\(curl --cacert .* --cert-type P12 .*\)/\1/p' "$said")
[ -n "$command" ] || bad "it prints no curl command"
bash -c "$command -sS --fail-with-body" >"$work/session" || bad "the curl command that it prints fails"
grep -q '"name":"Jo Officer"' "$work/session" || bad "the curl command that it prints tells of somebody else"
for bundle in $(sed -n '/The browser needs/,/the CA/s#.* \(/.*\.p12\) .*#\1#p' "$said"); do [ -s "$bundle" ] || bad "$bundle is not there"; done
[ "$(ours | wc -l)" -ge 2 ] || bad "the servers are not found by their home"

# Something is in flight, at its slowest: it is finished.
curl -s --limit-rate 2k --max-time 60 --cacert "$ca" "$(sed -n 's/^ *Begin here *//p' "$said")guide.html" -o "$work/page" &
slow=$!
until [ -s "$work/page" ]; do
    kill -0 "$slow" 2>/dev/null || bad "the landing page's guide is not served"
    sleep 0.1
done
before=$SECONDS
if [ "$how" = INT ]; then kill -INT -- "-$script"; else kill -TERM "$script"; fi
status=0
wait "$script" || status=$?
script=''
[ "$status" -eq 0 ] || bad "at SIG$how it ends with $status"
wait "$slow" || bad "what was in flight was cut"
[ $((SECONDS - before)) -lt 60 ] || bad "it took $((SECONDS - before)) s to end"
grep -q 'both have ended' "$said" || bad "it does not say that its servers have ended"
[ -z "$(ours)" ] || bad "processes are left: $(ours | tr '\n' ' ')"
kill "$taker" 2>/dev/null || true
wait "$taker" 2>/dev/null || true
taker=''
for address in "${addresses[@]}"; do
    port=$(sed -E 's#^https?://[^:]*:([0-9]+).*#\1#' <<<"$address")
    ! listens "$port" || bad "port $port is not free afterwards"
done
"$root/build/apps/smki/smki" --home "$folder/home" audit verify >/dev/null || bad "the home is not as it should be"
echo "quickstart: ${#addresses[@]} addresses answered; at SIG$how it ended with 0 in $((SECONDS - before)) s and left nothing running"
