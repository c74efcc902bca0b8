#!/bin/bash
# Looks at an installed libsmki as a stranger would: tests/install/check.sh PREFIX [COMPILER]
#
#   every installed header compiles alone, as C11 without extensions
#   what the headers declare is what libsmki.so exports, no more and no less
#   the manual pages are there for every program, and man has nothing to say against them
#   the example compiles with what pkg-config says, shared and static, and its certificate satisfies openssl
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

# ---- the example ----

METER=90B3D51F30010001 USE=digitalSignature openssl req -new -config "$root/examples/device.cnf" -subj / -sha256 -nodes \
    -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout /dev/null -out "$work/meter.csr" 2>/dev/null

try() { # try HOW LIBRARIES...: compiles, runs, asks openssl
    local how=$1
    shift
    mkdir "$work/$how"
    "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror "${cflags[@]}" "$root/examples/issue.c" -o "$work/issue-$how" "$@" || bad "the example does not compile ($how)"
    "$work/issue-$how" "$work/$how" "$work/meter.csr" >"$work/$how/meter.pem" || bad "the example does not run ($how)"
    openssl verify -CAfile "$work/$how/Z8.pem" -untrusted "$work/$how/Z9.pem" "$work/$how/meter.pem" >/dev/null ||
        bad "openssl does not verify the example's certificate ($how)"
}

# shellcheck disable=SC2046 # names and options of pkg-config are words
try shared $(pkg-config --libs libsmki)
# libsmki.a with everything else shared, as Debian has it: pkg-config's own --static would ask for the static parts of libzip's parts too.
# shellcheck disable=SC2046
try static $(pkg-config --libs libsmki | sed 's/-lsmki/-l:libsmki.a/') $(sed -n 's/^Libs.private: *//p' "$pc") \
    $(pkg-config --libs $(pkg-config --print-requires-private libsmki))
ldd "$work/issue-shared" >"$work/ldd-shared"
ldd "$work/issue-static" >"$work/ldd-static"
grep -qF "$LD_LIBRARY_PATH/libsmki.so" "$work/ldd-shared" || bad "the shared example does not use the installed library"
! grep -q libsmki "$work/ldd-static" || bad "the static example uses the shared library"

echo "installed library: $(wc -l <"$work/declared") functions, $(wc -l <"$work/declared-data") objects, example shared and static: good"
