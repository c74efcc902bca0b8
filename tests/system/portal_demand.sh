#!/bin/bash
# Rules of demand that are only observed: what the portal lets in beyond them is recorded, and counted on /metrics.
# shellcheck source=tests/system/lib.sh disable=SC1091,SC2317 # functions are called through claim
source "$ROOT/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh disable=SC1091
source "$ROOT/tests/system/web_lib.sh"
# shellcheck source=tests/system/portal_web_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_web_lib.sh"

observed() { curl -s "http://127.0.0.1:$admin_port/metrics" | grep -F smki_demand_observed_total | tee "$folder/counters" | grep -qxF "smki_demand_observed_total{rule=\"$1\"} $2" || { cat "$folder/counters"; return 1; }; }
paste_one() { # paste_one METER: an ad hoc Device CSR of Party 1
    request "$folder/paste.csr" "$1" digitalSignature
    send device device-1 /api/csr text/plain "$folder/paste.csr"
}
upload() { # upload COUNT: a batch of as many
    local i
    rm -rf "$folder/zip" && mkdir "$folder/zip"
    for i in $(seq "$1"); do request "$folder/zip/$i.csr" "$(printf "00DB12345678%04X" "$((RANDOM + i))")" keyAgreement; done
    rm -f "$folder/b.zip" && zip -qj "$folder/b.zip" "$folder/zip"/*.csr
    send device device-1 '/api/batches?name=b.zip' application/zip "$folder/b.zip"
}

portal_home
rules='"demand.portal_adhoc_csrs": 1, "demand.portal_batch_csrs": 2'
portal_start "$rules, \"demand.portal_adhoc_mode\": \"observe\", \"demand.portal_batch_mode\": \"observe\""
claim "the counter of the portal's ad hoc quota is there from the start" observed portal_adhoc 0
claim "and that of its batches" observed portal_batch 0
paste_one 00DB1234567890A0
claim "what is within the quota" answers 201
claim "does not count" observed portal_adhoc 0
paste_one 00DB1234567890A1
claim "what is beyond it, and the rule only observed, is let in" answers 201
claim "and counted by its rule" observed portal_adhoc 1
claim "and recorded" says demand-observed smki audit export -
send device device-1 /api/csr text/plain "$folder/paste.csr"
claim "what is refused for itself" answers 422
claim "is not counted" observed portal_adhoc 1
upload 2
claim "a batch within the quota" answers 201 '"overQuota":false'
claim "does not count" observed portal_batch 0
upload 1
claim "one beyond it, and the rule only observed, has its turn like the others" answers 201 '"overQuota":false'
claim "and is counted by its rule" observed portal_batch 1
claim "once" observed portal_adhoc 1
claim "it ends when told" web_stop

portal_start "$rules"
paste_one 00DB1234567890A2
claim "where the rule is enforced, what is beyond it is refused" answers 429 RATE_PORTAL_ADHOC
upload 1
claim "a batch is let in behind all others" answers 201 '"overQuota":true'
claim "which is not observing" observed portal_batch 0
claim "nor is a refusal" observed portal_adhoc 0
claim "it ends when told" web_stop
finish
