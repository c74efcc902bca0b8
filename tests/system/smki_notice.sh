#!/bin/bash
# smki agreement notices, approve, decline: what Parties announce of extra demand, and what becomes of it.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/portal_lib.sh
. "$ROOT/tests/system/portal_lib.sh"

smki init >/dev/null
party=$(party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier)
other=$(party "Other Energy" 90-B3-D5-1F-30-00-00-02 supplier gas-supplier)
state() { json "[n['state'] for n in j if n['number'] == $1][0]" agreement notices --all; }

claim "none waits at first" says "no notices wait" smki agreement notices
first=$(officer notice "$party" portal-batch "$(day +8)" "$(day +20)" 150000 "a new factory")
second=$(officer notice "$party" adhoc-pace "$(day +2)" "$(day +20)" 90000 "")
third=$(officer notice "$other" portal-adhoc "$(day +8)" "$(day +20)" 400 "")
claim "what was announced waits" test "$(json '[n["number"] for n in j]' agreement notices)" = "[$first, $second, $third]"
claim "the list has the words" says "a new factory" smki agreement notices
claim "and says which is short" says "(short notice)" smki agreement notices
claim "of one Party" test "$(json '[n["number"] for n in j]' agreement notices --party "$other")" = "[$third]"
claim "list --json is JSON" is_json smki agreement notices --json
agreement=$(smki agreement approve "$first" --limit 120000)
claim "approve prints the agreement's number alone" is_number "$agreement"
claim "the agreement is that of the notice" test "$(json 'j[0]["party"], j[0]["rule"], j[0]["limit"], j[0]["from"][:10], j[0]["short_notice"]' agreement list)" = "$party portal-batch 120000 $(day +8) False"
claim "its notice is when the Party told" test "$(json 'j[0]["notified_at"]' agreement list)" = "$(json 'j[0]["notified_at"]' agreement notices --all)"
claim "the notice names the agreement" test "$(json 'j[0]["state"], j[0]["agreement"]' agreement notices --all)" = "approved $agreement"
claim "it waits no more" test "$(json '[n["number"] for n in j]' agreement notices)" = "[$second, $third]"
claim "it is decided once" fails NOTICE_STATE "smki agreement notices" smki agreement approve "$first" --limit 1
claim "short notice needs the operator's word" fails AGREEMENT_NOTICE "--short-notice" smki agreement approve "$second" --limit 200
claim "without it the notice still waits" test "$(state "$second")" = announced
claim "with it there is an agreement" is_number "$(smki agreement approve "$second" --limit 200 --short-notice)"
claim "a notice is declined" smki agreement decline "$third" --reason "the nights are full"
claim "which shows with the reason" says "the nights are full" smki agreement notices --all
claim "a declined one is not approved" fails NOTICE_STATE "declined" smki agreement approve "$third" --limit 1
claim "a reason is wanted" usage "--reason is missing" smki agreement decline "$third"
claim "a limit is wanted" usage "--limit is missing" smki agreement approve "$third"
claim "one that there is not is refused" fails NOT_FOUND "notice 77" smki agreement decline 77 --reason x
claim "an agreement by hand still is one" is_number "$(smki agreement add --party "$other" --interface portal-adhoc --limit 400 --from "$(day +8)" --to "$(day +9)")"
claim "all of it is recorded" test "$(acts demand-notice) $(acts agreement-add)" = "6 3"
claim "after all of it the audit log is whole" smki audit verify
finish
