#!/usr/bin/env bash
# The demo, called by Schemathesis from what /openapi.json says: every call, with what fits and with what does not.
#
#   ./tests/callers/schemathesis.sh [further arguments of `schemathesis run`]
set -euo pipefail
cd "$(dirname "$0")/../.."

venv=target/tmp/schemathesis-venv
if [ ! -x "$venv/bin/schemathesis" ]; then
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check schemathesis==4.32.5
fi
cargo build --locked --quiet

said=$(mktemp)
target/debug/switchboard demo --listen 127.0.0.1:0 >"$said" 2>"$said.log" &
demo=$!
trap 'kill "$demo" 2>/dev/null || true; rm -f "$said" "$said.log"' EXIT
for _ in $(seq 600); do
    grep -q '^listening on ' "$said" && break
    kill -0 "$demo" || { cat "$said.log"; exit 1; }
    sleep 0.1
done
address=$(sed -n 's/^listening on //p' "$said" | head -1)

# /ws speaks WebSocket and /message_stream an event stream: neither is for this.
"$venv/bin/schemathesis" --config-file tests/callers/schemathesis.toml run "$address/openapi.json" \
    --phases examples,coverage --seed 1 --request-timeout 30 --continue-on-failure --workers 2 \
    --exclude-path-regex '^/(ws$|message_stream)' "$@"
! grep 'panicked at' "$said.log"
