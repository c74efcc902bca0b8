#!/bin/bash
# errors_md.sh compare|write SMKI FILE: is FILE what `smki errors --markdown` prints? Or write it.
set -euo pipefail

if [ "$1" = write ]; then
    "$2" errors --markdown >"$3.new" && mv "$3.new" "$3"
elif ! "$2" errors --markdown | diff "$3" -; then
    echo "$3 is not up to date: run meson compile -C build-tests errors-md" >&2
    exit 1
fi
