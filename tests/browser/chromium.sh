#!/bin/sh
# Debian's Chromium with a managed policy of its own, and nothing on the machine changed: the folder POLICIES is laid over /etc/chromium in a
# mount namespace. Where there are none (in some containers) portal.sh has put the policy into /etc/chromium, and POLICIES is empty.
set -eu
[ -n "$POLICIES" ] || exec /usr/bin/chromium "$@"
mapping=-r # whoever is not root becomes it in the namespace
[ "$(id -u)" -ne 0 ] || mapping=
# shellcheck disable=SC2016,SC2086 # the inner shell's own variables; an option or none
exec unshare $mapping -m sh -c 'mount --bind "$POLICIES" /etc/chromium && exec /usr/bin/chromium "$@"' chromium "$@"
