#!/bin/bash
# The web services on a full disk: told as WF:GD1, nothing is lost, and what was refused is taken once there is room (a small tmpfs; needs root).
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh
. "$ROOT/tests/system/web_lib.sh"

disk=$folder/disk
mkdir "$disk"
if ! mount -t tmpfs -o size=6m none "$disk" 2>/dev/null; then
    echo "1..0 # SKIP a tmpfs cannot be mounted here"
    rm -rf "$folder"
    exit 0
fi
trap 'web_end; umount -l "$disk"; rm -rf "$folder"' EXIT
home=$disk/home
at "2026-11-23 12:00:00"
web_home
request "$folder/first.csr" 90B3D51F30010001 digitalSignature
smki cert issue --profile device --party 1 "$folder/first.csr" >/dev/null # the device has had a certificate
for n in $(seq 48); do
    request "$folder/new.csr" 90B3D51F30010001 digitalSignature
    adhoc_request "r$n" "$folder/new.csr" >"$folder/r$n.xml"
done
{ # one that is larger than what is left of an uploaded file's first page
    xml_batch "large" "$folder/first.csr"
    head -c 200000 /dev/zero | tr '\0' ' '
} >"$folder/large.xml"
web_start '"demand.adhoc_pace_mode": "off"'

fill() { head -c "$(df --output=avail -B1 "$disk" | tail -n 1)" /dev/zero >"$disk/ballast"; }
room() { rm "$disk/ballast"; }
answered() { echo "$(element Status)$(element ErrorCode | sed 's/^./ &/')"; }
send() { adhoc 1 "$folder/r$1.xml" && answered; } # send N: what is said of document N
all_are() { [ -s "$1" ] && [ "$(sort -u "$1")" = "$2" ] || { cat "$1" && return 1; }; } # all_are FILE WORDS (for claim)
until_full() { # until_full FIRST LAST: the documents' numbers, those taken in $folder/taken, the others in $folder/refused
    local n said
    : >"$folder/taken" && : >"$folder/refused"
    for n in $(seq "$1" "$2"); do
        said=$(send "$n")
        element TransactionId >>"$folder/transactions"
        case $said in
        SUCCESS) echo "$n" >>"$folder/taken" ;;
        *) echo "$n" >>"$folder/refused" && echo "$said $(cat "$folder/status")" ;;
        esac
    done >"$folder/said"
}
traced() { # every number that was given so far is in the audit log, or is one of chance in a line of the server's (for claim)
    local number lost=0
    smki audit export "$folder/audit.jsonl"
    while read -r number; do
        if grep -qE "\"subject\": ?$number[,}]" "$folder/audit.jsonl"; then continue; fi
        if [ "$number" -ge 4611686018427387904 ] && grep -q "TransactionId $number is on no record: adhoc" "$folder/server"; then continue; fi
        echo "$number is nowhere" && lost=1
    done <"$folder/transactions"
    [ -s "$folder/transactions" ] && : >"$folder/transactions" && [ "$lost" = 0 ]
}
again() { while read -r n; do send "$n"; done <"$1" >"$folder/said"; } # sends those of the file again

claim "while there is room a request is granted" test "$(send 1)" = SUCCESS
fill
submit 1 "$folder/large.xml"
claim "a batch for which there is no room is refused with 503, as WF:GD1" answers 503 "<ErrorCode>WF:GD1</ErrorCode>"
claim "and told to come again" heads 'retry-after: [0-9]+'
claim "nothing of it is left" test "$(find "$home/batches" -type f | wc -l)" = 0
until_full 2 24
claim "so are ad hoc requests, once the store is full" all_are "$folder/said" "WORKFLOW_ERROR WF:GD1 503"
room
claim "each TransactionId is in the audit log or in a line on standard error" traced
again "$folder/refused"
claim "with room again each of them gets its certificate" all_are "$folder/said" SUCCESS
again "$folder/refused"
claim "once" all_are "$folder/said" "CSR_ERROR CR:9999"
submit 1 "$folder/large.xml"
claim "and the batch is accepted" answers 200 "<BatchStatus>PENDING</BatchStatus>"
fill
until_full 25 48
claim "a second time the disk is full" test -s "$folder/refused"
claim "the server ends as told" web_stop
room
claim "and the TransactionIds are found again this time too" traced
web_start '"demand.adhoc_pace_mode": "off"'
again "$folder/refused"
claim "after a new start each of them gets its certificate too" all_are "$folder/said" SUCCESS
web_stop
claim "and the audit log is whole" smki audit verify
umount "$disk"
trap - EXIT
finish
