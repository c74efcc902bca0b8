#!/bin/bash
# smki: what is asked without a home, and what every command has: help, versions, the manual, refusals of what was not understood.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
unset SMKI_HOME

program() { "$PROGRAMS/smki/smki" "$@"; }
complains() { # complains STATUS TEXT COMMAND...: TEXT is in the one line on standard error
    local status=0 expected=$1 text=$2
    shift 2
    "$@" >/dev/null 2>"$folder/err" </dev/null || status=$?
    [ "$status" -eq "$expected" ] && [ "$(wc -l <"$folder/err")" -eq 1 ] && grep -qF -e "$text" "$folder/err"
}
commands() { # all of them: the first words of the lines of each group's help
    local group
    for group in "" party aro credential device agreement cert ca audit config; do
        # shellcheck disable=SC2086 # words are words
        program $group --help | sed -n 's/^  \([a-z]\{2,\}\( [a-z]*\)\{0,1\}\)  .*/\1/p'
    done | grep -vxE 'party|aro|credential|device|agreement|cert|ca|audit|config'
}
every_command_has_help() {
    local name
    while read -r name; do
        # shellcheck disable=SC2086
        program $name --help | grep "^usage: smki .*$name" >/dev/null || { echo "smki $name --help"; return 1; }
    done < <(commands)
}
every_command_is_in_the_manual() {
    local name
    while read -r name; do
        grep -qE "^\.It Cm $name( |\$)" "$ROOT/apps/smki/smki.1" || { echo "smki.1: $name"; return 1; }
    done < <(commands)
}

claim "there are forty commands or more" test "$(commands | wc -l)" -ge 40
claim "every command has help" every_command_has_help
claim "every command is in the manual page" every_command_is_in_the_manual
if command -v mandoc >/dev/null; then
    claim "mandoc finds no fault in the manual page" mandoc -Tlint -Wwarning "$ROOT/apps/smki/smki.1"
fi
claim "help COMMAND is COMMAND --help" says "usage: smki [--home DIR] party add" program help party add
claim "--version says which" says "smki 0." program --version

# ---- the nearest right word ----

claim "a command is proposed" complains 2 "did you mean 'party'" program prty
claim "a command of a group is proposed" complains 2 "did you mean 'party show'" program party shw
claim "an option is proposed" complains 2 "did you mean '--name'" program party add --nmae x
claim "a word is proposed" complains 2 "did you mean 'device-csr'" program lint --profile device-scr x
claim "a group alone asks for its command" complains 2 "see 'smki party --help'" program party
claim "a flag takes no value" complains 2 "takes no value" program errors --json=yes
claim "an option may not be given twice" complains 2 "given twice" program party add --name a --name b --eui 90b3d51f30000001
claim "a number is digits" complains 2 "not a number" program party show -- -1
claim "a number has an end" complains 2 "the largest is 18446744073709551615" program party show 18446744073709551616
claim "an EUI-64 has its two forms" complains 2 "write 90-B3-D5-1F-30-01-00-00" program device show 90B3D5
claim "a serial number is hexadecimal" complains 2 "not a serial number" program cert show xyz
claim "a time is of the calendar" complains 2 "--from" program agreement add --party 1 --rule portal-batch --limit 1 --from 2026-02-30 --to 2026-03-01
claim "an empty value is none" complains 2 "empty" program party add --name "" --eui 90b3d51f30000001
claim "operands are counted" complains 2 "one word too many" program party show 1 2
claim "what moves a terminal's cursor is not repeated" complains 2 "??" program $'a\e\ab'
claim "no home is one line that says how to give one" complains 1 "SMKI_HOME" program party list
claim "a full disk is not success" test "$(program errors 2>/dev/null >/dev/full; echo $?)" = 1

claim "a word that shares nothing is proposed nothing" test "$(program foo 2>&1 | grep -c "did you mean")" = 0
claim "a serial number is taken as openssl shows it" complains 1 "SMKI_HOME" program cert show DEADBEEF

# ---- the keys of the configuration ----

# Whatever is written like a key or a group of keys in the manual pages, the README and the helps is one. (The client has a configuration of its own.)
keys_told() {
    local name
    {
        cat "$ROOT"/apps/smki/*.1 "$ROOT"/apps/batch/*.1 "$ROOT"/apps/webservice/*.1 "$ROOT"/apps/portal/*.1 "$ROOT/README.md"
        "$PROGRAMS/webservice/smki-webservice" --help
        "$PROGRAMS/portal/smki-portal" --help || true # it may be left out of a build
        for name in "$PROGRAMS/smki/smki" "$PROGRAMS/batch/smki-batch"; do
            "$name" --help | sed -n 's/^  \([a-z][a-z ]*[a-z]\)  .*/\1/p' | while read -r words; do
                # shellcheck disable=SC2086 # a command may be of two words
                "$name" $words --help </dev/null || true
            done
        done
    } 2>/dev/null | grep -oP '(?<![.\w/-])(night|demand|batch|run|runner|ca|policy|audit|device|eligibility|http|web|portal|desk|admin|tls)(\.[a-z][a-z0-9_]+)+' |
        grep -vE '\.(pem|csr|cnf|crl|xml|zip|txt|pdf|sh|json|csv|key|service)$' | sort -u
}
every_key_told_is_one() {
    local key_home=$folder/keys name
    program init "$key_home" >/dev/null
    "$PROGRAMS/smki/smki" --home "$key_home" config show | sed -n 's/^\([a-z_.0-9]*\): .*/\1/p' |
        sed 'p; s/\.[^.]*$//' | sort -u >"$folder/keys.real" # and their groups
    keys_told >"$folder/keys.told"
    [ -s "$folder/keys.told" ] && name=$(comm -23 "$folder/keys.told" "$folder/keys.real") && echo "$name" && [ -z "$name" ]
}
claim "every key in the manuals and helps is one of the configuration" every_key_told_is_one
claim "one of them is the number of workers" grep -x run.workers "$folder/keys.told"

# ---- refusals, rules ----

claim "errors lists refusals" says "PARTY_UNKNOWN" program errors
claim "errors --json is JSON" is_json program errors --json
claim "lint --rules cites" says "GBCS 12" program lint --rules
claim "lint --rules --json is JSON" is_json program lint --rules --json
finish
