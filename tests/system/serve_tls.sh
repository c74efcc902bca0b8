#!/bin/bash
# Who gets in to the servers, by TLS and by IKI credential; sessions; reload and shutdown under load.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/server.sh
. "$ROOT/tests/system/server.sh"

shift_time() { printf '%s\n' "$1" >"$folder/time.new" && mv "$folder/time.new" "$folder/time"; }
recorded() { smki audit export - | grep access-refused >"$folder/audit"; cat "$folder/audit"; grep -qF "$1" "$folder/audit"; }
fetch() { curl -sS --max-time 10 -k --connect-to "adhoc.test:443:localhost:$port" "$@"; }
certificate() { # certificate FOLDER CA KEY WORD...: a client certificate by openssl
    local into=$1 ca=$2 key=$3
    shift 3
    mkdir -p "$into"
    openssl req -new -newkey rsa:2048 -nodes -keyout "$into/key.pem" -subj "/O=Example Energy/OU=02/CN=System 9" -out "$into/csr.pem" 2>/dev/null
    "$@" openssl x509 -req -in "$into/csr.pem" -CA "$ca" -CAkey "$key" -set_serial 4711 -days 30 -sha256 -out "$into/cert.pem" \
        -extfile <(printf 'keyUsage=critical,digitalSignature') 2>/dev/null
}
closes() { # closes PORT SIGNAL: at this signal, while a request is in flight, nobody is let in there any more
    local status=0 asker
    rm -f "$folder/asked"
    probe nobody_at "$1" "$folder/asked" &
    asker=$!
    within 60 test -e "$folder/asked"
    kill "-$2" "$server"
    wait "$asker" || status=$?
    return $status
}
nameless() { timeout 10 openssl s_client -connect "127.0.0.1:$port" -noservername "${with_adhoc[@]}" -tls1_2 2>&1 </dev/null || true; }
by() { s_client -cert "$folder/$1/cert.pem" -key "$folder/$1/key.pem" "${@:2}"; }

serve_home
configure '"http.stop_time": "20 s"'
shift_time +0
sanitizer=$(ldd "$PROGRAMS/../tests/serve/serve_test" | awk '/libasan/ { print $3 }') # wants to be loaded first
library=${sanitizer:+$sanitizer:}$(faketime -f +0 sh -c 'echo $LD_PRELOAD')
claim "the server starts" serve_start env "${roomy[@]}" LD_PRELOAD="$library" FAKETIME_TIMESTAMP_FILE="$folder/time" FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1

# ---- protocol and suites (interfaces.md 3) ----

suites=(ECDHE-RSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-SHA384 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-SHA256)
for suite in "${suites[@]}"; do
    claim "$suite is taken" says "Cipher is $suite" by adhoc -tls1_2 -cipher "$suite"
done
for i in 0 1 2; do
    left=$(IFS=:; echo "${suites[*]:$i}" | tr ':' '\n' | tac | paste -sd:)
    claim "${suites[$i]} goes before those after it, whatever the client likes better" says "Cipher is ${suites[$i]}" by adhoc -tls1_2 -cipher "$left"
done
for suite in AES256-GCM-SHA384 AES128-SHA ECDHE-RSA-AES256-SHA ECDHE-RSA-CHACHA20-POLY1305 DHE-RSA-AES256-GCM-SHA384; do
    claim "$suite is refused" says "alert handshake failure" by adhoc -tls1_2 -cipher "$suite:@SECLEVEL=0"
done
claim "TLS 1.0 is refused" says "alert protocol version" by adhoc -tls1 -cipher 'ALL:@SECLEVEL=0'
claim "TLS 1.1 is refused" says "alert protocol version" by adhoc -tls1_1 -cipher 'ALL:@SECLEVEL=0'
claim "TLS 1.3 alone is refused" says "SSL alert number" by adhoc -tls1_3

# ---- certificates ----

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$folder/other.key" -out "$folder/other.pem" -subj "/CN=Other CA" -days 30 2>/dev/null
certificate "$folder/foreign" "$folder/other.pem" "$folder/other.key"
certificate "$folder/unregistered" "$home/ca/ikica.pem" "$home/keys/ikica.key"
certificate "$folder/expired" "$home/ca/ikica.pem" "$home/keys/ikica.key" faketime -f -60d
claim "no certificate: an alert" says "alert handshake failure" s_client -tls1_2
claim "it is recorded" within 30 recorded IKI_MISSING
claim "a certificate of another CA: an alert" says "alert unknown ca" by foreign -tls1_2
claim "it is recorded with its name" within 30 recorded "System 9"
claim "with the reason" within 30 recorded IKI_FOREIGN
claim "an expired certificate: an alert" says "alert certificate expired" by expired -tls1_2
claim "it is recorded with the reason" within 30 recorded IKI_DATES
claim "of the right CA and not registered: 403" says 403 fetch -o /dev/null -w '%{http_code}' --cert "$folder/unregistered/cert.pem" --key "$folder/unregistered/key.pem" https://adhoc.test/who
claim "it is recorded with the reason" within 30 recorded IKI_UNREGISTERED
claim "for another interface: 403" says 403 fetch -o /dev/null -w '%{http_code}' --cert "$folder/batch/cert.pem" --key "$folder/batch/key.pem" https://adhoc.test/who
claim "it is recorded with the reason" within 30 recorded IKI_INTERFACE
claim "metrics tell why" test "$(measured 'smki_handshakes_refused_total{reason="certificate_dates"}')" = 1
claim "a server name that is not served: an alert" says "SSL alert number 112" by adhoc -tls1_2 -servername nobody.test
claim "no server name where there are several: an alert" says "SSL alert number 112" nameless
claim "the one-way site at the same address asks for no certificate" says "site=open name=-" curl -sS -k --connect-to "open.test:443:localhost:$port" https://open.test/who

# ---- sessions ----

claim "sessions are resumed by ticket and by id" probe resumed
claim "none goes from the one-way site to the one with certificates" probe across_sites
mkfifo "$folder/pipe"
probe keep_session "$folder/kept" <"$folder/pipe" 2>"$folder/err-kept" &
keeper=$!
exec 9>"$folder/pipe"
claim "a session is made" within 60 test -e "$folder/kept"
shift_time +290
echo resumed >&9
answered() { cat "$folder/err-kept" && [ "$(wc -l <"$folder/kept")" -ge "$1" ]; }
claim "after 290 s it is resumed" within 30 answered 1
shift_time +310
echo full >&9
claim "after 310 s it is not" within 30 answered 2
exec 9>&-
wait "$keeper" || true
shift_time +0

waits() { [ "$(measured smki_requests_suspended)" != 0 ]; }
held() { # a request that waits for its time, while the clock is set back
    fetch --cert "$folder/adhoc/cert.pem" --key "$folder/adhoc/key.pem" "https://adhoc.test/wait?ms=2500" >"$folder/held" &
    local client=$!
    within 30 waits
    shift_time -60
    wait "$client" && grep -q waited "$folder/held"
}
claim "a held request waits no longer when the clock is set back" held
shift_time +0

# ---- access, on every request ----

claim "a suspended credential is refused on an open connection, a resumed session and a new one" \
    probe revoked "$PROGRAMS/smki/smki --home $home credential suspend $(cat "$folder/credential") >/dev/null"
claim "it is recorded with the reason" within 30 recorded IKI_SUSPENDED
claim "resumed, it is let in" smki credential resume "$(cat "$folder/credential")"
claim "a revoked one likewise is refused" \
    probe revoked "$PROGRAMS/smki/smki --home $home credential revoke $(cat "$folder/credential") >/dev/null"
claim "it is recorded with the reason" within 30 recorded IKI_REVOKED
rm -r "$folder/adhoc"
smki credential issue --party "$number" --interface adhoc --name "System 3" --generate "$folder/adhoc" >/dev/null 2>&1
cp "$home/tls/ca.pem" "$folder/adhoc/ca.pem"

# ---- reload ----

issued_to() { by adhoc -tls1_2 | openssl x509 -noout -serial; }
reloads() { [ "$(grep -c ': reloaded' "$folder/log")" -ge "$1" ]; }
refuses_reload() { grep -q "not reloaded.*$1" "$folder/log"; }
first=$(issued_to)
cp "$home/smki.json" "$folder/good.json"
probe load 8 "$folder/loaded" >"$folder/load" 2>&1 &
loader=$!
for round in 1 2 3; do
    sleep 1
    smki tls make --replace >/dev/null
    cat "$home/tls/ca.pem" >>"$folder/adhoc/ca.pem" # the client trusts the new one before it is served
    kill -HUP "$server"
    within 60 reloads "$round"
done
echo '{"http.head_max": "5 MiB"}' >"$home/smki.json"
kill -HUP "$server"
claim "a wrong configuration changes nothing and says so" within 60 refuses_reload "all stays as it was: CONFIG_INVALID: .*http.head_max"
cp "$folder/good.json" "$home/smki.json"
claim "three reloads were done" test "$(grep -c ': reloaded' "$folder/log")" = 3
cp "$home/tls/server.key" "$folder/server.key"
openssl genrsa -out "$home/tls/server.key" 2048 2>/dev/null
kill -HUP "$server"
claim "nor does a key that does not fit" within 60 refuses_reload KEY_MISMATCH
cat "$folder/server.key" >"$home/tls/server.key"
wait "$loader" || true
claim "under load no request failed" test -e "$folder/loaded" || sed 's/^/# /' "$folder/load"
second=$(issued_to)
claim "the new certificate is served" test -n "$second" -a "$first" != "$second"

was=$port2 port2=$(free_port) # not none: then it would be the usual one, which anybody may have on this machine
configure '"http.stop_time": "20 s"'
port2=$was
claim "an address that a reload takes away is closed at once, whatever is in flight elsewhere" closes "$port2" HUP
cp "$folder/good.json" "$home/smki.json"
kill -HUP "$server"
listens() { python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])))' "$1"; }
claim "and is there again after the next" within 60 listens "$port2"

was=$admin admin=$(free_port)
configure '"http.stop_time": "20 s", "http.pool": 9'
kill -HUP "$server"
claim "another address for health and metrics is taken by a reload" within 60 listens "$admin"
claim "and said" grep -q "health and metrics are at 127.0.0.1:$admin" "$folder/log"
left() { ! listens "$was" 2>/dev/null; }
claim "the old one is left" left
claim "what takes a restart is named" grep -q ": http.pool has changed: that takes a restart" "$folder/log"
python3 -c 'import socket, sys, time; s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen(); print(s.getsockname()[1], flush=True); time.sleep(120)' >"$folder/taken" &
taker=$!
within 60 test -s "$folder/taken"
said=$(grep -c "not reloaded" "$folder/log")
was=$admin admin=$(cat "$folder/taken")
configure '"http.stop_time": "20 s", "http.head_time": "77 s"'
kill -HUP "$server"
more_said() { [ "$(grep -c "not reloaded" "$folder/log")" -gt "$said" ]; }
claim "one that cannot be had changes nothing" within 60 more_said
claim "the old one stays" within 60 listens "$was"
unchanged() { ! smki audit export - | grep -q "77 s"; }
claim "and the configuration" unchanged
kill "$taker"
admin=$was
configure '"http.stop_time": "20 s"'
reloaded=$(grep -c ': reloaded' "$folder/log")
kill -HUP "$server"
within 60 reloads $((reloaded + 1))

# ---- shutdown ----

probe paced_download "$folder/started" >"$folder/download" 2>&1 &
download=$!
within 60 test -e "$folder/started"
claim "at SIGTERM new connections are refused at once" closes "$port" TERM
ended=0
wait "$server" || ended=$?
server=''
status=0
wait "$download" || status=$?
claim "a download that ran when it was stopped is finished" test "$status" = 0
claim "and it ends with 0" test "$ended" = 0
claim "nothing went wrong in it" clean

# ---- TLS 1.3, where mbedTLS has it ----

configure '"tls.versions": "1.2 and 1.3"'
if serve_start >"$folder/start"; then
    claim "TLS 1.3 is taken where it is allowed" says "Cipher is TLS_AES_256_GCM_SHA384" by adhoc
    claim "it has no sessions to resume, and lets in who would" probe never_resumed
    claim "sessions of TLS 1.2 are resumed all the same" says "Reused, TLSv1.2" by adhoc -tls1_2 -reconnect
    serve_stop TERM
else
    claim "without TLS 1.3 in mbedTLS the server says so" grep -q "has no TLS 1.3" "$folder/log"
    server=''
fi
configure ""

# ---- service manager ----

python3 - "$folder/notify" >"$folder/notified" <<'END' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(120)
while True:
    text = s.recv(4096).decode()
    print(text.split("\n")[0], flush=True)
    if text.startswith("STOPPING"):
        break
END
notified=$!
within 60 test -e "$folder/notify"
serve_start env NOTIFY_SOCKET="$folder/notify"
kill -HUP "$server"
told() { [ "$(wc -l <"$folder/notified")" -ge "$1" ]; }
within 60 told 3
serve_stop INT
wait "$notified"
claim "the service manager is told" test "$(paste -sd' ' "$folder/notified")" = "READY=1 RELOADING=1 READY=1 STOPPING=1"
refuses_to_start() { ! timeout 10 "$PROGRAMS/../tests/serve/serve_test" "$home" 2>"$folder/log"; }
chmod 644 "$home/tls/server.key"
claim "a key that others can read is refused at the start" refuses_to_start
claim "with what to do" grep -q "chmod 600" "$folder/log"
finish
