"""A conversation by a client that openapi-python-client made of /openapi.json: waits for a message, answers it once, and sees
that it was sent. The folder of the generated package is the first argument.
"""

import os
import sys

sys.path.insert(0, sys.argv[1])

from switchboard_client import AuthenticatedClient
from switchboard_client.api.accounts import get_accounts
from switchboard_client.api.conversations import get_messages_id, post_conversations_id_reply
from switchboard_client.api.live import get_events
from switchboard_client.models import AccountState, Error, MessageStatus, Reply

client = AuthenticatedClient(base_url=os.environ["SWITCHBOARD"], token=os.environ["SWITCHBOARD_TOKEN"])
accounts = get_accounts.sync(client=client).accounts
assert accounts[0].state == AccountState.ONLINE, accounts[0].state
after = get_events.sync(client=client).next_after
print("listening", flush=True)
asked = None
while asked is None:
    told = get_events.sync(client=client, after=after, wait=4)
    after = told.next_after
    for event in told.events:
        if event.event == "message_received":
            asked = event.data["message"]
key = f"answer-{asked['id']}"
answer = Reply(text=f"You wrote: {asked['text']}")
sent = [
    post_conversations_id_reply.sync(id=asked["conversation_id"], client=client, body=answer, idempotency_key=key).message
    for _ in range(2)
]
assert sent[0].id == sent[1].id, "it was sent twice"
now = sent[0]
while now.status == MessageStatus.PENDING:
    now = get_messages_id.sync(client=client, id=now.id).message
missing = get_messages_id.sync(client=client, id=987654321)
assert isinstance(missing, Error) and missing.error.code == "message_not_found", missing
print(now.status.value, flush=True)
