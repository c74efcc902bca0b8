#!/bin/sh
# Debian's Chromium with a managed policy of its own, and nothing on the machine changed: a folder is laid over /etc/chromium in a mount
# namespace. Where there are none (in some containers), a file of the policy that stands in /etc/chromium already will do: see policy.sh.
# POLICIES: the folder that is laid over.
set -eu
if [ "$(id -u)" -eq 0 ]; then space="unshare -m"; else space="unshare -r -m"; fi
if $space true 2>/dev/null; then
    # shellcheck disable=SC2086,SC2016 # words of a command; the inner shell's own variables
    exec $space sh -c 'mount --bind "$POLICIES" /etc/chromium && exec /usr/bin/chromium "$@"' chromium "$@"
fi
exec /usr/bin/chromium "$@"
