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
claim "a number has an end" complains 2 "not a number" program party show 18446744073709551616
claim "an EUI-64 has its two forms" complains 2 "write 90-B3-D5-1F-30-01-00-00" program device show 90B3D5
claim "a serial number is hexadecimal" complains 2 "not a serial number" program cert show xyz
claim "a time is of the calendar" complains 2 "--from" program agreement add --party 1 --rule portal-batch --limit 1 --from 2026-02-30 --to 2026-03-01
claim "an empty value is none" complains 2 "empty" program party add --name "" --eui 90b3d51f30000001
claim "operands are counted" complains 2 "one word too many" program party show 1 2
claim "what moves a terminal's cursor is not repeated" complains 2 "??" program $'a\e\ab'
claim "no home is one line that says how to give one" complains 1 "SMKI_HOME" program party list
claim "a full disk is not success" test "$(program errors 2>/dev/null >/dev/full; echo $?)" = 1

# ---- refusals, rules ----

claim "errors lists refusals" says "PARTY_UNKNOWN" program errors
claim "errors --json is JSON" is_json program errors --json
claim "lint --rules cites" says "GBCS 12" program lint --rules
claim "lint --rules --json is JSON" is_json program lint --rules --json
finish
