#!/bin/bash
# smki-batch run: signals, several runners, killed runners, the watch. Whatever happens, every CSR has one fate and one certificate at most.
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
: "${SLOW:?the disk that takes its time}"

# ---- verbs of this test ----

count=200
before=$(date -u -d '2 hours ago' +%H) after=$(date -u -d '10 hours' +%H) later=$(date -u -d '6 hours' +%H) # the window is open, whatever the clock says, in summer too
window() { echo "{\"batch.chunk\": 5, \"night.start\": \"$1\", \"night.end\": \"$2\", \"demand.poll_from\": \"$1\"}" >"$home/smki.json"; }
fresh_home() { # a home in which every CSR takes its own time: small chunks
    rm -rf "$home"
    smki init "$home" >/dev/null
    window "$before:00" "$after:00"
    party "Example Energy" 90-B3-D5-1F-30-00-00-01 supplier import-supplier >/dev/null
}
submitted() { batch submit --party 1 "$folder/batch.zip"; }
queued() { # the same, parsed already: a run outside the window comes that far
    window "$later:10" "$later:20"
    submitted
    batch run --once --quiet >/dev/null 2>&1 || true
    window "$before:00" "$after:00"
}
processed_in() { python3 -c 'import json, sys; print(json.load(sys.stdin)["processed"])' 2>/dev/null; } # of a batch's status
processed() { batch status "$1" --json | processed_in; }
runner() { # runner NAME ARGUMENTS...: in the background; its process is $runner
    local name=$1
    shift
    "$PROGRAMS/batch/smki-batch" --home "$home" run "$@" >"$folder/$name.out" 2>"$folder/$name.err" &
    runner=$!
}
ended() { # ended STATUS PROCESS: waits for it, which must end with that
    local status=0
    wait "$2" || status=$?
    echo "it ended with $status" && [ "$status" -eq "$1" ]
}
slow_runner() { # the same, on a disk that takes 50 ms more for each commit
    ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" LD_PRELOAD="$SLOW" SLOW_COMMIT=50 runner "$@"
}
# Sends the signal in the first half of the batch's work, which the process (and another that is at it) does not go on with while one looks how far it is;
# its status is $status. False: it was further than that, and is to be tried again.
interrupted() { # interrupted SIGNAL ID PROCESS [ANOTHER]
    local signal=$1 id=$2
    shift 2
    local tries done_now=0 early
    status=0
    for tries in $(seq 400); do
        sleep 0.02
        kill -STOP "$@" 2>/dev/null || break
        done_now=$(timeout 5 "$PROGRAMS/batch/smki-batch" --home "$home" status "$id" --json | processed_in || echo 0) # they may hold a lock
        [ "$done_now" -eq 0 ] || break
        kill -CONT "$@"
    done
    early=$((done_now > 0 && done_now <= count / 2))
    kill -"$signal" "$1" 2>/dev/null || true
    kill -CONT "$@" 2>/dev/null || true
    wait "$1" || status=$?
    [ "$early" = 1 ] && [ "$status" -ne 0 ]
}
csrs_of() { python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["csrs"])' "$1"; } # of a summary
eventually() { within 60 grep -q -e "$1" "$2" || { cat "$2" && return 1; }; } # eventually TEXT FILE
# Everything done, once: as many certificates as requests, all different, each verified by openssl, and the log whole.
all_is_done() {
    batch result "$1" --format zip --out "$folder/response.zip" --ignore-release >/dev/null
    rm -rf "$folder/crt" "$folder/ca" && mkdir "$folder/crt"
    unzip -q "$folder/response.zip" -d "$folder/crt"
    [ "$(find "$folder/crt" -name '*.crt' | wc -l)" -eq "$count" ] || return 1
    smki ca export "$folder/ca" >/dev/null
    for file in "$folder"/crt/*.crt; do
        { echo '-----BEGIN CERTIFICATE-----'; sed '/^-----/d' "$file"; echo '-----END CERTIFICATE-----'; } >"${file%.crt}.pem"
    done
    openssl verify -CAfile "$folder/ca/dca-chain.pem" "$folder"/crt/*.pem >"$folder/verified" || return 1
    [ "$(grep -c ': OK$' "$folder/verified")" -eq "$count" ] || return 1
    for file in "$folder"/crt/*.pem; do openssl x509 -in "$file" -noout -serial; done | sort | uniq -d | wc -l | grep -qx 0 || return 1
    smki audit verify
}

mkdir "$folder/csr"
export ROOT
make_requests() { # two at a time
    # shellcheck disable=SC2016 # expanded by the inner shell
    seq 1 $count | xargs -P 2 -n 50 bash -c 'for n; do METER=$(printf 90B3D51F3003%04X "$n") USE=digitalSignature openssl req -new \
        -config "$ROOT/examples/device.cnf" -subj / -sha256 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout /dev/null \
        -out "$0/csr/m$n.csr" 2>/dev/null; done' "$folder"
}
make_requests
(cd "$folder/csr" && zip -q ../batch.zip ./*.csr)

# ---- a signal ----

for _ in $(seq 10); do
    fresh_home
    id=$(submitted)
    slow_runner stopped --once --workers 1
    ! interrupted TERM "$id" "$runner" || break
done
claim "SIGTERM in the middle of a run ends it with 1" test "$status" = 1
claim "and a line that everything is kept" grep -q "everything done is kept" "$folder/stopped.err"
done_before=$(processed "$id")
claim "some of its work is done, and not all" test "$done_before" -gt 0 -a "$done_before" -lt "$count"
claim "it was in whole chunks" test $((done_before % 5)) = 0
claim "no runner is left in the home" test -z "$(ls -A "$home/runners")"
claim "run again continues with what was left" says "\"csrs\":	$((count - done_before))," batch run --once --json
claim "every CSR has one certificate, and openssl verifies each" all_is_done "$id"

# ---- two runners, one killed ----

for _ in $(seq 10); do
    fresh_home
    id=$(queued)
    slow_runner first --once --workers 1
    one=$runner
    slow_runner second --once --workers 1 --json
    two=$runner
    ! interrupted KILL "$id" "$one" "$two" || break
    wait "$two" || true
done
claim "of two runners one is killed in the middle" test "$status" = 137
claim "the other ends well" ended 0 "$two"
claim "it has done all that the killed one had not" test "$(processed "$id")" = "$count"
claim "nothing waits" says "nothing waits" batch run --once
claim "and every CSR has one certificate" all_is_done "$id"

fresh_home
id=$(queued)
runner first --once --json
one=$runner
runner second --once --json
two=$runner
claim "of two runners that nobody kills, one ends well" ended 0 "$one"
claim "and the other" ended 0 "$two"
claim "between them every CSR was done once" test $(($(csrs_of "$folder/first.out") + $(csrs_of "$folder/second.out"))) = "$count"
claim "with one certificate each" all_is_done "$id"

# ---- the watch ----

fresh_home
runner watch --watch
claim "a watch begins, and tells of the window" eventually "window is open" "$folder/watch.out"
ignored() { [ $((0x$(awk '/^SigIgn/ { print $2 }' "/proc/$1/status") >> ($(kill -l "$2") - 1) & 1)) = 1 ]; }
claim "Ctrl-Z does not stop it, with the store's lock perhaps" ignored "$runner" TSTP
id=$(submitted)
claim "it tells of a batch that comes in" eventually "batch $id of Party 1 came in" "$folder/watch.out"
claim "and that it is completed" eventually "batch $id of Party 1 completed: $count CSRs, $count granted" "$folder/watch.out"
touch "$folder/mark"
again=$(submitted)
upload=$(find "$home/batches" -type f -newer "$folder/mark")
echo "tampered" >"$upload"
claim "it tells of one that was tampered with" eventually "batch $again of Party 1 is TAMPERED" "$folder/watch.out"
kill -HUP "$runner"
claim "a signal ends it with 0" ended 0 "$runner"
claim "which is its last line" test "$(tail -n 1 "$folder/watch.out" | grep -c 'ends on a signal')" = 1

window "$later:10" "$later:20"
id=$(submitted)
runner watch --watch --json
claim "by day, a watch says that the window is closed" eventually "window-closes" "$folder/watch.out"
sleep 3
claim "and does nothing" test "$(processed "$id")" = 0
kill -TERM "$runner"
claim "till it is ended" ended 0 "$runner"
claim "each line is JSON" python3 -c 'import json, sys; [json.loads(line) for line in open(sys.argv[1])]' "$folder/watch.out"

# ---- one batch in trouble ----

fresh_home
bad=$(submitted)
upload=$(ls "$home/batches")
mv "$home/batches/$upload" "$folder/kept.zip"
mkdir "$home/batches/$upload" # cannot be read
good=$(submitted)
refused 1 "a run with a batch that cannot be read" batch run --once --quiet
claim "does all the others" test "$(processed "$good")/$(processed "$bad")" = "$count/0"
rmdir "$home/batches/$upload" && mv "$folder/kept.zip" "$home/batches/$upload"
claim "and that one, once it can be read: every request is now a duplicate" says "$count: Request for duplicate" batch run --once
finish
