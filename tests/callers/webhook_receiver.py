"""A receiver of webhooks as a stranger writes one: posts are verified by the library of Standard Webhooks alone.

The secret comes on stdin; each post is one line on stdout: "took <event>" or "refused".
"""

import http.server
import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

webhook = Webhook(sys.stdin.readline().strip())


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            webhook.verify(body, dict(self.headers))
        except WebhookVerificationError:
            print("refused", flush=True)
            self.send_response(401)
        else:
            print("took", json.loads(body)["event"], flush=True)
            self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
print("ready", flush=True)
server.serve_forever()
