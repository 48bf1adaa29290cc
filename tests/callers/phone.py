"""A caller of the licence integration, written as one of the old system's would be: the standard library, and
nothing about the service that the description does not say."""

import json
import sys
import urllib.error
import urllib.request

BASE, LICENCE, PHONE = sys.argv[1:4]


def call(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{BASE}/api/integrations/telegram-phone/{path}", data=data, method=method)
    request.add_header("Content-Type", "application/json")
    request.add_header("X-License-Key", LICENCE)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def code():
    """The person reads the code in Telegram and types it."""
    print("code?", flush=True)
    return sys.stdin.readline().strip()


assert call("GET", "config") == (200, {"config": None})
status, started = call("POST", "start", {"phone_number": PHONE})
assert (status, started["success"], started["phone_number"]) == (200, True, PHONE), started
answer = {"phone_number": PHONE, "code": code(), "session_id": started["session_id"]}
status, verified = call("POST", "verify", {**answer, "code": "00000"})
assert (status, verified["success"], verified["code"]) == (422, False, "wrong_code"), verified
status, verified = call("POST", "verify", answer)
assert status == 200 and verified["success"] and verified["user"]["phone"] == PHONE, verified
assert call("POST", "test")[1]["user"]["id"] == verified["user"]["id"]
config = call("GET", "config")[1]["config"]
assert config["id"] == verified["config_id"] and config["is_active"] is True, config
assert call("POST", "disconnect")[1]["success"] is True
assert call("GET", "config")[1] == {"config": None}
print("done", flush=True)
