#!/usr/bin/env bash
# Publishes over HTTP with curl.
#
# Usage: http_curl.sh URL
#
# tests/it/http/foreign_clients.rs is at the other end, and says what is published.
set -euo pipefail
relay=$1
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
channel="$relay/publish/clients/say%20hello%20%C3%A4%E2%82%AC"
known='Authorization: Bearer known'

# Checks the status of an answer, and shows its head and its body.
ask() {
  local expected=$1 status
  shift
  status=$(curl --silent --show-error --max-time 60 --include --output "$folder/answer" --write-out '%{http_code}' "$@")
  [ "$status" = "$expected" ] || { echo "$status in place of $expected: curl ${*:0:300}" >&2; head -c 2000 "$folder/answer" >&2; exit 1; }
  cat "$folder/answer"
}
has() {
  local answer
  answer=$(cat)
  grep -qiF -- "$1" <<<"$answer" || { echo "$1 is not in $answer" >&2; exit 1; }
}
long() { printf '"'; head -c "$1" /dev/zero | tr '\0' x; printf '"'; }

curl --silent --fail "$relay/healthz" | has ok
curl --silent --fail --head "$relay/healthz" | has 'HTTP/1.1 200 OK'

ask 202 -H "$known" --json '{"text":"ä€😀"}' "$channel" | has '{"accepted":1}'
ask 202 -H "$known" -H 'Content-Type: text/plain; charset=utf-8' --data-binary $'ä€😀\n2' "$channel" | has '{"accepted":1}'

ask 401 -H 'Authorization: Bearer unknown' --json 1 "$channel" >"$folder/401"
has 'WWW-Authenticate: Bearer' <"$folder/401"
has 'Content-Type: application/problem+json' <"$folder/401"
ask 401 -u any:unknown --json 1 "$channel" | has '"status":401'
ask 403 -H 'Authorization: Bearer another' --json 1 "$channel" | has '"status":403'
# What `-d` alone sends as a type.
ask 415 -H "$known" -d hello "$channel" | has 'Content-Type of a message is application/json or text/plain'

# One connection, of which curl says that it has opened it once.
for n in $(seq 0 99); do
  [ "$n" = 0 ] || echo next
  printf 'url = "%s"\njson = "%s"\nuser = "any:known"\nsilent\nfail\noutput = /dev/null\nwrite-out = "%%{num_connects} %%{http_code}\\n"\n' \
    "$channel" "$n"
done >"$folder/session"
[ "$(curl --config "$folder/session" | sort | uniq -c | xargs)" = '99 0 202 1 1 202' ]

printf '{"channel":"list","content":1}\n\n{"channel":"list","content":["ä",2]}\n' >"$folder/list"
ask 202 -H "$known" -H 'Content-Type: application/x-ndjson' --data-binary "@$folder/list" "$relay/publish" \
  | has '{"accepted":2,"results":[{"status":202},{"status":202}]}'

# With chunks, and with an expectation of 100-continue, which is heard.
{ printf '["a",'; printf '"ä",'; printf '3]'; } | ask 202 -H "$known" -X POST -T - "$channel" | has 'HTTP/1.1 100 Continue'
long 2000000 | ask 202 -H "$known" -H 'Content-Type: application/json' --data-binary @- "$channel" | has '100 Continue'
# An answer instead of it.
long 6000000 | ask 413 -H "$known" -H 'Content-Type: application/json' --data-binary @- "$channel" | has '"status":413'
long 2000000 | ask 401 -H 'Content-Type: application/json' --data-binary @- "$channel" | has '"status":401'
# The same to a client that expects nothing, and is still sending.
long 6000000 | ask 413 -H "$known" -H Expect: -H 'Content-Type: application/json' --data-binary @- "$channel" | has '"status":413'
long 2000000 | ask 401 -H Expect: -H 'Content-Type: application/json' --data-binary @- "$channel" | has '"status":401'

key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' ')
for _ in first again; do
  ask 202 -H "$known" -H "Idempotency-Key: $key" --json '"once"' "$channel" >"$folder/once"
done
has 'Idempotency-Replayed: true' <"$folder/once"

# An older version, and a path whose letters are not escaped.
ask 202 --http1.0 -H "$known" --json '"last"' "$relay/publish/clients/say%20hello%20ä€" | has '{"accepted":1}'
echo 'the conversation took place'
