#!/bin/bash
# Host names on one port, as in production: who is asked for a certificate, what the Host must be, what a session may carry; reload; and the network on every
# record.
# shellcheck source=tests/system/lib.sh disable=SC1091,SC2317 # functions are called through claim
source "$ROOT/tests/system/lib.sh"
# shellcheck source=tests/system/web_lib.sh disable=SC1091
source "$ROOT/tests/system/web_lib.sh"
# shellcheck source=tests/system/portal_web_lib.sh disable=SC1091
source "$ROOT/tests/system/portal_web_lib.sh"

public=$(free_port) internet=$(free_port) admin_port=$(free_port)
configure() { # configure LINE...: more of smki.json; a later one of the same key takes the place of an earlier one
    python3 - "$home/smki.json" "$public" "$internet" "$admin_port" "$@" <<'PYTHON'
import json, sys
path, public, internet, admin, *more = sys.argv[1:]
config = {"portal.admin_listen": "127.0.0.1:" + admin, "portal.desk": "desk@example.org"}
for site, host, port in (("landing", "portal.test", public), ("organisation", "organisation.test", public), ("device", "device.test", public),
                         ("download", "download.test", public), ("organisation_internet", "organisation-internet.test", internet),
                         ("device_internet", "device-internet.test", internet)):
    config[f"portal.{site}.listen"], config[f"portal.{site}.host"] = "127.0.0.1:" + port, host
for line in more:
    config.update(json.loads("{" + line + "}"))
json.dump(config, open(path + ".new", "w"))
import os
os.rename(path + ".new", path)
PYTHON
}
names='portal.test organisation.test device.test download.test organisation-internet.test device-internet.test'
certify() { # certify NAME...: a certificate of the servers for these names beside those above
    # shellcheck disable=SC2046,SC2086 # words
    smki tls make --replace $(printf -- '--host %s ' $names "$@") >/dev/null
    cat "$home/tls/ca.pem" >>"$folder/trusted.pem"
}
start() {
    "${sought[@]}" "$PROGRAMS/portal/smki-portal" --home "$home" --www "$www" >"$folder/server" 2>&1 &
    server=$!
    within 60 curl -s -o /dev/null -f "http://127.0.0.1:$admin_port/readyz"
}
reload() { # until it is done, or refused
    local before
    before=$(grep -cE ': (not )?reloaded' "$folder/server" || true)
    kill -HUP "$server"
    within 30 bash -c "[ \"\$(grep -cE ': (not )?reloaded' '$folder/server')\" -gt $before ]"
}
port_of() { case $1 in *-internet.test) echo "$internet" ;; *) echo "$public" ;; esac; }
at_host() { # at_host HOST WHO PATH CURL...: as ask
    local host=$1 who=$2 path=$3 port
    shift 3
    port=$(port_of "$host")
    : >"$folder/answer"
    # shellcheck disable=SC2046 # words of options
    curl -s --max-time 60 --cacert "$folder/trusted.pem" --resolve "$host:$port:127.0.0.1" $(as "$who") -o "$folder/answer" -D "$folder/head" \
        -w '%{http_code}' "$@" "https://$host:$port$path" >"$folder/status" || true
}
client() { # client HOST S_CLIENT...: a handshake with this server name
    local host=$1
    shift
    timeout 20 openssl s_client -connect "127.0.0.1:$(port_of "$host")" -servername "$host" -tls1_2 "$@" </dev/null 2>&1 || true
}
with() { echo -cert "$folder/$1/cert.pem" -key "$folder/$1/key.pem"; }
without() { # without TEXT COMMAND...: it does not say that
    local text=$1
    shift
    "$@" >"$folder/said" 2>&1 || true
    cat "$folder/said"
    ! grep -qF -e "$text" "$folder/said"
}
nameless() { timeout 20 openssl s_client -connect "127.0.0.1:$public" -noservername -tls1_2 "$@" </dev/null 2>&1 || true; }
over() { # over NAME HOST PATH: GET with this Host on a connection that has been opened with the session of file NAME, without a certificate
    printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$3" "$2" |
        timeout 20 openssl s_client -connect "127.0.0.1:$(port_of "$2")" -servername "$2" -tls1_2 -sess_in "$folder/$1" -ign_eof 2>&1 || true
}
recorded() { # recorded PYTHON: over all records r
    smki audit export - >"$folder/audit"
    python3 -c "import json, sys
r = [json.loads(line) for line in open(sys.argv[1])]
print(len(r))
sys.exit(not ($1))" "$folder/audit"
}

portal_home
party "Gateway Energy" 90-B3-D5-1F-30-00-00-03 supplier other >/dev/null
smki party update 3 --gateway-only yes >/dev/null
number=$(officer 3 "Officer 3")
credential device-3 3 portal-device --officer "$number" >/dev/null
credential organisation-3 3 portal-org --officer "$number" >/dev/null
echo text >"$folder/policy.txt"
smki document add "$folder/policy.txt" --title Policy --version 1 >/dev/null
cp -r "$www" "$folder/www" && www=$folder/www
configure
certify
claim "six sites at two addresses, told apart by their names" start

# ---- each name is its own site ----

for host in portal.test:landing organisation.test:organisation device.test:device download.test:download organisation-internet.test:organisation \
    device-internet.test:device; do
    who=-
    case ${host#*:} in organisation) who=organisation-1 ;; device) who=device-1 ;; esac
    at_host "${host%:*}" "$who" /api/public
    claim "${host%:*} is the site it should be" answers 200 "\"site\":\"${host#*:}\""
done
at_host portal.test - /api/public
claim "the pages are told of the others by their names" json_is 'a["urls"]["device"], a["urls"]["organisationInternet"]' \
    "('https://device.test:$public', 'https://organisation-internet.test:$internet')"

# ---- who is asked for a certificate ----

for host in portal.test download.test; do claim "$host asks for no certificate" without "Client Certificate Types" client "$host"; done
for host in organisation.test device.test organisation-internet.test device-internet.test; do
    claim "$host asks for one" says "Client Certificate Types" client "$host"
    claim "$host: without one, an alert" says "alert handshake failure" client "$host"
done
at_host organisation.test device-1 /api/session
claim "the other part's credential is refused at the same address" answers 403
at_host portal.test device-1 /
claim "who has one may look at the landing page all the same" answers 200

# ---- names that are not ----

claim "a name that is not served: an alert" says "SSL alert number 112" client nobody.test
claim "one of the other address likewise" says "SSL alert number 112" client nobody.test -servername device-internet.test
claim "no name at all, where there are several: an alert" says "SSL alert number" nameless
# shellcheck disable=SC2046 # words of options
claim "also for who has a certificate" says "SSL alert number 112" nameless $(with device-1)
at_host device.test device-1 /api/session -H "Host: organisation.test"
claim "a Host that is not the session's name is refused: 421" answers 421 HTTP_HOST
at_host portal.test - /api/public -H "Host: device.test:$public"
claim "also of who came without a certificate" answers 421
at_host device.test device-1 /api/session -H 'Host;'
claim "an empty one: 400" answers 400
at_host DEVICE.test device-1 /api/session
claim "upper case is the same name" answers 200

# ---- sessions ----

# shellcheck disable=SC2046 # words of options
client organisation.test $(with organisation-1) -sess_out "$folder/officer.session" >/dev/null
client portal.test -sess_out "$folder/anybody.session" >/dev/null
claim "a session is resumed at its own name, and is that officer's" says '"part":"organisation"' over officer.session organisation.test /api/session
claim "which is resumption" says "Reused, TLSv1.2" over officer.session organisation.test /api/session
for host in device.test organisation-internet.test device-internet.test; do
    claim "an officer's session opens nothing at $host" says "alert handshake failure" over officer.session "$host" /api/session
    claim "nor does anybody's" says "alert handshake failure" over anybody.session "$host" /api/session
done
claim "nor does anybody's at organisation.test" says "alert handshake failure" over anybody.session organisation.test /api/session
claim "the landing page does not resume it, so knows nobody by it" without Reused over officer.session portal.test /api/public
claim "and lets it in as anybody" says '"site":"landing"' over officer.session portal.test /api/public

# ---- the Internet, and who is limited to the Gateway ----

at_host device-internet.test device-1 /api/documents
claim "the Internet portal has the document library" answers 200 '"title":"Policy"'
at_host device.test device-1 /api/documents
claim "the Gateway's has it not" answers 404
for page in / /upload.html /batches.html /pickup.html /api/session /api/pickup /api/batches /api/night; do
    at_host device.test device-1 "$page" && cp "$folder/status" "$folder/gateway"
    at_host device-internet.test device-1 "$page"
    claim "$page is on both" test "$(cat "$folder/status" "$folder/gateway")" = 200200
done
for part in organisation device; do
    at_host "$part.test" "$part-3" /api/session
    claim "a Party that is limited to the Gateway gets in there: $part" answers 200
    at_host "$part-internet.test" "$part-3" /api/session
    claim "and is refused by the Internet: $part" answers 403
done

# ---- the network on every record ----

openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout /dev/null -out "$folder/none.csr" -subj /CN=wrong 2>/dev/null
proven() { # proven HOST WHO PATH TYPE FILE: as send, by name
    local host=$1 who=$2 token
    token=$(openssl rand -hex 32)
    at_host "$host" "$who" "$3" -H "Origin: https://$host:$(port_of "$host")" -H 'Sec-Fetch-Site: same-origin' -H "X-SMKI-Token: $token" -H "Content-Type: $4" \
        --data-binary "@$5"
}
for host in device.test device-internet.test; do proven "$host" device-1 /api/csr text/plain "$folder/none.csr"; done
claim "a wrong proof is refused, and on record" within 30 recorded 'sum(x["act"] == "access-refused" and x.get("outcome") == "PROOF" for x in r) >= 2'
claim "with the network it came by" recorded '{x["network"] for x in r if x.get("outcome") == "PROOF"} == {"gateway", "internet"}'
claim "who has no certificate is on record with the network" within 30 recorded '{x["network"] for x in r if x.get("outcome") == "IKI_MISSING"} == {"gateway", "internet"}'
claim "a Party limited to the Gateway, with that it was the Internet" within 30 \
    recorded '{x["network"] for x in r if x.get("outcome") == "IKI_NETWORK"} == {"internet"} or sorted({x.get("outcome") for x in r})'
claim "every record of the portal says which network" recorded 'all(x.get("network") in ("gateway", "internet") for x in r if str(x.get("interface", "")).startswith("portal"))'
claim "there are some" recorded 'any(str(x.get("interface", "")).startswith("portal") for x in r)'

# ---- reload ----

before=$(client portal.test | openssl x509 -noout -serial)
certify device2.test
configure '"portal.device.host": "device2.test", "portal.desk": "0800 000 000", "portal.url_organisation": "https://smki.example.org"'
echo 'changed' >"$www/guide.html"
reload
claim "a reload is taken" test "$(grep -c ': reloaded' "$folder/server")" = 1
claim "a new server certificate is shown" test "$(client portal.test | openssl x509 -noout -serial)" != "$before"
at_host device2.test device-1 /api/session
claim "a new name is served" answers 200 '"part":"device"'
claim "the old one is not" says "SSL alert number 112" client device.test
at_host portal.test - /api/public
claim "new words on the pages" json_is 'a["desk"]' "0800 000 000"
claim "new addresses too" json_is 'a["urls"]["organisation"]' "https://smki.example.org"
at_host portal.test - /guide.html
claim "the pages are those of the start" without changed cat "$folder/answer"
claim "the reload is on record" recorded 'any(x["act"] == "configure" and "portal.desk" in x["detail"] for x in r)'

configure '"portal.desk": "wrong", "portal.download.host": "portal.test"'
reload
claim "two sites of one name at one address are refused" grep -q "not reloaded, all stays as it was: CONFIG_INVALID: .*host name of its own" "$folder/server"
at_host portal.test - /api/public
claim "nothing of it is taken over" json_is 'a["desk"]' "0800 000 000"
at_host device2.test device-1 /api/session
claim "and what was served is" answers 200
printf '{"portal.desk": }' >"$home/smki.json"
reload
claim "what is no JSON is refused" test "$(grep -c 'not reloaded' "$folder/server")" = 2
at_host download.test - /updates.json
claim "and all goes on" answers 200
was=$admin_port admin_port=$(free_port)
configure
reload
claim "another address for health and metrics is taken" curl -s -f -o /dev/null "http://127.0.0.1:$admin_port/readyz"
refuses() { ! curl -s -o /dev/null --max-time 5 "http://127.0.0.1:$was/readyz"; }
claim "the old one is left" refuses
at_host device.test device-1 /api/session
claim "and the names of before are back" answers 200
claim "it ends when told" web_stop

# ---- the web services on one port, and a second program of the home ----

for service in adhoc batch; do smki credential issue --party 1 --interface $service --name "System 1" --generate "$folder/$service-1" >/dev/null 2>&1; done
names='adhoc.test batch.test'
certify
printf '{"web.adhoc.listen": "127.0.0.1:%s", "web.batch.listen": "127.0.0.1:%s", "web.adhoc.host": "adhoc.test", "web.batch.host": "batch.test", "admin.listen": "127.0.0.1:%s"}' \
    "$public" "$public" "$admin_port" >"$home/smki.json"
"${sought[@]}" "$PROGRAMS/webservice/smki-webservice" --home "$home" >"$folder/server" 2>&1 &
server=$!
claim "the two web services share an address" within 60 curl -s -o /dev/null -f "http://127.0.0.1:$admin_port/readyz"
at_host batch.test batch-1 '/1.0/PortalCSRBatch/CSRBatchResult?BatchId=1'
claim "each by its name" answers 200 FM:AA3
at_host adhoc.test batch-1 '/1.0/PortalCSRBatch/CSRBatchResult?BatchId=1'
claim "and no other's credential" answers 403
claim "it ends when told" web_stop
finish
