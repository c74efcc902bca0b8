#!/bin/bash
# smki document: the document library, with sha256sum for a counterpart.
LEAKS=yes
# shellcheck source=tests/system/lib.sh disable=SC2317 # functions are called through claim
. "${ROOT:?the source tree}/tests/system/lib.sh"
# shellcheck source=tests/system/portal_lib.sh
. "$ROOT/tests/system/portal_lib.sh"

hash_of() { sha256sum "$1" | cut -d' ' -f1; }
files() { find "$home/documents" -mindepth 1 | wc -l; }

smki init >/dev/null
head -c 200000 /dev/urandom >"$folder/policy.pdf"
echo "<script>alert(1)</script>" >"$folder/guide.html"

claim "there is none at first" says "no documents" smki document list
first=$(smki document add "$folder/policy.pdf" --title "Device Certificate Policy" --version 2.1 --date 2026-06-01)
claim "add prints the number alone" is_number "$first"
claim "the list has the title" says "Device Certificate Policy" smki document list
claim "and the date, which in summer is the day too" says "2026-06-01" smki document list
claim "list --json is JSON" is_json smki document list --json
claim "the SHA-256 is that of sha256sum" test "$(json 'j[0]["sha256"]' document list)" = "$(hash_of "$folder/policy.pdf")"
claim "the size is the file's" test "$(json 'j[0]["size"]' document list)" = 200000
claim "the date is a date" test "$(json 'j[0]["date"]' document list)" = 2026-06-01
claim "the file lies in the home under its SHA-256" cmp "$folder/policy.pdf" "$home/documents/$(hash_of "$folder/policy.pdf")"
claim "which nobody else reads" test "$(stat -c %a "$home/documents/$(hash_of "$folder/policy.pdf")")" = 600
claim "nothing else lies there" test "$(files)" = 1
second=$(smki document add "$folder/guide.html" --title "User guide" --version 1)
claim "without --date it is of today" test "$(json 'j[1]["date"]' document list)" = "$(TZ=Europe/London date +%F)"
claim "what could act in a browser is octets" test "$(json 'j[1]["media_type"]' document list)" = application/octet-stream
claim "the same title and version is refused" fails ALREADY_EXISTS "document $first" smki document add "$folder/guide.html" --title "Device Certificate Policy" --version 2.1
claim "and leaves nothing" test "$(files)" = 2
: >"$folder/empty"
claim "an empty file is refused" fails INVALID_ARGUMENT "is empty" smki document add "$folder/empty" --title x --version 1
claim "a folder is refused" fails INVALID_ARGUMENT "not a regular file" smki document add "$folder" --title x --version 1
claim "a file that there is not is refused" fails NOT_FOUND "nowhere" smki document add "$folder/nowhere" --title x --version 1
claim "a title is wanted" usage "--title is missing" smki document add "$folder/policy.pdf" --version 1
claim "a date is one of the calendar" usage "date" smki document add "$folder/policy.pdf" --title x --version 1 --date 2026-02-30

# ---- backup ----

claim "a backup is made" smki backup "$folder/backup"
claim "it has the files" diff -r "$home/documents" "$folder/backup/documents"
claim "it is restored" smki restore "$folder/backup" "$folder/again"
claim "with the files" diff -r "$home/documents" "$folder/again/documents"

# ---- removing ----

claim "a document is removed" smki document remove "$first"
claim "then it is not listed" test "$(json 'len(j)' document list)" = 1
claim "its file is gone" test ! -e "$home/documents/$(hash_of "$folder/policy.pdf")"
claim "it is removed once" fails NOT_FOUND "was removed" smki document remove "$first"
claim "its number is never given again" test "$(smki document add "$folder/policy.pdf" --title "Device Certificate Policy" --version 2.1)" = $((second + 1))
claim "all of it is recorded" test "$(acts document)" = 4
claim "after all of it the audit log is whole" smki audit verify
finish
