#!/bin/bash
# testssl.sh against a listener that asks for client certificates, and against one that does not: no finding above LOW.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/server.sh
. "$ROOT/tests/system/server.sh"

# Findings on the certificate of development, nothing of the protocol: its CA is self-made and in no trust store, and has no CRL and no OCSP.
EXCEPTED="cert_chain_of_trust cert_revocation"

findings() { # findings FILE: those above LOW, and what testssl.sh itself could not do
    python3 - "$1" "$EXCEPTED" <<'END'
import json, sys
bad, count = [], 0
for finding in json.load(open(sys.argv[1])):
    count += 1
    name = finding["id"].split(" ")[0]
    if finding["severity"] in ("MEDIUM", "HIGH", "CRITICAL", "FATAL") and name not in sys.argv[2].split():
        bad.append("%s %s: %s" % (finding["severity"], finding["id"], finding["finding"]))
print("%d findings" % count)
print("\n".join(bad))
sys.exit(bool(bad) or count < 40)
END
}

command -v testssl >/dev/null || { echo "1..0 # SKIP testssl.sh is not installed"; rm -rf "$folder"; trap - EXIT; exit 0; }
serve_home
configure
sed -i 's/"web.adhoc.host": "adhoc.test", //' "$home/smki.json"
serve_start
timeout 800 testssl --quiet --color 0 --warnings off --nodns min --protocols --std --server-preference --server-defaults --vulnerable \
    --jsonfile "$folder/mutual.json" "127.0.0.1:$port" >"$folder/mutual.txt" 2>&1 </dev/null || true
claim "with client certificates: no finding above LOW" findings "$folder/mutual.json"
claim "the server lives" says alive curl -s "http://127.0.0.1:$admin/healthz"
serve_stop TERM
claim "and ends with 0" test "$ended" = 0
finish
