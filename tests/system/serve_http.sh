#!/bin/bash
# What the servers take and refuse as HTTP, with clients that smuggle, stall, flood and hang up.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/server.sh
. "$ROOT/tests/system/server.sh"

descriptors() { find "/proc/$server/fd" -mindepth 1 | wc -l; }
few_descriptors() { [ "$(descriptors)" -le "$before" ]; }
delivered() { [ "$(measured 'smki_test_downloads_total{delivered="yes"}')" = "$1" ]; }
fetch() { curl -sS --max-time 30 --cacert "$home/tls/ca.pem" --cert "$folder/adhoc/cert.pem" --key "$folder/adhoc/key.pem" --connect-to "adhoc.test:443:localhost:$port" -k "$@"; }

serve_home
configure '"http.handshake_time": "2 s", "http.head_time": "2 s", "http.stall_time": "2 s", "http.idle_time": "3 s"'
claim "the server starts" serve_start
fetch -o /dev/null https://adhoc.test/fail
before=$(descriptors)

# ---- heads ----

claim "smuggled, doubled, folded and cut heads are refused with 400 by the site itself" probe heads
claim "blanks around a value are not of it" probe blanks
claim "oversized ones with 431, and 414 where it is the target" probe oversized
claim "a target of the absolute form is taken, and its host is the Host" probe absolute_form
claim "a Host that is none is refused with 400" probe host_values
claim "also where any name is taken" timeout 60 python3 "$ROOT/tests/serve/probe.py" "$port2" "$folder/batch" host_values any.test any.test:80 '[::1]' '[::1]:8444' 192.0.2.1
claim "an Expect and a Content-Encoding that are not met are 417 and 415" probe unmet
claim "a query of 11 to 16 kB without fields on HTTP/1.0 harms nothing" probe query_15k
claim "chunks that are none are refused" probe bad_chunks
claim "a Host that is not the server name is refused with 421" probe host_421

# ---- bodies ----

claim "a body declared too large is refused before it is sent" probe too_large_declared
claim "and while it is being sent" probe too_large_declared_sending
claim "a chunked body is refused where it becomes too large" probe too_large_chunked
claim "a chunked body arrives" probe chunked
claim "and may be worked on for longer than a client may stall" probe chunked_slow
claim "100-continue" probe continue_100
claim "a request in records of one octet" probe one_octet_records
claim "22 pipelined requests are answered in order" probe pipelined
yes_before=$(measured 'smki_test_downloads_total{delivered="yes"}')
claim "HEAD has the head of GET, no body, and the connection goes on" probe head_method
claim "which is not told as delivered" delivered "$yes_before"
claim "HEAD is refused where the route does not ask for it" probe head_refused
claim "the end of the stream after a request does not cost its reply" probe fin_after_request
claim "nor does close_notify" probe notify_after_request
claim "who was let in stays who it is when the request is refused" probe identity_stays
claim "30 requests that wait for their time share the pool" probe parallel_slow
head -c 30000000 /dev/urandom >"$folder/upload"
claim "30 MB go up whole" says "30000000 octets, sum $(python3 -c "import sys; print(sum(open(sys.argv[1], 'rb').read()))" "$folder/upload")" \
    fetch -X POST -T "$folder/upload" https://adhoc.test/upload
claim "and chunked" says "30000000 octets" fetch -X POST -T - https://adhoc.test/upload <"$folder/upload"
claim "a refusal while it comes is answered at its end" says "XML_INVALID" fetch -X POST -T "$folder/upload" "https://adhoc.test/upload?broken"
claim "60 MB come down whole" says 62914560 fetch -o /dev/null -w '%{size_download}' https://adhoc.test/download
claim "and chunked" says 62914560 fetch -o /dev/null -w '%{size_download}' "https://adhoc.test/download?chunked"
yes_before=$(measured 'smki_test_downloads_total{delivered="yes"}')
broken() { [ "$(fetch -o /dev/null -w '%{exitcode}' "https://adhoc.test/download?breaks$1" 2>/dev/null)" = 18 ]; }
claim "a reply that breaks off is seen by the client as broken" broken ""
claim "and is not told as delivered" delivered "$yes_before"

# ---- deadlines ----

claim "a connection without a hello is cut" probe slow_open
claim "a hello that trickles is cut" probe slow_hello
claim "a head that trickles is cut" probe slow_head
claim "a head that stops is told so (408)" probe stopped_head
claim "a body that stops is told so (408)" probe stopped_body
claim "a body that trickles below the least rate is cut" probe trickling_body
claim "a reader that stops is cut" probe stopped_reader
claim "an idle connection is closed in order" probe idle
claim "one that comes back before is served" probe idle_comes_back

# ---- resets, bounds ----

claim "60 resets in mid-transfer" probe resets
claim "leave no descriptor behind" within 60 few_descriptors
claim "and the server serves" says "200" fetch -o /dev/null -w '%{http_code}' https://adhoc.test/who
claim "of 70 connections with one certificate 64 are served, the others told that it is busy" says "70 [200, 503]" probe many 70
configure '"http.connections_per_peer": 5'
kill -HUP "$server"
within 60 grep -q ': reloaded' "$folder/log"
claim "a bound lowered by a reload holds: 5 connections of a peer" says "5 [200]" probe many 8
claim "counted by bound" test "$(measured 'smki_connections_refused_total{bound="peer"}')" -ge 3

# ---- metrics ----

curl -s "http://127.0.0.1:$admin/metrics" >"$folder/metrics"
well_formed() { # each series has HELP and TYPE, and a number
    python3 - "$folder/metrics" <<'END'
import re, sys
helped, typed = set(), {}
for line in open(sys.argv[1]):
    if line.startswith("# HELP "):
        helped.add(line.split()[2])
    elif line.startswith("# TYPE "):
        assert line.split()[2] not in typed, line
        typed[line.split()[2]] = line.split()[3]
    else:
        name, value = re.fullmatch(r'([a-z_]+)(?:\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})? (\S+)\n', line).groups()
        float(value)
        base = re.sub("_(bucket|sum|count)$", "", name) if name not in typed else name
        assert base in helped and base in typed, line
assert len(typed) > 15
END
}
claim "metrics are in the text format of Prometheus" well_formed
claim "healthz answers" says alive curl -s "http://127.0.0.1:$admin/healthz"
claim "what is not there is 404" says 404 curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$admin/secrets"
posted() { # to the admin listener, a path with a body: the status and Allow
    head -c 100000 /dev/zero | curl -s -o /dev/null -D - -H 'Expect:' --data-binary @- "http://127.0.0.1:$admin$1" | tr -d '\r' | awk 'NR == 1 { print $2 } /^Allow/'
}
claim "a POST to a page is 405 with Allow" test "$(posted /metrics | paste -sd' ')" = "405 Allow: GET, HEAD"
claim "and elsewhere 404" test "$(posted /secrets)" = 404

# ---- readiness ----

ready_says() { [ "$(curl -s -w ' %{http_code}' "http://127.0.0.1:$admin/readyz" | paste -sd' ')" = "$1" ]; }
claim "readyz is 200 where the store can be written" ready_says "ready  200"
claim "and leaves nothing behind" test "$(find "$home/store" -name '.writable*' | wc -l)" = 0
mkdir "$home/store/.writable-$server" # the way is blocked for the file that it writes
claim "503 and why, where it cannot" within 60 ready_says "the store cannot be written: Is a directory  503"
rmdir "$home/store/.writable-$server"
claim "and 200 again" within 60 ready_says "ready  200"

# ---- the end ----

serve_stop TERM
claim "it ends with 0" test "$ended" = 0
claim "nothing went wrong in it" clean
configure '"http.stop_time": "1 s"'
claim "it starts again" serve_start
fetch -o /dev/null "https://adhoc.test/slow?ms=40000" 2>/dev/null &
stuck=$!
sleep 1
SECONDS=0
serve_stop TERM
claim "what does not end is not waited for without end" test "$SECONDS" -ge 5 -a "$SECONDS" -le 25
claim "and it says so" grep -q "connections were cut" "$folder/log"
claim "in a line of its own" grep -q "stopped without waiting for what had not ended 5 s after it was cut" "$folder/log"
claim "and ends with 1" test "$ended" = 1
wait "$stuck" || true
finish
