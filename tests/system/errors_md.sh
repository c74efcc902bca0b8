#!/bin/bash
# errors_md.sh compare|write PROGRAM FILE: is FILE what PROGRAM prints? Or write it.
set -euo pipefail

if [ "$1" = write ]; then
    "$2" >"$3.new" && mv "$3.new" "$3"
elif ! "$2" | diff "$3" -; then
    echo "$3 is not up to date: run 'meson compile -C build-tests errors-md'" >&2
    exit 1
fi
