#!/bin/bash
# How much may come when, and Planned Maintenance, as a client of the web services sees them (interfaces.md 2, 10, 12).
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/web_lib.sh
. "$(dirname "$0")/web_lib.sh"

at "2026-11-23 12:00:00"
web_home
request "$folder/first.csr" 90B3D51F30010001 digitalSignature
smki cert issue --profile device --party 1 "$folder/first.csr" >/dev/null
for n in $(seq 1 12); do
    request "$folder/n.csr" 90B3D51F30010001 digitalSignature
    adhoc_request "n$n" "$folder/n.csr" >"$folder/n$n.xml"
done
web_start '"demand.adhoc_pace_day": "6 s", "demand.adhoc_pace_night": "20 s"' # longer than the machine is slow

# ---- the pace by day and by night ----

claim "the first of a Party is let in" adhoc 1 "$folder/n1.xml"
claim "and answered" answers 200 "<Status>SUCCESS</Status>"
claim "what is left stands in the head" heads 'ratelimit-remaining: 0'
claim "with the limit" heads 'ratelimit-limit: 1'
adhoc 1 "$folder/n2.xml"
claim "one right after it is refused with 429" answers 429 "<ErrorCode>WF:RA1</ErrorCode>"
claim "as a WORKFLOW_ERROR that names limit and time" answers 429 "one CSR of a Party in any 6 s"
claim "with Retry-After" heads 'retry-after: [1-6]'
claim "another Party is not held up" adhoc 2 "$folder/n3.xml"
claim "it is answered" answers 200 "<Status>"
sleep "$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]*\).*/\1/p' "$folder/head" | grep . || echo 6)"
sleep 1
adhoc 1 "$folder/n2.xml"
claim "after that time it is let in: the refused one did not count" answers 200 "<Status>SUCCESS</Status>"
web_stop
web_start '"demand.adhoc_pace_day": "20 min", "demand.adhoc_pace_night": "1 h"'
adhoc 1 "$folder/n4.xml"
claim "the last one counts after a restart" answers 429 "<ErrorCode>WF:RA1</ErrorCode>"
at "2026-11-23 19:58:00"
adhoc 1 "$folder/n4.xml"
claim "hours later it is let in" answers 200 "<Status>SUCCESS</Status>"
at "2026-11-23 20:00:01"
adhoc 1 "$folder/n5.xml"
claim "from 20:00 the night's pace holds" answers 429 "<ErrorCode>WF:RA2</ErrorCode>"
at "2026-11-24 06:30:00"
adhoc 1 "$folder/n5.xml"
claim "at night one in the night's pace" answers 200 "<Status>SUCCESS</Status>"
at "2026-11-24 06:59:40"
adhoc 1 "$folder/n6.xml"
claim "before 07:00 it is still the night's" answers 429 "WF:RA"
at "2026-11-24 07:00:01"
adhoc 1 "$folder/n6.xml"
claim "from 07:00 the day's" answers 200 "<Status>SUCCESS</Status>"

# ---- agreements ----

claim "notice of less than seven days is refused" bash -c "! '$PROGRAMS/smki/smki' --home '$home' agreement add --party 1 --interface adhoc --limit 1 --from 2026-11-24 --to 2026-12-24 --notified 2026-11-20 2>/dev/null"
claim "an agreement with its notice is recorded" smki agreement add --party 1 --interface adhoc --limit 1 --from 2026-11-24 --to 2026-12-24 --notified 2026-11-10
adhoc 1 "$folder/n7.xml"
claim "and lifts the limit at once" answers 200 "<Status>SUCCESS</Status>"

# ---- modes ----

web_stop
web_start '"demand.adhoc_pace_day": "1 h", "demand.adhoc_pace_mode": "observe"'
adhoc 2 "$folder/n8.xml"
adhoc 2 "$folder/n9.xml"
claim "observed only, it is let in" test "$(cat "$folder/status")" = 200
claim "and recorded" says demand-observed smki audit export -
observed() { curl -s "http://127.0.0.1:$admin_port/metrics" | grep -qxF "smki_demand_observed_total{rule=\"$1\"} $2"; }
claim "and counted by its rule" observed adhoc_pace 1
claim "beside the others of these services, of which there were none" observed poll 0
web_stop
web_start '"demand.adhoc_pace_day": "5 s", "demand.adhoc_pace_mode": "smooth"'
adhoc 2 "$folder/n10.xml"
started=$(date +%s%N)
adhoc 2 "$folder/n11.xml"
claim "smooth: one that comes early is held until its slot" test "$(($(date +%s%N) - started))" -gt 800000000
claim "and answered" test "$(cat "$folder/status")" = 200
web_stop
web_start '"demand.adhoc_pace_day": "1 h", "http.status_compat": true'
adhoc 2 "$folder/n10.xml"
adhoc 2 "$folder/n11.xml"
claim "with http.status_compat a refusal is 200, the document says the same" answers 200 "<ErrorCode>WF:RA1</ErrorCode>"

# ---- maintenance ----

at "2026-11-24 12:00:00"
claim "maintenance is announced" smki maintenance plan --from 2026-11-24T13:00 --to 2026-11-24T14:00 --text "The disks are changed"
adhoc 2 "$folder/n12.xml"
claim "before its time nothing changes" test "$(grep -c WF:MA1 "$folder/answer")" = 0
at "2026-11-24 13:00:02"
adhoc 1 "$folder/n12.xml"
claim "in its time the answer is 503, valid by the schema, with the words" answers 503 "The disks are changed"
claim "and Retry-After until its end" heads 'retry-after: 3[0-9]{3}'
claim "and until when" answers 503 "The disks are changed; until 2026-11-24 14:00 GMT"
result 1 1
claim "the batch service says the same" answers 503 "WF:MA1"
accepted() { # accepted FORMAT ACCEPT: a client that sends this Accept gets its 503 in this format
    adhoc 1 "$folder/n12.xml" -H "Accept: $2"
    heads "content-type: $1" && heads 'retry-after: 3[0-9]{3}' && heads 'vary: accept' && [ "$(cat "$folder/status")" = 503 ]
}
xml='application/xml;charset=UTF-8' json='application/json' html='text/html;charset=UTF-8'
while IFS='|' read -r format value; do
    claim "Accept '$value': ${!format}" accepted "${!format}" "$value"
done <<'ACCEPTS'
xml|*/*
xml|application/xml
xml|text/*
xml|image/png
xml|text/xml, application/json
xml|application/json;q=0.5, application/xml
xml|application/json;q=0, text/html;q=0
xml|application/json;q=1.5
json|application/json
json|APPLICATION/JSON ; Q=0.3
json|application/json, text/plain, */*
json|application/*;q=0.2, application/json;q=0.9, text/html;q=0.8
json|application/xml;q=0.899,application/json;q=0.9
html|text/html
html|text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8
html|text/html;level=1;q=0.7, application/json;q=0.6, */*;q=0.1
ACCEPTS
accepted "$json" application/json >/dev/null
claim "the JSON has the words" test "$(python3 -c 'import json, sys; print(*json.load(open(sys.argv[1])).values(), sep="|")' "$folder/answer")" = \
    "WORKFLOW_ERROR|WF:MA1|The disks are changed|2026-11-24T14:00:00.000000Z"
result 1 1 -H 'Accept: text/html'
claim "the page has them too, of the batch service as well" grep -q "<p>The disks are changed</p>" "$folder/answer"
claim "and is HTML" xmllint --html --noout "$folder/answer"
claim "it is ended early" smki maintenance end
adhoc 1 "$folder/n12.xml"
claim "and the service answers again" test "$(cat "$folder/status")" = 200
claim "one that nobody announced is started" smki maintenance start --to 2026-11-24T15:00 --text "Something broke"
adhoc 1 "$folder/n12.xml"
claim "and told" answers 503 "Something broke"
smki maintenance end >/dev/null

claim "the server ends as told" web_stop
claim "and the audit log is whole" smki audit verify
finish
