#!/bin/bash
# Who does the arithmetic on P-256: the choice by p256.provider, and what is said of it. Without libcrypto in the build, that it is not there.
# shellcheck source=tests/system/lib.sh
. "${ROOT:?the source tree}/tests/system/lib.sh"

smki init "$home" >/dev/null
party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier >/dev/null
smki ca export "$folder/ca" >/dev/null

choose() { echo "{\"p256.provider\": \"$1\"}" >"$home/smki.json"; }
here() { smki config show --json | python3 -c 'import json, sys; print(next(k["here"] for k in json.load(sys.stdin) if k["path"] == "p256.provider"))'; }
summary() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["p256"])' "$1"; }
nights=0
ran() { # ran [--json]: a night with one request; its summary is in $folder/summary
    nights=$((nights + 1))
    request "$folder/meter-$nights.csr" "90B3D51F3001000$nights" digitalSignature &&
        xml_batch "batch-$nights" "$folder/meter-$nights.csr" >"$folder/batch.xml" &&
        batch submit --party 1 "$folder/batch.xml" >/dev/null &&
        batch run --once --ignore-window --quiet "$@" >"$folder/summary"
}
issued() { # openssl verifies the certificate of the last night
    batch result "$nights" --format zip --out "$folder/result.zip" --ignore-release >/dev/null &&
        unzip -p "$folder/result.zip" "meter-$nights.crt" >"$folder/certificate.pem" &&
        openssl verify -CAfile "$folder/ca/dca-chain.pem" "$folder/certificate.pem"
}

claim "nothing is chosen: auto" says 'p256.provider: "auto" (default; here: ' smki config show
auto=$(here)
claim "it is the fastest of this build" test "$auto" = libcrypto -o "$auto" = mbedtls

for provider in auto mbedtls libcrypto; do
    choose "$provider"
    if [ "$provider" = libcrypto ] && [ "$auto" != libcrypto ]; then
        refused 1 "a build without libcrypto refuses it at the start of a run" batch run --once --quiet
        claim "and says what to do" because 'this build has no P-256 arithmetic by libcrypto (p256.provider): set it to "auto", or build with -Dlibcrypto=enabled'
        refused 1 "so does the check of the configuration" smki config check
        refused 1 "and the web services" timeout 20 "$PROGRAMS/webservice/smki-webservice" --home "$home" --listen-adhoc "127.0.0.1:$(free_port)"
        claim "in the same words" because "set it to \"auto\""
        continue
    fi
    expected=$provider
    [ "$provider" != auto ] || expected=$auto
    claim "$provider: the configuration is right" smki config check
    claim "$provider: config show says what it comes to" says "p256.provider: \"$provider\" ($([ "$provider" = auto ] && echo default || echo set); here: $expected)" smki config show
    claim "$provider: so it does with --json" test "$(here)" = "$expected"
    claim "$provider: a night runs" ran
    claim "$provider: its summary says by whom" grep -qx "P-256 *by $expected" "$folder/summary"
    claim "$provider: openssl verifies what was issued" issued
    claim "$provider: a night runs with --json" ran --json
    claim "$provider: its summary says the same" test "$(summary "$folder/summary")" = "$expected"
done

choose nonsense
refused 1 "a word that is none" smki config check
claim "is answered with those that are" because '"auto", "mbedtls" or "libcrypto"'
refused 1 "nothing starts with it" batch run --once --quiet
echo '{"p256.provider": 1}' >"$home/smki.json"
refused 1 "nor with a number" batch run --once --quiet

finish
