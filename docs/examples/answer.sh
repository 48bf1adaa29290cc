#!/usr/bin/env bash
# Waits for the next message and answers it. With curl; Python reads the JSON.
#
#   SWITCHBOARD=http://127.0.0.1:8080 SWITCHBOARD_TOKEN=swb_… ./answer.sh
set -euo pipefail
base=${SWITCHBOARD:-http://127.0.0.1:8080}

call() { # method, path, further arguments of curl
    local method=$1 path=$2
    shift 2
    curl --silent --show-error --fail-with-body --max-time 70 -X "$method" "$base$path" -H 'Content-Type: application/json' \
        ${SWITCHBOARD_TOKEN:+-H "Authorization: Bearer $SWITCHBOARD_TOKEN"} "$@"
}
# Prints what an expression over the answer `a` says.
pick() { python3 -c 'import json, sys; a = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }

after=$(call GET /events | pick 'a["next_after"]')
echo listening
received=
while [ -z "$received" ]; do
    page=$(call GET "/events?after=$after&wait=60")
    after=$(pick 'a["next_after"]' <<<"$page")
    received=$(pick 'next((json.dumps(e["data"]) for e in a["events"] if e["event"] == "message_received"), "")' <<<"$page")
done
conversation=$(pick 'a["conversation"]["id"]' <<<"$received")
body=$(pick 'json.dumps({"text": "You wrote: " + a["message"]["text"]})' <<<"$received")
# The same key for the same answer: sent once, however often this is tried.
key="answer-$(pick 'a["message"]["id"]' <<<"$received")"
message=$(call POST "/conversations/$conversation/reply" -H "Idempotency-Key: $key" -d "$body")
while [ "$(pick 'a["message"]["status"]' <<<"$message")" = pending ]; do
    call GET "/events?after=$after&wait=5" >/dev/null
    message=$(call GET "/messages/$(pick 'a["message"]["id"]' <<<"$message")")
done
pick 'a["message"]["status"]' <<<"$message"
