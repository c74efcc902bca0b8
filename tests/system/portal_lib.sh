# Verbs for the system tests of what the portal needs of smki. To be sourced after lib.sh.
# shellcheck shell=bash

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
    [ "$status" -eq 1 ] && [ "$(wc -l <"$folder/err")" -eq 1 ] && grep -qF -e "$text" "$folder/err" && grep -q ": $name: " "$folder/err"
}
usage() { # usage TEXT COMMAND...: exit 2, and it says TEXT
    local text=$1 status=0
    shift
    "$@" >/dev/null 2>"$folder/err" </dev/null || status=$?
    cat "$folder/err"
    [ "$status" -eq 2 ] && grep -qF -e "$text" "$folder/err"
}
acts() { smki audit export - | grep -c "\"act\":\"$1\"" || true; } # acts WORD: how many records of this act there are
day() { date -d "$1 days" +%F; }
officer() { "$OFFICER" "$home" "$@"; }
