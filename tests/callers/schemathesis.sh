#!/usr/bin/env bash
# The demo, called by Schemathesis from what /openapi.json says: every call, with what fits and with what does not.
#
#   ./tests/callers/schemathesis.sh [further arguments of `schemathesis run`]
#   SCHEMATHESIS_EXAMPLES=100 ./tests/callers/schemathesis.sh      long
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=target/tmp/schemathesis-venv
if [ ! -x "$venv/bin/schemathesis" ]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check schemathesis==4.32.5
fi
# The program as the tests have it: alone it would be built anew, with fewer features of what it stands on.
program=${SWITCHBOARD_PROGRAM:-target/debug/switchboard}
[ -n "${SWITCHBOARD_PROGRAM:-}" ] || cargo test --workspace --all-features --locked --quiet --no-run --test system

said=$(mktemp)
"$program" demo --listen 127.0.0.1:0 >"$said" 2>"$said.log" &
demo=$!
trap 'kill "$demo" 2>/dev/null || true; rm -f "$said" "$said.log"' EXIT
for _ in $(seq 600); do
    grep -q '^listening on ' "$said" && break
    kill -0 "$demo" || { cat "$said.log"; exit 1; }
    sleep 0.1
done
address=$(sed -n 's/^listening on //p' "$said" | head -1)

# One of the calls makes a token, which locks the service: without one of its own everything behind it would be refused. It is the
# last of a row, for small numbers are tried first, and whoever is asked to end a token would end itself.
token=
for number in $(seq 24); do
    made=$(curl --silent --show-error --fail -X POST "$address/tokens" -H 'Content-Type: application/json' \
        ${token:+-H "Authorization: Bearer $token"} -d "{\"name\": \"caller $number\", \"scope\": \"admin\"}")
    token=$(sed 's/.*"secret":"\([^"]*\)".*/\1/' <<<"$made")
done

# One worker: what Hypothesis remembers of sources is not safe among threads (a KeyError of its own, now and then).
# /ws speaks WebSocket and /message_stream an event stream: neither is for this.
"$venv/bin/schemathesis" --config-file tests/callers/schemathesis.toml run "$address/openapi.json" \
    --header "Authorization: Bearer $token" --phases examples,coverage,fuzzing,stateful --max-examples "${SCHEMATHESIS_EXAMPLES:-3}" --seed 1 --request-timeout 30 --continue-on-failure --workers 1 \
    --exclude-path-regex '^/(ws$|message_stream)' "$@"
! grep -e 'panicked at' -e 'which is not in the description' "$said.log"
