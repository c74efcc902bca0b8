#!/bin/bash
# smki maintenance, and agreements by interface: what the operator tells the web services.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"

json() { # json FILTER COMMAND...: what Python's FILTER makes of the JSON that smki COMMAND --json prints
    local filter=$1
    shift
    smki "$@" --json | python3 -c "import json, sys; j = json.load(sys.stdin); print($filter)"
}
fails() { # fails NAME TEXT COMMAND...: exit 1, the refusal is NAME and its one line has TEXT
    local name=$1 text=$2 status=0
    shift 2
    "$@" >/dev/null 2>"$folder/err" </dev/null || status=$?
    cat "$folder/err"
    [ "$status" -eq 1 ] && grep -qF -e "$text" "$folder/err" && grep -q "^smki: $name: " "$folder/err"
}
usage() { # usage TEXT COMMAND...: exit 2, and it says TEXT
    local text=$1 status=0
    shift
    "$@" >/dev/null 2>"$folder/err" </dev/null || status=$?
    cat "$folder/err"
    [ "$status" -eq 2 ] && grep -qF -e "$text" "$folder/err"
}
state() { json "[m['state'] for m in j if m['number'] == $1][0]" maintenance list; }
day() { date -d "$1 days" +%F; }

smki init >/dev/null

# ---- maintenance ----

claim "there is none at first" says "no maintenance" smki maintenance list
first=$(smki maintenance plan --from "$(day +2)T10:00" --to "$(day +2)T12:00" --text "Disks are replaced")
claim "plan prints the number alone" is_number "$first"
claim "it is planned" test "$(state "$first")" = planned
claim "the list has its words" says "Disks are replaced" smki maintenance list
claim "list --json is JSON" is_json smki maintenance list --json
claim "it is begun before its time" test "$(smki maintenance start "$first")" = "$first"
claim "then it is on" test "$(state "$first")" = on
claim "not twice" fails MAINTENANCE_STATE "is on" smki maintenance start "$first"
claim "and ends" smki maintenance end
claim "then it is over" test "$(state "$first")" = over
claim "when none is on none ends" fails MAINTENANCE_STATE "smki maintenance list" smki maintenance end
second=$(smki maintenance start --to "$(day +1)" --text "A disk has failed" --pause-night)
claim "one that nobody announced is begun by its end and words" test "$(state "$second")" = on
claim "it can pause the night" test "$(json 'j[-1]["pause_night"]' maintenance list)" = True
claim "it ends by its number" smki maintenance end "$second"
third=$(smki maintenance plan --from "$(day +3)" --to "$(day +4)" --text "Not after all")
claim "what was announced is called off" smki maintenance end "$third"
claim "which the list tells apart" test "$(state "$third")" = "called off"
now=$(smki maintenance plan --from "$(day -1)" --to "$(day +1)" --text "Since yesterday")
claim "it begins by itself" test "$(state "$now")" = on
claim "and is over by itself" test "$(later '+3 days' "$PROGRAMS/smki/smki" --home "$home" maintenance list --json | grep -c '"state":"over"')" = 3
claim "one that ends before it begins is refused" fails INVALID_ARGUMENT "ends after it begins" smki maintenance plan --from "$(day +3)" --to "$(day +2)" --text x
claim "one that there is not is refused" fails NOT_FOUND "maintenance 77" smki maintenance start 77
claim "start wants to know which" usage "--text" smki maintenance start
claim "a number and words are one too many" usage "give them, or N" smki maintenance start "$first" --text x --to "$(day +1)"
claim "words are wanted" usage "--text is missing" smki maintenance plan --from "$(day +1)" --to "$(day +2)"
claim "all of it is recorded" test "$(smki audit export - | grep -c '"act":"maintenance"')" = 8

# ---- agreements by interface ----

party=$(party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier)
agree() { smki agreement add --party "$party" --interface "$1" --limit "$2" --from "$(day +8)" --to "$(day +20)" --notified "$(day 0)"; }
for pair in adhoc=adhoc-pace batch=batch-one portal-adhoc=portal-adhoc portal-batch=portal-batch; do
    claim "an agreement for ${pair%=*} is recorded" is_number "$(agree "${pair%=*}" 3)"
    claim "as one about ${pair#*=}" test "$(json 'j[-1]["rule"], j[-1]["limit"]' agreement list)" = "${pair#*=} 3"
done
claim "the list says what the numbers are" says "3 at once" smki agreement list
claim "and of which" says "3 ms" smki agreement list
claim "seven days' notice is counted from --notified" fails AGREEMENT_NOTICE "" smki agreement add --party "$party" --interface adhoc --limit 3 --from "$(day +6)" --to "$(day +9)" --notified "$(day 0)"
claim "an interface that there is not is proposed one" usage "did you mean 'adhoc'" agree adhok 3
claim "it is about something" usage "--interface" smki agreement add --party "$party" --limit 3 --from "$(day +8)" --to "$(day +9)"
claim "about one thing" usage "--interface" smki agreement add --party "$party" --interface adhoc --rule adhoc-pace --limit 3 --from "$(day +8)" --to "$(day +9)"
claim "after all of it the audit log is whole" smki audit verify

# ---- what is found in the log ----

claim "find wants to know what" usage "--transaction" smki audit find
claim "a transaction that there was not leaves nothing" says "no such records" smki audit find --transaction 4711
claim "nor does it for audit show" says "no such records" smki audit show --transaction 4711
claim "another act on the number is none" says "no such records" smki audit find --transaction "$party"
request "$folder/meter.csr" 90B3D51F30010001 digitalSignature
smki cert issue --profile device --party "$party" --out "$folder/meter.pem" "$folder/meter.csr"
claim "a device's records are found" says csr-decide smki audit find --device 90-B3-D5-1F-30-01-00-01
claim "find --json is JSON" test "$(json 'len(j)' audit find --device 90B3D51F30010001 --serial "$(openssl x509 -in "$folder/meter.pem" -noout -serial | cut -d= -f2)")" -ge 1
alone() { # what is announced alone needs no number
    local number
    smki maintenance end 2>/dev/null || true # what else is on
    number=$(smki maintenance plan --from "$(date -u -d '+3 days' +%FT%H:%MZ)" --to "$(date -u -d '+4 days' +%FT%H:%MZ)" --text "The only one")
    [ "$(smki maintenance start)" = "$number" ] && smki maintenance end
}
refused 2 "start without anything that is announced" smki maintenance start
claim "says what to give" because "none is announced"
claim "the only one that is announced is started without its number" alone
finish
