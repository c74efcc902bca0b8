#!/bin/bash
# All tests, with AddressSanitizer and UndefinedBehaviorSanitizer: installs what is missing, builds in build-tests, runs.
#
#   tests/run.sh [what to pass to `meson test`: names of tests, --suite unit ...]
#
# The test `kill` plays one in 8 of its points here, others each day: sanitizers make each take three times as long, and .ci/run plays all of them
# without. KILL_EVERY=1 tests/run.sh kill: all, with.
# Ends with a line "N passed, N failed". Exit 0: none failed; 1: some did, or the build; 2: packages are missing and cannot be installed.
set -euo pipefail
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH # Debian's own programs: a shim in front of python3 takes longer than most tests

root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build-tests
log=$build-log.txt
# shellcheck source=tests/packages.sh
. "$root/tests/packages.sh"

stop() {
    grep -E ' error: |undefined reference|ERROR:|FAILED:' "$log" | head -n 20 >&2 || true
    echo "$1; the whole story is in $log" >&2
    exit 1
}

if ! { : >"$log"; } 2>/dev/null; then
    echo "$root cannot be written to: the tests are built there, so take a copy of the tree that is yours" >&2
    exit 1
fi
# shellcheck disable=SC2086 # lists of packages
packages_ensure "$log" $PACKAGES_BUILD $PACKAGES_SHOW $PACKAGES_TESTS
# shellcheck disable=SC2086 # a list of packages
packages_try "$log" $PACKAGES_TRY

# b_lundef: clang's sanitizers leave their symbols to the program. What UBSan finds ends the program, as what ASan finds does.
if [ ! -f "$build/build.ninja" ]; then
    meson setup "$build" "$root" -Dtests=enabled -Db_sanitize=address,undefined -Db_lundef=false \
        -Dc_args=-fno-sanitize-recover=undefined >>"$log" 2>&1 || stop "the build's setup failed"
fi
echo "Building in ${build#"$PWD/"}"
ninja -C "$build" >>"$log" 2>&1 || stop "the build failed"

export KILL_EVERY=${KILL_EVERY:-8}
# What meson would say by itself, and less memory freed and kept aside: a process that forks has less to copy.
export ASAN_OPTIONS=${ASAN_OPTIONS:-halt_on_error=1:abort_on_error=1:print_summary=1:quarantine_size_mb=16}
# Homes of tests come and go by the hundred: in memory, where there is room.
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] && [ "$(df --output=avail -k /dev/shm | tail -n 1)" -gt $((2 << 20)) ]; then
    export TMPDIR=/dev/shm
fi

status=0
meson test -C "$build" --no-rebuild --print-errorlogs --timeout-multiplier 2 "$@" 2>&1 | tee "$build/tests.txt" || status=$?

# Meson's own summary has a line for each kind of end.
awk '
    /^(Ok|Expected Fail): +[0-9]+/ { passed += $NF }
    /^(Fail|Unexpected Pass|Timeout): +[0-9]+/ { failed += $NF }
    END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }' "$build/tests.txt" || status=1
exit "$status"
