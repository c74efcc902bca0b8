#!/bin/bash
# smki-batch: help and manual, what submit takes and refuses, the plan, status and list, the operator's word on a batch.
LEAKS=yes
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
unset SMKI_HOME

# ---- verbs of this test ----

program() { "$PROGRAMS/batch/smki-batch" "$@"; }
commands() { program --help | sed -n 's/^  \([a-z]\{2,\}\)  .*/\1/p'; }
every_command_has_help() {
    local name
    for name in $(commands); do
        program "$name" --help | grep "^usage: smki-batch .*$name" >/dev/null || { echo "$name"; return 1; }
    done
}
every_command_is_in_the_manual() {
    local name
    for name in $(commands); do
        grep -qE "^\.It Cm $name( |\$)" "$ROOT/apps/batch/smki-batch.1" || { echo "$name"; return 1; }
    done
}
# closed [MORE], opened: the window, by the configuration, whatever the clock says; each batch waits for the operator's word.
closed() { echo "{${1:-} \"batch.approve_automatically\": false, \"night.start\": \"$later:10\", \"night.end\": \"$later:20\", \"demand.poll_from\": \"$later:10\"}" >"$home/smki.json"; }
opened() { echo '{"batch.approve_automatically": false, "night.mode": "off"}' >"$home/smki.json"; }
later=$(date -u -d '6 hours' +%H)
field() { python3 -c 'import json, sys; print(json.load(sys.stdin)'"$1"')'; }
state_of() { batch status "$1" --json | field '["status"]'; }
order() { batch plan --json | python3 -c 'import json, sys; print(*[b["batch"] for b in json.load(sys.stdin)["batches"]])'; }

# ---- without a home ----

claim "every command has help" every_command_has_help
claim "every command is in the manual page" every_command_is_in_the_manual
if command -v mandoc >/dev/null; then
    claim "mandoc finds no fault in the manual page" mandoc -Tlint -Wwarning "$ROOT/apps/batch/smki-batch.1"
fi
claim "the version is told" says smki-batch program --version
refused 1 "no home" program list
refused 2 "a word that is near a command" program statsu 1
claim "gets the right one" because status
refused 2 "a batch's number that is none" batch status seven
refused 2 "a moment that is none" batch plan --at yesterday
refused 2 "a format that is none" batch result 1 --format pdf
refused 2 "a rejection without its reason" batch reject 1

# ---- an empty home ----

smki init "$home" >/dev/null
first=$(party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier)
second=$(party "Example Meters" 90b3d51f30000002 other other)
organisations=$(smki party add --name "No Devices" --eui 90b3d51f30000003 --role other --subscriber organisation)
closed
claim "the plan of an empty home says that nothing waits" says "Nothing waits." batch plan
claim "its list is empty" says "No batches." batch list
claim "as JSON too" test "$(batch list --json | tr -d ' \n')" = '[]'
claim "a run has nothing to do, in the window or not" says "nothing waits" batch run --once
refused 1 "a batch that is not there" batch status 1
refused 2 "a run that is neither once nor watched" batch run
claim "is told which to choose" because --watch
refused 2 "a run that is both" batch run --once --watch
refused 2 "a watch that ignores the window" batch run --watch --ignore-window

# ---- submit ----

mkdir "$folder/csr"
for n in 1 2 3; do request "$folder/csr/m$n.csr" "90B3D51F3001000$n" digitalSignature; done
xml_batch one "$folder/csr/m1.csr" >"$folder/one.xml"
(cd "$folder/csr" && zip -q ../two.zip m2.csr m3.csr)
echo "noise" >"$folder/noise.xml"
refused 1 "a Party that is no subscriber for devices" batch submit --party "$organisations" "$folder/one.xml"
claim "is told so" because NOT_SUBSCRIBER
status=0
batch submit --party "$first" "$folder/one.xml" "$folder/noise.xml" "$folder/two.zip" >"$folder/ids" 2>"$folder/complaint" || status=$?
claim "of three files, a refused one does not keep the others out" test "$(tr '\n' ' ' <"$folder/ids")" = "1 2 "
claim "and is told of by its name, in one line" test "$(grep -c "noise.xml" "$folder/complaint")/$(wc -l <"$folder/complaint")" = 1/1
claim "and in the exit status" test "$status" = 1
claim "submit --json tells of each batch" test "$(batch submit --party "$second" --json "$folder/two.zip" | field '[0]["csrs"]')" = 2

# ---- plan, status, list ----

claim "the plan is in turn" test "$(order)" = "1 2 3"
claim "it tells the night's capacity" says "375000" batch plan
claim "and where its rate comes from" says "no run of 1,000 CSRs or more was measured yet" batch plan
claim "far ahead, deadlines are at risk" says "AT RISK" batch plan --at "$(($(date +%Y) + 2))-06-01T21:00"
claim "there, the window is in British Summer Time" says "BST" batch plan --at "$(($(date +%Y) + 2))-06-01T21:00"
claim "status tells the Party's name" says "Example Energy" batch status 1
claim "and when polls may come" says "next poll" batch status 1
claim "not for a zip, which is not polled" bash -c "! '$PROGRAMS/batch/smki-batch' --home '$home' status 2 | grep poll"
claim "status --json has the release" is_json batch status 1 --json
claim "list --party shows only that Party's" test "$(batch list --party "$second" --json | field '[0]["id"]')" = 3

# ---- over the quota ----

closed '"demand.portal_batch_csrs": 1,'
batch submit --party "$first" "$folder/two.zip" >"$folder/id" 2>"$folder/note"
claim "a batch over the quota is accepted with a note" grep -q "batch 4 is over the quota" "$folder/note"
fifth=$(batch submit --party "$second" "$folder/one.xml")
claim "and runs after what came later" test "$(order)" = "1 2 3 $fifth 4"
claim "status says so" says "yes: runs after everybody's due work" batch status 4

# ---- the operator's word ----

claim "without approval nothing runs" says "await approval" batch run --once
claim "all are pending still" test "$(batch list --open --json | grep -c PENDING)" = 5
claim "the plan marks them" says "awaits approval" batch plan
claim "one is approved" batch approve 1
refused 1 "it cannot be approved twice" batch approve 1
refused 1 "outside the window it does not run" batch run --once
claim "and what to do is told" because "--ignore-window"
claim "nothing of it is done" says "0 (0 %)" batch status 1
opened
claim "inside it does" batch run --once
claim "it is completed" test "$(state_of 1)" = COMPLETED
refused 2 "nobody can be asked whether a rejection is meant" batch reject 2 --reason "not today"
claim "so it still stands" test "$(state_of 2)" = PENDING
claim "--yes rejects" batch reject 2 --reason "not today" --yes
claim "it is rejected, with the reason" says "not today" batch status 2
refused 1 "its result is refused" batch result 2 --format txt --out -
claim "with the reason" because "not today"
refused 1 "a rejected one is not approved" batch approve 2
refused 1 "a completed one is not rejected" batch reject 1 --reason late --yes
refused 1 "an open one is not released" batch release 3
refused 1 "the result waits for its release" batch result 1 --format txt --out "$folder/early.txt"
claim "release lets it go" batch release 1
claim "its result is there" batch result 1 --format txt --out "$folder/report.txt"
claim "the words of the operator are in the audit log" test "$(smki audit export - | grep -cE 'batch-approve|batch-reject|override')" -ge 3

# ---- the moment of a plan, and a number that gets lost ----

closed
claim "a date alone is the night that begins on it" says "Night of 2026-11-23 $later:10" batch plan --at 2026-11-23
claim "a time is the night that it belongs to" says "Night of 2026-11-23 $later:10" batch plan --at "2026-11-23T$later:15"
lost() { batch submit --party "$first" "$folder/one.xml" >/dev/full; }
refused 1 "the number of a batch cannot be written" lost
last=$(batch list --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[-1]["id"])')
claim "it is told all the same" because "batch $last was accepted, but its number could not be written to standard output"
finish
