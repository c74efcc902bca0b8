# Verbs for tests of officers' tokens, on SoftHSM2. To be sourced after lib.sh.
# shellcheck shell=bash disable=SC2034
#
#   token_world                     SoftHSM2 with no token yet, in $folder/tokens; $softhsm is its module, empty where it is not installed
#   pin NAME TEXT                   a PIN in the file $folder/NAME.pin
#   token COMMAND...                smki-token
#   token_issue OFFICER INTERFACE LABEL   smki aro issue-token, and its PIN changed as its officer must; the new one is in $folder/LABEL.pin

: "${folder:?}" "${PROGRAMS:?}"
softhsm=$(find /usr/lib /usr/local/lib -name libsofthsm2.so -path '*softhsm/*' -print -quit 2>/dev/null || true)
export SMKI_TOKEN_MODULE=$softhsm

pin() { (umask 077 && printf '%s\n' "$2" >"$folder/$1.pin"); }
token() { "$PROGRAMS/token/smki-token" "$@"; }

token_world() {
    mkdir -p "$folder/tokens"
    printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$folder/tokens" >"$folder/softhsm2.conf"
    export SOFTHSM2_CONF=$folder/softhsm2.conf
    pin so 87654321
}

token_issue() {
    smki aro issue-token "$1" --interface "$2" --label "$3" --so-pin-file "$folder/so.pin" --pin-out "$folder/$3.transport" >/dev/null 2>&1
    pin "$3" 246813
    token pin --token "$3" --pin-file "$folder/$3.transport" --new-pin-file "$folder/$3.pin"
}
