# The Debian packages that libsmki needs, in one place, for Debian 12 and 13 alike, and how the scripts come by them. To be sourced.
# shellcheck shell=bash disable=SC2034

PACKAGES_BUILD="gcc libc6-dev meson ninja-build pkgconf libmbedtls-dev libcjson-dev liblmdb-dev libexpat1-dev libzip-dev libcsv-dev libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libssl-dev libp11-kit-dev zlib1g-dev"
PACKAGES_SHOW="openssl libxml2-utils zip unzip curl" # the real counterparts: quickstart and tests talk to them
PACKAGES_TESTS="libcmocka-dev libssl-dev procps python3 curl faketime hostname testssl.sh softhsm2 opensc libnss3-tools p11-kit-modules"
PACKAGES_CI="clang libclang-rt-dev binutils man-db systemd util-linux" # the second compiler with its libFuzzer; symbol map, manual pages and units are looked at
PACKAGES_BROWSER="chromium firefox-esr libnss3-tools fonts-liberation softhsm2 xvfb xdotool" # and node with npm, wherever they come from: see packages_node
PACKAGES_TRY="libengine-pkcs11-openssl pkcs11-provider" # how curl comes to a token: not every Debian has both; see packages_try
PACKAGES_NODE="nodejs npm"

# packages_missing PACKAGE...: those that are not installed, on one line.
packages_missing() {
    local package missing=
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | cut -c1-2)" = ii ] || missing="$missing $package"
    done
    echo "${missing# }"
}

# packages_ensure LOG PACKAGE...: installs what is missing, as root or through a sudo that asks for no password; otherwise prints the
# one line to run and exits with 2. What apt-get says goes to LOG.
packages_ensure() {
    local log=$1 missing as_root=
    shift
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        echo "This is no Debian: going on with what is installed. Debian's names of what is needed: $*" >&2
        return 0
    fi
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        if ! sudo -n true 2>/dev/null; then
            echo "Packages are missing. Install them with this line, then repeat:" >&2
            echo "    sudo apt-get update && sudo apt-get install -y --no-install-recommends $missing" >&2
            exit 2
        fi
        as_root="sudo -n"
    fi
    echo "Installing $missing"
    # A package source that does not answer is no reason to stop: only a package that cannot be had is.
    $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 update >>"$log" 2>&1 </dev/null || true
    # shellcheck disable=SC2086 # the list is meant to fall into words
    if ! $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 \
        install --no-install-recommends $missing >>"$log" 2>&1 </dev/null; then
        tail -n 5 "$log" >&2
        echo "apt-get could not install $missing; what it said is in $log" >&2
        exit 2
    fi
}

# packages_try LOG PACKAGE...: installs each that can be had, and goes on without the others: the tests say what they leave out.
packages_try() {
    local log=$1 package
    shift
    for package in "$@"; do
        if [ -z "$(packages_missing "$package")" ] || ! apt-cache show "$package" >/dev/null 2>&1; then continue; fi
        (packages_ensure "$log" "$package") || echo "Going on without $package"
    done
}

# packages_node LOG: Debian's node and npm, unless there are others already, which would be in their way.
packages_node() {
    # shellcheck disable=SC2086 # a list of packages
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then packages_ensure "$1" $PACKAGES_NODE; fi
}
