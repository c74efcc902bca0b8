#!/bin/bash
# The batch web service over a night (IDS App. E; interfaces.md 6, 10, 12): the time is moved across 20:00, 22:00, 08:00 and both clock changes.
# shellcheck source=tests/system/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/system/web_lib.sh
. "$(dirname "$0")/web_lib.sh"

at "2026-11-23 12:00:00"
web_home
for n in 1 2 3; do request "$folder/m$n.csr" "90B3D51F3001000$n" digitalSignature; done
request "$folder/wrong.csr" 90B3D51F30010009 "digitalSignature, keyAgreement"
xml_batch "day-1" "$folder"/m1.csr "$folder/wrong.csr" >"$folder/day.xml"
xml_batch "night-1" "$folder"/m2.csr >"$folder/night.xml"
xml_batch "third" "$folder"/m3.csr >"$folder/third.xml"
{ # 20,000 that are no CSRs: an answer of megabytes, larger than what lies between two sockets
    printf '<SubmitCSRBatch ID="large"><Version>1.0</Version>'
    seq 20000 | sed 's#.*#<DeviceCSR ID="m&">AAAA</DeviceCSR>#'
    printf '</SubmitCSRBatch>'
} >"$folder/large.xml"
web_start

pending() { answers 200 "<BatchStatus>PENDING</BatchStatus>"; } # the last answer accepted a batch (for claim)

# ---- before 20:00: polls from 22:00, results from 08:00 ----

at "2026-11-23 19:59:30"
claim "a batch is submitted before 20:00" submit 1 "$folder/day.xml"
claim "how many at once is told" heads 'ratelimit-limit: 1'
claim "and is PENDING" pending
claim "with its ID" test "$(xmllint --xpath 'string(/*/@ID)' "$folder/answer")" = day-1
day=$(element BatchId)
claim "one with a large answer too" submit 1 "$folder/large.xml"
large=$(element BatchId)
at "2026-11-23 20:00:00"
claim "another at 20:00" submit 1 "$folder/night.xml"
claim "is accepted too" pending
night=$(element BatchId)

at "2026-11-23 21:59:30"
result 1 "$day"
claim "a poll before 22:00 is refused with 429" answers 429 "WF:RA5"
claim "and told when to come back" heads 'retry-after: [0-9]+'
claim "in words too" answers 429 "22:00"
at "2026-11-23 22:00:10"
result 1 "$day" --head
claim "HEAD is refused" test "$(cat "$folder/status")" = 405
claim "with Allow" heads $'allow: GET\r'
result 1 "$day"
claim "and was no poll: from 22:00 the state is told" answers 200 "<BatchStatus>"
result 1 "$day"
claim "once an hour" answers 429 "WF:RA6"
batch run --once >/dev/null
at "2026-11-23 23:00:20"
result 1 "$day"
claim "what is done stays PROCESSING until its release (12.1)" answers 200 "<BatchStatus>PROCESSING</BatchStatus>"
result 1 "$night"
claim "the later batch may not be polled this night" answers 429 "WF:RA5"

# ---- somebody else's ----

result 2 "$day"
cp "$folder/answer" "$folder/theirs"
claim "another Party's batch is unknown" answers 200 "<ErrorCode>FM:AA3</ErrorCode>"
result 2 987654
claim "a missing one as well" answers 200 "<ErrorCode>FM:AA3</ErrorCode>"
claim "in the same words" diff <(sed "s/batch $day/batch N/" "$folder/theirs") <(sed 's/batch 987654/batch N/' "$folder/answer")
head_of() { sed -E '1d; s/^(date|content-length): .*//I; s/\r$//' "$folder/head"; } # what the last answer's head tells
head_of >"$folder/missing-head"
claim "what is left is told with an unknown one too" heads 'ratelimit-limit: 1'
claim "as is that nothing was used up" heads 'ratelimit-remaining: 1'
claim "and when" heads 'ratelimit-reset: 0'
result 2 "$day"
claim "the heads are the same" diff <(head_of) "$folder/missing-head"
for wrong in 0 -1 x 1x "" 99999999999999999999999 "$day%00" "$day%00x" "0$day" "+$day" "%2B$day" "%20$day" "$day%20" "$day+" "$day%0A" "$day.0" "$day&BatchId=$day" \
    "0x1" "1e0" "%D9%A1"; do
    result 1 "$wrong"
    claim "BatchId '$wrong' is unknown" answers 200 "<ErrorCode>FM:AA3</ErrorCode>"
    claim "with the same head" diff <(head_of) "$folder/missing-head"
done

# ---- the release ----

at "2026-11-24 08:00:05"
broken_off() { ! result 1 "$large" --limit-rate 50k --max-time 2; }
claim "a download is broken off" broken_off
sleep 1
result 1 "$large"
claim "and may be repeated at once" answers 200 '<DeviceCertificate ID="m20000">'
result 1 "$large"
claim "the one that was finished may not" answers 429 "WF:RA7"
claim "and no time is promised when it may" test "$(grep -ciE '^(ratelimit-reset|retry-after)' "$folder/head")" = 0
result 1 "$day" --head
claim "HEAD is not for results" test "$(cat "$folder/status")" = 405
claim "and uses nothing up: what may be done is told" heads 'allow: GET'
result 1 "$day"
claim "after 08:00 the results come" answers 200 "<BatchStatus>COMPLETED</BatchStatus>"
claim "one certificate" test "$(grep -c '<Certificate>' "$folder/answer")" -ge 1
claim "and the wrong request's refusal" answers 200 "CSR_ERROR"
result 1 "$day"
claim "once retrieved, no more" answers 429 "WF:RA7"
batch release "$day" >/dev/null
result 1 "$day"
claim "unless the operator releases it again" answers 200 "<BatchStatus>COMPLETED</BatchStatus>"

at "2026-11-24 21:59:50"
result 1 "$night"
claim "the later batch: none before 22:00 of the next day" answers 429 "WF:RA5"
at "2026-11-24 22:00:05"
result 1 "$night"
claim "then its results" answers 200 "<BatchStatus>COMPLETED</BatchStatus>"

# ---- clock changes: the night is 11 or 13 hours long, the hours on the clock are the same ----

change() { # change NAME DAY NEXT
    at "$2 19:30:00"
    submit 2 "$folder/third.xml"
    claim "$1: accepted on the eve" pending
    local id
    id=$(element BatchId)
    at "$2 23:30:00"
    batch run --once >/dev/null
    at "$3 07:59:50"
    result 2 "$id"
    claim "$1: not released before 08:00" answers 200 "<BatchStatus>PROCESSING</BatchStatus>"
    at "$3 08:00:05"
    result 2 "$id"
    claim "$1: released at 08:00" answers 200 "<BatchStatus>COMPLETED</BatchStatus>"
}
change "spring" 2027-03-27 2027-03-28
request "$folder/m3.csr" 90B3D51F30010004 digitalSignature
xml_batch "third" "$folder"/m3.csr >"$folder/third.xml"
change "autumn" 2027-10-30 2027-10-31

# ---- what is no batch ----

printf '<SubmitCSRBatch ID="x"><Version>1.0</Version></SubmitCSRBatch>' >"$folder/empty.xml"
submit 1 "$folder/empty.xml"
claim "a batch without CSRs is FM:AA1, with its ID" answers 200 "<ErrorCode>FM:AA1</ErrorCode>"
claim "with its ID" test "$(xmllint --xpath 'string(/*/@ID)' "$folder/answer")" = x
{
    printf '<SubmitCSRBatch ID="many"><Version>1.0</Version>'
    seq 50001 | sed 's#.*#<DeviceCSR ID="m&">AAAA</DeviceCSR>#'
    printf '</SubmitCSRBatch>'
} >"$folder/many.xml"
submit 1 "$folder/many.xml"
claim "50,001 CSRs are FM:AA2" answers 200 "<ErrorCode>FM:AA2</ErrorCode>"

# ---- one submission of a Party at a time ----

submit 1 "$folder/many.xml" --limit-rate 200k &
slow=$!
sleep 1.5
(
    folder=$folder/second
    mkdir "$folder"
    cp -r "${folder%/second}"/batch-* "$folder/"
    submit 1 "${folder%/second}/night.xml"
)
cp "$folder/second/"{answer,status,head} "$folder/"
claim "a second submission while one is under way is refused" answers 429 "WF:RA4"
claim "with Retry-After" heads 'retry-after: [0-9]+'
wait "$slow" || true
submit 1 "$folder/night.xml"
claim "after the answer to the first it is taken" pending

claim "the server ends as told" web_stop
claim "and the audit log is whole" smki audit verify
finish
