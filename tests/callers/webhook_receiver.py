"""A receiver of webhooks as a stranger writes one: posts are verified by the library of Standard Webhooks alone.

The secret comes on stdin; each post is one line on stdout: "took <event>" or "refused". With the address of the service as a
second argument and a token on the next line of stdin it opens the file of each message with it: "opened <status> <sha256>".
"""

import hashlib
import http.server
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

webhook = Webhook(sys.stdin.readline().strip())
service = sys.argv[2] if len(sys.argv) > 2 else None
token = sys.stdin.readline().strip() if service else None


def opened(address):
    headers = {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(urllib.parse.urljoin(service, address), headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return f"opened {answer.status} {hashlib.sha256(answer.read()).hexdigest()}"
    except urllib.error.HTTPError as error:
        return f"opened {error.code}"


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            webhook.verify(body, dict(self.headers))
        except WebhookVerificationError:
            print("refused", flush=True)
            self.send_response(401)
        else:
            event = json.loads(body)
            print("took", event["event"], flush=True)
            media = (event["data"].get("message") or {}).get("media")
            if service and media:
                print(opened(media["url"]), flush=True)
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
print("ready", flush=True)
server.serve_forever()
