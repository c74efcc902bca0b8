# Small verbs for system tests, which speak TAP. To be sourced by the tests of this folder.
# shellcheck shell=bash
#
#   claim "what must hold" COMMAND...          ok when the command ends with 0
#   refused STATUS "what is wrong" COMMAND...  ok when it ends with STATUS and says why on standard error, in one line
#   because TEXT                               TEXT is in the last refusal's line (for claim)
#   says TEXT COMMAND...                       ends with 0 and TEXT is in what it prints (for claim)
#   smki ..., batch ...                        the built programs, on the home $home
#   later '+3 days' COMMAND...                 a program under another clock
#   request FILE METER USE                     a Device CSR by openssl
#   free_ports N                               so many ports of 127.0.0.1 that nobody has; free_port: one
#   within SECONDS COMMAND...                  ok as soon as COMMAND is; what waits for something gives it a minute, which a machine that is busy elsewhere may need
#   ready PROCESS PORT LOG                     waits until the server is, by its admin listener; otherwise shows its log
#   finish                                     ends the test
set -euo pipefail
export LC_ALL=C

: "${ROOT:?the source tree}" "${PROGRAMS:?the apps folder of the build}"
folder=$(mktemp -d "${TMPDIR:-/tmp}/smki-system-XXXXXX")
home=$folder/home
counted=0 broken=0

# To look for the leaks of a sanitized command when it ends takes as long as the command: it is done in what stays ("${sought[@]}" before a server), and in the
# tests that say LEAKS=yes, which between them use most commands.
# shellcheck disable=SC2034 # by who sources this
sought=(env "ASAN_OPTIONS=${ASAN_OPTIONS:-}")
[ -n "${LEAKS:-}" ] || export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"

smki() { "$PROGRAMS/smki/smki" --home "$home" "$@"; }
batch() { "$PROGRAMS/batch/smki-batch" --home "$home" "$@"; }

# Below those that the system gives to clients: a client of another test may have one of these a moment later.
free_ports() {
    python3 - "$1" <<'PYTHON'
import random, socket, sys
first = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
held = []
while len(held) < int(sys.argv[1]):
    one = socket.socket()
    try:
        one.bind(("127.0.0.1", random.randrange(10000, first) if first > 12000 else 0))
    except OSError:
        continue
    held.append(one)
print(*[one.getsockname()[1] for one in held])
PYTHON
}
free_port() { free_ports 1; }

# Variables that nobody reads, for programs that libfaketime is loaded into. As AddressSanitizer first maps blocks of a size (it is 320 octets) it asks for the time
# and holds their lock; libfaketime then adds a variable, and the C library makes room for them all anew, which with 23 to 30 variables would be of that size.
mapfile -t roomy < <(printf 'ROOM_%d=\n' {1..32})

# AddressSanitizer wants to be the first library of a program, which libfaketime is here.
later() { ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" faketime "$@"; }

verdict() { # verdict STATUS WORDS: a line of TAP, with what was said when it is bad
    counted=$((counted + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $counted - $2"
    else
        echo "not ok $counted - $2"
        head -n 20 "$folder/out" "$folder/err" | sed 's/^/# /'
        broken=$((broken + 1))
    fi
}

claim() {
    local words=$1 status=0
    shift
    "$@" >"$folder/out" 2>"$folder/err" || status=$?
    verdict "$status" "$words"
}

refused() {
    local expected=$1 words=$2 status=0
    shift 2
    "$@" >"$folder/out" 2>"$folder/err" </dev/null || status=$?
    cp "$folder/err" "$folder/refusal"
    if [ "$status" -ne "$expected" ]; then
        echo "# ended with $status, not $expected"
        verdict 1 "$words"
    elif [ "$(wc -l <"$folder/err")" -ne 1 ] && [ "$expected" -eq 1 ]; then
        echo "# a refusal is one line on standard error"
        verdict 1 "$words"
    else
        verdict "$([ -s "$folder/err" ] && echo 0 || echo 1)" "$words"
    fi
}

says() { # says TEXT COMMAND...
    local text=$1 status=0
    shift
    "$@" >"$folder/said" 2>&1 || status=$?
    cat "$folder/said"
    [ "$status" -eq 0 ] && grep -qF -e "$text" "$folder/said"
}

because() { cat "$folder/refusal" && grep -qF -e "$1" "$folder/refusal"; }
is_number() { [[ $1 =~ ^[1-9][0-9]*$ ]]; }
is_json() { "$@" | python3 -m json.tool >/dev/null; }

request() {
    METER=$2 USE=$3 openssl req -new -config "$ROOT/examples/device.cnf" -subj / -sha256 -nodes \
        -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout /dev/null -out "$1" 2>/dev/null
}

base64_of() { sed '/^-----/d' "$1" | tr -d '\n'; } # of a PEM file, bare

# xml_batch REF FILE.csr...: a SubmitCSRBatch document; each CSR's ID is its file's name.
xml_batch() {
    local ref=$1 file
    shift
    printf '<?xml version="1.0" encoding="UTF-8"?>\n<SubmitCSRBatch ID="%s"><Version>1.0</Version>\n' "$ref"
    for file in "$@"; do
        printf '<DeviceCSR ID="%s">%s</DeviceCSR>\n' "$(basename "$file" .csr)" "$(base64_of "$file")"
    done
    printf '</SubmitCSRBatch>\n'
}

party() { # party NAME EUI ROLE USER_ROLE: registers a subscriber for both kinds, prints its number
    smki party add --name "$1" --eui "$2" --role "$3" --user-role "$4" --subscriber device,organisation
}

finish() {
    echo "1..$counted"
    rm -rf "$folder"
    exit $((broken > 0))
}
trap 'status=$?; if [ "$status" -ne 0 ] && [ -d "$folder" ]; then echo "Bail out! the test itself stopped in line $LINENO"; rm -rf "$folder"; fi' EXIT

within() { # within SECONDS COMMAND...: it holds before they are over
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        if [ "$SECONDS" -ge "$end" ]; then "$@"; return; fi
        sleep 0.1
    done
}

ready() { # ready PROCESS PORT LOG
    local end=$((SECONDS + 60))
    while [ "$SECONDS" -lt "$end" ] && kill -0 "$1" 2>/dev/null; do
        if curl -s -o /dev/null -f "http://127.0.0.1:$2/readyz"; then return; fi
        sleep 0.1
    done
    echo "# the server did not start:"
    sed 's/^/# /' "$3"
    return 1
}
