#!/bin/bash
# Looks at an installed libsmki as a stranger would: tests/install/check.sh PREFIX [COMPILER]
#
#   every installed header compiles alone, as C11 without extensions
#   what the headers declare is what libsmki.so exports, no more and no less
#   the manual pages are there for every program, and man has nothing to say against them
#   the examples compile with what pkg-config says, shared and static; the certificate of issue_one satisfies openssl, submit_batch looks for
#   its service
set -euo pipefail
export LC_ALL=C

prefix=$(cd "$1" && pwd)
cc=${2:-cc}
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/smki-install-XXXXXX")
trap 'rm -rf "$work"' EXIT

bad() {
    echo "installed library: $1" >&2
    exit 1
}

pc=$(find "$prefix" -name libsmki.pc)
so=$(find "$prefix" -name libsmki.so)
[ -f "$pc" ] || bad "libsmki.pc is not below $prefix"
[ -e "$so" ] || bad "libsmki.so is not below $prefix"
PKG_CONFIG_PATH=$(dirname "$pc")
LD_LIBRARY_PATH=$(dirname "$so")
export PKG_CONFIG_PATH LD_LIBRARY_PATH
read -ra cflags <<<"$(pkg-config --cflags libsmki)"

# ---- headers ----

[ "$(cd "$root/include/smki" && echo ./*.h)" = "$(cd "$prefix/include/smki" && echo ./*.h)" ] || bad "the installed headers are not those of include/smki"
for header in "$prefix"/include/smki/*.h; do
    name=smki/$(basename "$header")
    echo "#include <$name>" | "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror "${cflags[@]}" -fsyntax-only -x c - || bad "$name does not compile alone"
    echo "#include <$name>" >>"$work/all.c"
done

# ---- symbols: gcc lists what it saw declared, nm what is exported ----

gcc -std=c11 "${cflags[@]}" -fsyntax-only -aux-info "$work/seen" "$work/all.c"
grep -F "$prefix/include/smki/" "$work/seen" | grep -v ' static ' | grep -oE 'smki_[a-z0-9_]+ \(' | tr -d ' (' | sort -u >"$work/declared"
sed -nE 's/^SMKI_API extern const struct [a-z_]+ (smki_[a-z0-9_]+);.*/\1/p' "$prefix"/include/smki/*.h | sort -u >"$work/declared-data"
nm -D --defined-only "$so" | awk '$2 == "T" { sub(/@.*/, "", $3); print $3 }' | sort -u >"$work/exported"
nm -D --defined-only "$so" | awk '$2 ~ /[BDRV]/ { sub(/@.*/, "", $3); print $3 }' | sort -u >"$work/exported-data"
[ -s "$work/declared" ] || bad "no declarations were found in the headers"
diff "$work/declared" "$work/exported" || bad "functions declared (<) and exported (>) are not the same"
diff "$work/declared-data" "$work/exported-data" || bad "objects declared (<) and exported (>) are not the same"

# ---- manual pages ----

for program in "$prefix"/bin/*; do
    page=$prefix/share/man/man1/$(basename "$program").1
    [ -s "$page" ] || bad "$(basename "$program") has no manual page"
    MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>"$work/man" >/dev/null || bad "man cannot show $page"
    [ ! -s "$work/man" ] || { cat "$work/man" >&2; bad "man has something to say about $page"; }
done

# ---- the examples ----

METER=90B3D51F30010001 USE=digitalSignature openssl req -new -config "$root/examples/device.cnf" -subj / -sha256 -nodes \
    -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout /dev/null -out "$work/meter.csr" 2>/dev/null
printf '<SubmitCSRBatch ID="install"><Version>1.0</Version><DeviceCSR ID="meter">%s</DeviceCSR></SubmitCSRBatch>\n' \
    "$(sed '/^-----/d' "$work/meter.csr" | tr -d '\n')" >"$work/batch.xml"
# A service that nobody can reach: the client library gets so far, and says so.
openssl req -x509 -newkey rsa:2048 -nodes -sha256 -days 1 -subj "/CN=Example" -keyout "$work/party.key" -out "$work/party.pem" 2>/dev/null
chmod 600 "$work/party.key"

try() { # try HOW LIBRARIES...: compiles, runs, asks openssl
    local how=$1 program
    shift
    for program in issue_one submit_batch; do
        "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror "${cflags[@]}" "$root/examples/$program.c" -o "$work/$program-$how" "$@" ||
            bad "examples/$program.c does not compile ($how)"
    done
    "$work/issue_one-$how" "$work/$how" "$work/meter.csr" >"$work/$how.pem" || bad "issue_one does not run ($how)"
    openssl verify -CAfile "$work/$how/ca/dca-root.pem" -untrusted "$work/$how/ca/dca.pem" "$work/$how.pem" >/dev/null ||
        bad "openssl does not verify issue_one's certificate ($how)"
    cat >"$work/party.json" <<JSON
{"batch": {"url": "https://localhost:1", "certificate": "party.pem", "key": "party.key"}, "server_ca": "party.pem",
 "chain": "$work/$how/ca/dca.pem", "state": "$how-state.json", "patience": "1 ms"}
JSON
    ! "$work/submit_batch-$how" "$work/party.json" "$work/batch.xml" "$work/result.xml" 2>"$work/$how.err" || bad "submit_batch reached a service ($how)"
    grep -q '^CLIENT_CONNECTION: ' "$work/$how.err" || bad "submit_batch says $(head -n 1 "$work/$how.err") ($how)"
}

# shellcheck disable=SC2046 # names and options of pkg-config are words
try shared $(pkg-config --libs libsmki)
# libsmki.a with everything else shared, as Debian has it: pkg-config's own --static would ask for the static parts of libzip's parts too.
# shellcheck disable=SC2046
try static $(pkg-config --libs libsmki | sed 's/-lsmki/-l:libsmki.a/') $(sed -n 's/^Libs.private: *//p' "$pc") \
    $(pkg-config --libs $(pkg-config --print-requires-private libsmki))
ldd "$work/issue_one-shared" >"$work/ldd-shared"
ldd "$work/issue_one-static" >"$work/ldd-static"
grep -qF "$LD_LIBRARY_PATH/libsmki.so" "$work/ldd-shared" || bad "the shared examples do not use the installed library"
! grep -q libsmki "$work/ldd-static" || bad "the static examples use the shared library"

echo "installed library: $(wc -l <"$work/declared") functions, $(wc -l <"$work/declared-data") objects, examples shared and static: good"
