#!/bin/bash
# The portal with an officer's token in a real browser: token.sh chromium|firefox. The browser runs on an X server of its own (Xvfb), asks for the PIN in
# its own dialog, and xdotool types it there. Speaks TAP. NODE_MODULES: where puppeteer-core is; SCREENSHOTS: where pictures of the dialogs go.
# shellcheck source=tests/system/lib.sh disable=SC1091
source "$ROOT/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh disable=SC1091
source "$ROOT/tests/system/web_lib.sh"
# shellcheck source=tests/system/portal_web_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_web_lib.sh"
# shellcheck source=tests/browser/world.sh disable=SC1091
source "$ROOT/tests/browser/world.sh"
# shellcheck source=tests/system/token_lib.sh disable=SC1091
source "$ROOT/tests/system/token_lib.sh"
: "${NODE_MODULES:?the node_modules with puppeteer-core}" "${SCREENSHOTS:?where pictures go}"

leave_out() {
    echo "1..0 # SKIP $1; tests/browser/run.sh installs what is missing"
    rm -rf "$folder"
    exit 0
}
[ -d "$NODE_MODULES/puppeteer-core" ] || leave_out "puppeteer-core is not in $NODE_MODULES"
[ -n "$softhsm" ] || leave_out "there is no SoftHSM2"
for program in node certutil modutil Xvfb xdotool "$([ "$1" = firefox ] && echo firefox-esr || echo "$1")"; do
    command -v "$program" >/dev/null || leave_out "there is no $program"
done

# A screen of its own; Xvfb chooses a number that is free and tells it.
screen=
screen_start() {
    mkfifo "$folder/display"
    Xvfb -displayfd 3 -screen 0 1280x1024x24 -nolisten tcp 3>"$folder/display" >"$folder/screen" 2>&1 &
    screen=$!
    DISPLAY=:$(timeout 30 head -n 1 "$folder/display")
    export DISPLAY
}
screen_end() { if [ -n "$screen" ]; then kill "$screen" 2>/dev/null || true; fi; }
trap 'status=$?; screen_end; web_end; if [ "$status" -ne 0 ] && [ -d "$folder" ]; then echo "Bail out! the test itself stopped in line $LINENO"; rm -rf "$folder"; fi' EXIT

world_policy
at "$(day -1 '10:00:00')" # before today, so that no certificate is of the browsers' future
smki init "$home" >/dev/null
party 'Example Energy' 90-B3-D5-1F-30-00-00-01 supplier import-supplier >/dev/null
token_world
token_issue "$(officer 1 'Ann Other')" portal-device Ann
world_person ann
HOME=$folder/people/ann token browser --chromium --profile "$folder/people/ann/firefox" 2>/dev/null | sed 's/^/# /'
at "$(day 0 "$(TZ=Europe/London date +%T)")"
portal_start ''
screen_start

status=0
for site in $sites; do export "PORT_${site//-/_}=${port[$site]}"; done
export BROWSER=$1 FOLDER=$folder HOME_OF_PORTAL=$home NODE_MODULES SCREENSHOTS
TIMELY=$(printf '%s\n' "${timely[@]}") CLOCK=$clock PIN=$(cat "$folder/Ann.pin") node "$ROOT/tests/browser/token.js" || status=$?
world_policy_end
screen_end
web_stop || status=1
if [ "$status" -ne 0 ] && [ -n "${KEEP:-}" ]; then echo "# kept: $folder"; trap - EXIT; exit "$status"; fi
rm -rf "$folder"
exit "$status"
