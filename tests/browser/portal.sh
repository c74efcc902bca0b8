#!/bin/bash
# The portal as an officer sees it, in a real browser: portal.sh chromium|firefox. Speaks TAP. NODE_MODULES: where puppeteer-core and axe-core are;
# SCREENSHOTS: where pictures of the pages go.
# shellcheck source=tests/system/lib.sh disable=SC1091
source "$ROOT/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh disable=SC1091
source "$ROOT/tests/system/web_lib.sh"
# shellcheck source=tests/system/portal_web_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_web_lib.sh"
# shellcheck source=tests/browser/world.sh disable=SC1091
source "$ROOT/tests/browser/world.sh"
: "${NODE_MODULES:?the node_modules with puppeteer-core and axe-core}" "${SCREENSHOTS:?where pictures go}"

leave_out() {
    echo "1..0 # SKIP $1; tests/browser/run.sh installs what is missing"
    rm -rf "$folder"
    exit 0
}
for module in puppeteer-core axe-core; do
    [ -d "$NODE_MODULES/$module" ] || leave_out "$module is not in $NODE_MODULES"
done
for program in node certutil "$([ "$1" = firefox ] && echo firefox-esr || echo "$1")"; do
    command -v "$program" >/dev/null || leave_out "there is no $program"
done

world_policy
world_home
world_person nobody
for name in device organisation revoked; do world_credential "$name"; done
portal_start "$world_config"

status=0
for site in $sites; do export "PORT_${site//-/_}=${port[$site]}"; done
export BROWSER=$1 FOLDER=$folder HOME_OF_PORTAL=$home NODE_MODULES SCREENSHOTS
TIMELY=$(printf '%s\n' "${timely[@]}") CLOCK=$clock node "$ROOT/tests/browser/main.js" || status=$?
world_policy_end
web_stop || status=1
if [ "$status" -ne 0 ] && [ -n "${KEEP:-}" ]; then echo "# kept: $folder"; trap - EXIT; exit "$status"; fi
rm -rf "$folder"
exit "$status"
