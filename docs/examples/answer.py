"""Waits for the next message and answers it. Python 3.9 or newer, nothing to install.

SWITCHBOARD=http://127.0.0.1:8080 SWITCHBOARD_TOKEN=swb_… python3 answer.py
"""

import json
import os
import urllib.request

BASE = os.environ.get("SWITCHBOARD", "http://127.0.0.1:8080")
TOKEN = os.environ.get("SWITCHBOARD_TOKEN")


def call(method, path, body=None, key=None):
    headers = {"Content-Type": "application/json"}
    if TOKEN:
        headers["Authorization"] = f"Bearer {TOKEN}"
    if key:
        headers["Idempotency-Key"] = key
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=70) as answer:
        return json.load(answer)


after = call("GET", "/events")["next_after"]
print("listening", flush=True)
while True:
    page = call("GET", f"/events?after={after}&wait=60")
    after = page["next_after"]
    for event in page["events"]:
        if event["event"] != "message_received":
            continue
        data = event["data"]
        text = f"You wrote: {data['message']['text']}"
        # The same key for the same answer: sent once, however often this is tried.
        key = f"answer-{data['message']['id']}"
        path = f"/conversations/{data['conversation']['id']}/reply"
        message = call("POST", path, {"text": text}, key)["message"]
        while message["status"] == "pending":
            call("GET", f"/events?after={after}&wait=5")
            message = call("GET", f"/messages/{message['id']}")["message"]
        print(message["status"], flush=True)
        raise SystemExit(message["status"] != "sent")
