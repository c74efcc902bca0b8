#!/bin/bash
# The portal in Debian's Chromium and Firefox ESR: every page, every flow to the downloaded file, axe on all. Installs what is missing (Debian
# packages; puppeteer-core and axe-core from npm, in the build folder), builds, starts a portal of its own for each browser.
#
#   tests/browser/run.sh [BUILD [BROWSER...]]      BUILD: a build folder, without it `build`; BROWSER: chromium, firefox
#
# Pictures of all pages are in BUILD/screenshots afterwards. Ends with a line "N passed, N failed". Exit 0: none failed; 1: some did; 2: something
# is missing and cannot be had.
set -euo pipefail
export LC_ALL=C

root=$(cd "$(dirname "$0")/../.." && pwd)
build=$(realpath -m "${1:-$root/build}")
shift $(($# > 0))
[ $# -gt 0 ] || set -- chromium firefox
work=$build/browser
# shellcheck source=tests/packages.sh
. "$root/tests/packages.sh"

mkdir -p "$work"
# shellcheck disable=SC2086 # lists of packages
packages_ensure "$work/packages.log" $PACKAGES_BUILD $PACKAGES_SHOW $PACKAGES_TESTS $PACKAGES_BROWSER
packages_node "$work/packages.log"

# Once for each package-lock.json; no script of a package is run, and no browser is downloaded.
modules_ensure() {
    local trusted=/etc/ssl/certs/ca-certificates.crt # what this machine trusts, beside what node brings
    if cmp -s "$root/tests/browser/package-lock.json" "$work/installed-lock.json"; then return; fi
    echo "Installing puppeteer-core and axe-core in ${work#"$PWD/"}"
    cp "$root/tests/browser/package.json" "$root/tests/browser/package-lock.json" "$work/"
    if [ -f "$trusted" ]; then export NODE_EXTRA_CA_CERTS=${NODE_EXTRA_CA_CERTS:-$trusted}; fi
    if ! npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --fetch-retries 3 >"$work/npm.log" 2>&1 </dev/null; then
        tail -n 5 "$work/npm.log" >&2
        echo "npm could not install them; what it said is in $work/npm.log" >&2
        exit 2
    fi
    cp "$root/tests/browser/package-lock.json" "$work/installed-lock.json"
}

programs_ensure() {
    [ -f "$build/build.ninja" ] || meson setup "$build" "$root" --buildtype release >"$work/build.log" 2>&1 || { tail -n 5 "$work/build.log" >&2; exit 1; }
    ninja -C "$build" apps/smki/smki apps/batch/smki-batch apps/client/smki-client apps/portal/smki-portal apps/webservice/smki-webservice apps/token/smki-token \
        >"$work/build.log" 2>&1 || { tail -n 20 "$work/build.log" >&2; exit 1; }
}

modules_ensure
programs_ensure
export ROOT=$root PROGRAMS=$build/apps NODE_MODULES=$work/node_modules SCREENSHOTS=$build/screenshots
running=()
status=0
tests=()
for browser in "$@"; do
    tests+=("$browser" "$browser-token")
    "$root/tests/browser/portal.sh" "$browser" >"$work/$browser.tap" 2>&1 &
    running+=("$!")
done
for process in "${running[@]}"; do wait "$process" || status=1; done
for browser in "$@"; do "$root/tests/browser/token.sh" "$browser" >"$work/$browser-token.tap" 2>&1 || status=1; done # alone: a dialog waits for what is typed

passed=0 failed=0
for browser in "${tests[@]}"; do
    echo "$browser:"
    grep -vE '^ok ' "$work/$browser.tap" || true
    passed=$((passed + $(grep -c '^ok ' "$work/$browser.tap" || true)))
    failed=$((failed + $(grep -c '^not ok ' "$work/$browser.tap" || true)))
    grep -qE '^1\.\.[1-9]' "$work/$browser.tap" || { echo "$browser did not come to its end"; failed=$((failed + 1)); }
done
if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
echo "All claims: ${work#"$PWD/"}/*.tap; pictures: ${SCREENSHOTS#"$PWD/"}"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
