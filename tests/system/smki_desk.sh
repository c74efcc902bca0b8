#!/bin/bash
# smki desk: reports to the Service Desk, and the webhook against a small server in Python.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/portal_lib.sh
. "$ROOT/tests/system/portal_lib.sh"

server=
hook_start() { # hook_start STATUS: answers every POST so; its port into $port, the bodies into $folder/posts
    python3 - "$1" "$folder" <<'PYTHON' &
import http.server, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(sys.argv[2] + "/posts", "ab") as posts:
            posts.write(self.headers["Content-Type"].encode() + b" " + body + b"\n")
        self.send_response(int(sys.argv[1]))
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
with open(sys.argv[2] + "/port.new", "w") as port:
    port.write(str(server.server_port))
import os
os.rename(sys.argv[2] + "/port.new", sys.argv[2] + "/port")
server.serve_forever()
PYTHON
    server=$!
    within 60 test -s "$folder/port"
    port=$(cat "$folder/port")
    rm "$folder/port"
    echo "{\"desk.webhook\": \"http://127.0.0.1:$port/hook\"}" >"$home/smki.json"
}
hook_stop() {
    kill "$server"
    wait "$server" 2>/dev/null || true
}
posts() { wc -l <"$folder/posts"; }

smki init >/dev/null
: >"$folder/posts"

claim "there is none at first" says "no open reports" smki desk list
first=$(officer report 192.0.2.1 "Ann Other" ann@example.org $'The portal says WF:BB1.\nSince nine.')
second=$(officer report 192.0.2.2 "Bob" "0123 456" 'A "quoted" word')
claim "reports are listed" says "Ann Other" smki desk list
claim "with how to reach who reports" says "0123 456" smki desk list
claim "list --json is JSON" is_json smki desk list --json
claim "the text is whole in it" test "$(json 'j[0]["text"].split("\n")[1]' desk list)" = "Since nine."
claim "show has each line" says "Since nine." smki desk show "$first"
claim "and where it came from" says "192.0.2.1" smki desk show "$first"
claim "without a webhook there is nothing to send to" fails CONFIG_INVALID "desk.webhook" smki desk list --retry

# ---- the webhook ----

hook_start 503
claim "a webhook that refuses is told" fails DESK_WEBHOOK "status 503" smki desk list --retry
claim "it was asked once: it ends at the first that fails" test "$(posts)" = 1
claim "the list shows the attempt" says "failed" smki desk list
hook_stop
claim "a webhook that is away is told" fails DESK_WEBHOOK "report $first" smki desk list --retry
claim "attempts are counted" test "$(json 'j["attempts"]' desk show "$first")" = 2
hook_start 204
claim "when it is back all are sent" says "2 reports were sent" smki desk list --retry
claim "as JSON" test "$(tail -n 1 "$folder/posts" | cut -d' ' -f1)" = application/json
claim "with what was reported" test "$(tail -n 1 "$folder/posts" | cut -d' ' -f2- | python3 -c 'import json, sys; j = json.load(sys.stdin); print(j["event"], j["number"], j["text"])')" = "desk-report $second A \"quoted\" word"
claim "none is sent twice" test "$(smki desk list --retry >/dev/null && posts)" = 3
claim "that shows" test "$(json '[r["sent_at"] is not None for r in j]' desk list)" = "[True, True]"
hook_stop

# ---- closing ----

claim "a report is closed" smki desk close "$first"
claim "then it is not listed" test "$(json '[r["number"] for r in j]' desk list)" = "[$second]"
claim "but with --all" says closed smki desk list --all
claim "it is closed once" fails DESK_STATE "smki desk list --all" smki desk close "$first"
claim "one that there is not is refused" fails NOT_FOUND "report 77" smki desk show 77

# ---- a flood ----

for _ in 1 2 3 4; do officer report 192.0.2.1 Ann ann@example.org help >/dev/null; done
claim "an address that reports too much is refused for a while" fails DESK_BUSY "of this address in any hour" officer report 192.0.2.1 Ann ann@example.org help
claim "another is not" is_number "$(officer report 192.0.2.9 Ann ann@example.org help)"
claim "a report and its closing are recorded" test "$(acts desk)" = 8
claim "what it says is not in the log" test "$(smki audit export - | grep -c 'WF:BB1')" = 0
claim "after all of it the audit log is whole" smki audit verify
finish
