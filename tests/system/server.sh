# Verbs for system tests of the servers, on tests/serve/serve_test. To be sourced after lib.sh.
# shellcheck shell=bash disable=SC2034
#
#   serve_home             makes a home with a Party, and credentials in $folder/adhoc and $folder/batch
#   configure JSON         the home's configuration: addresses of free ports, JSON's members added; $port, $port2, $admin
#   serve_start WORD...    starts the server (WORD: what comes before it, as in `env NAME=VALUE`) and waits until it is ready; $server is its pid
#   serve_stop SIGNAL      ends it; its exit code is in $ended
#   probe NAME ...         tests/serve/probe.py as the credential adhoc
#   measured NAME          the value of a metric
#   clean                  no sanitizer has spoken (for claim)
#   s_client OPTION...     openssl s_client on $port, nothing said

server='' ended=''
trap 'status=$?; [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
    if [ "$status" -ne 0 ] && [ -d "$folder" ]; then echo "Bail out! the test itself stopped in line $LINENO"; rm -rf "$folder"; fi' EXIT

serve_home() {
    smki init >/dev/null
    number=$(party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier)
    smki credential issue --party "$number" --interface adhoc --name "System 1" --generate "$folder/adhoc" >"$folder/credential" 2>/dev/null
    smki credential issue --party "$number" --interface batch --name "System 2" --generate "$folder/batch" >/dev/null 2>&1
    cp "$home/tls/ca.pem" "$folder/adhoc/ca.pem"
    cp "$home/tls/ca.pem" "$folder/batch/ca.pem"
}

configure() {
    port=${port:-$(free_port)} port2=${port2:-$(free_port)} admin=${admin:-$(free_port)}
    cat >"$home/smki.json" <<END
{"web.adhoc.listen": "127.0.0.1:$port", "web.adhoc.host": "adhoc.test", "web.batch.listen": "127.0.0.1:$port2",
 "admin.listen": "127.0.0.1:$admin"${1:+, $1}}
END
}

serve_start() {
    "${sought[@]}" "$@" "$PROGRAMS/../tests/serve/serve_test" "$home" open.test >"$folder/log" 2>&1 </dev/null &
    server=$!
    ready "$server" "$admin" "$folder/log"
}

serve_stop() {
    ended=0
    kill "-$1" "$server"
    wait "$server" 2>/dev/null || ended=$?
    server=''
}

probe() { timeout 60 python3 "$ROOT/tests/serve/probe.py" "$port" "$folder/adhoc" "$@"; }
clean() { ! grep -E -A 15 'ERROR|Sanitizer|runtime error' "$folder/log"; }
measured() { curl -s "http://127.0.0.1:$admin/metrics" | awk -v name="$1" '$1 == name { print $2 }'; }
s_client() {
    timeout 10 openssl s_client -connect "127.0.0.1:$port" -servername adhoc.test -CAfile "$home/tls/ca.pem" "$@" 2>&1 </dev/null || true
}
with_adhoc=(-cert "$folder/adhoc/cert.pem" -key "$folder/adhoc/key.pem")
