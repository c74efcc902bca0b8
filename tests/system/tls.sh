# Verbs for system tests that speak TLS with openssl and curl. To be sourced after lib.sh.
# shellcheck shell=bash disable=SC2154 # $home and $folder are those of lib.sh
#
#   listen OPTION...     openssl s_server with the home's certificate on a free port, which is $port then; stopped by `hush`, else by itself after two minutes
#   page URL OPTION...   what curl gets there, within 10 s

listener=
hush() {
    [ -z "$listener" ] || { kill "$listener" 2>/dev/null && wait "$listener" 2>/dev/null; } || true
    listener=
}
listen() {
    hush
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    timeout 120 openssl s_server -accept "127.0.0.1:$port" -www -cert "$home/tls/server.pem" -key "$home/tls/server.key" "$@" >"$folder/listener" 2>&1 </dev/null &
    listener=$!
    for _ in $(seq 600); do
        grep -q ACCEPT "$folder/listener" && return 0
        kill -0 "$listener" 2>/dev/null || break
        sleep 0.1
    done
    cat "$folder/listener"
    return 1
}
page() {
    local url=$1
    shift
    curl -sS --noproxy '*' --max-time 10 --http1.0 "$@" "$url"
}
