#!/bin/bash
# The Service Desk's webhook as the portal tells it: never in the way of a request, tried again while nobody answers, and no reason to stop late.
# shellcheck source=tests/system/lib.sh disable=SC1091,SC2317 # functions are called through claim
source "$ROOT/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh disable=SC1091
source "$ROOT/tests/system/web_lib.sh"
# shellcheck source=tests/system/portal_web_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_web_lib.sh"

hook=
hook_start() { # hook_start HOW: on $hook_port; HOW: good, slow (says nothing for a minute), or picky (400 for a report whose text has "unwanted")
    python3 - "$1" "$folder" "$hook_port" <<'PYTHON' &
import http.server, sys, time
how, folder, port = sys.argv[1:]
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(folder + "/posts", "ab") as posts:
            posts.write(body + b"\n")
        if how == "slow":
            time.sleep(60)
        self.send_response(400 if how == "picky" and b"unwanted" in body else 204)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer.allow_reuse_address = True
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Hook)
server.daemon_threads = True
open(folder + "/hooked", "w").close()
server.serve_forever()
PYTHON
    hook=$!
    within 60 test -e "$folder/hooked"
    rm "$folder/hooked"
}
hook_stop() {
    kill "$hook"
    wait "$hook" 2>/dev/null || true
    hook=
}
trap 'status=$?; if [ -n "$hook" ]; then kill "$hook" 2>/dev/null || true; fi; web_end; if [ "$status" -ne 0 ] && [ -d "$folder" ]; then echo "Bail out! the test itself stopped in line $LINENO"; rm -rf "$folder"; fi' EXIT

posts() { wc -l <"$folder/posts"; }
posted() { grep -qF "$1" "$folder/posts" || { cat "$folder/posts"; return 1; }; }
entry() { smki desk show "$1" --json | python3 -c "import json, sys; j = json.load(sys.stdin); print($2)"; }
sent() { [ "$(entry "$1" 'j["sent_at"] is not None')" = True ]; }
tried() { [ "$(entry "$1" 'j["attempts"]')" -ge "$2" ]; }
failures() { curl -s "http://127.0.0.1:$admin_port/metrics" | grep '^smki_desk_webhook_failures' | tee "$folder/gauge" && grep -qE "^smki_desk_webhook_failures $1\$" "$folder/gauge"; }
ms() { date +%s%3N; }
report() { # report WHO TEXT: how long the answer took is in $folder/took (ms)
    printf '{"name": "Jo", "contact": "jo@example.org", "text": "%s"}' "$2" >"$folder/report"
    send device "$1" /api/desk application/json "$folder/report" --took "$folder/took"
}
stops_within() { # stops_within MS
    local before=0 after
    before=$(ms)
    web_stop || return 1
    after=$(ms)
    echo "$((after - before)) ms"
    [ $((after - before)) -lt "$1" ]
}

portal_home
: >"$folder/posts"
hook_port=$(free_port)
configured="\"desk.webhook\": \"http://127.0.0.1:$hook_port/hook\""
hook_start good
portal_start "$configured"
report device-1 "The first."
claim "a report is taken" answers 201 '"number":1'
claim "and the webhook told" within 30 sent 1
claim "of what was reported, and by whom" posted '"text":"The first."'
claim "nothing is owed" failures 0

hook_stop
report device-1 "The second."
claim "with nobody there, a report is taken all the same" answers 201 '"number":2'
claim "that nobody was told is on record" within 30 tried 2 1
claim "and is measured" failures '[1-9]' # not hundreds: it waits between attempts
claim "and said once" test "$(grep -c "webhook was not told, and will be" "$folder/server")" = 1
claim "it is tried again by itself" within 60 tried 2 2
hook_start good
claim "back again, the receiver is told what it missed, without anybody doing anything" within 60 sent 2
claim "which is said" within 30 grep -q "takes reports again" "$folder/server"
claim "nothing is owed" within 30 failures 0
claim "each is told once" test "$(posts)" = 2
hook_stop

hook_start picky
report device-1 "An unwanted one."
claim "one that the receiver refuses" within 30 tried 3 1
report device-2 "A wanted one."
claim "does not keep the next from it" within 30 sent 4
hook_stop

hook_start slow
: >"$folder/posts"
report device-2 "The slow one."
claim "a receiver that does not answer is waited for by nobody who reports" answers 201 '"number":5'
claim "within less than the 5 s that the receiver gets" test "$(cat "$folder/took")" -lt 4500
claim "while the receiver holds the report" within 30 posted "The slow one."
ask device device-1 /
claim "pages are served meanwhile" answers 200
claim "after 5 s it is given up, and on record" within 30 tried 5 1
: >"$folder/posts"
report device-1 "Another slow one."
claim "and tried again" within 60 test -s "$folder/posts"
claim "told to end while it waits for the receiver, the portal does not wait" stops_within 4500
hook_stop

hook_start good
portal_start "$configured"
claim "what was left is told when the program starts" within 60 sent 5
claim "all of it" within 60 sent 6
hook_stop
report device-1 "The last."
claim "a portal that waits to try again" within 30 tried 7 1
claim "ends at once too" stops_within 4500
claim "nothing went wrong in it" test "$(grep -cE 'ERROR|Sanitizer|runtime error' "$folder/server")" = 0
finish
