"""A second Telegram for the tests, which shares nothing with `simulator/`: another reading of the same descriptions.

Frames, message encryption and service messages are PyPI's `mtproto`, the types of layer 229 Telethon's (the same ones as
layer 230's wherever the service calls), RSA is `cryptography`'s. The world behind it is small and written here, from
Telegram's public descriptions. It is no Telegram for people: nothing is kept, and one account's chats are all there is.

The first line on stdout is the port, the public key and no more; after it, each line on stdin is an order, answered by a
line. It ends with its stdin.
"""

import asyncio
import json
import secrets
import sys
from hashlib import sha1

from telethon.errors import TypeNotFoundError
from telethon.tl import functions, types

import clock
import tl
from calls import Caller, Refused, Unknown, answer
import sign_in  # noqa: F401: its calls are answered too
from key_exchange import ServerKey
from line import Line
from password import Password
from session import Key, Session, Wire
from world import World

HOST = "127.0.0.1"
# They say how a call is meant; the call is inside.
WRAPPERS = (functions.InvokeWithLayerRequest, functions.InitConnectionRequest)


class Server:
    def __init__(self):
        self.rsa = ServerKey()
        self.world = World()
        self.wire = Wire()
        self.keys = {}
        self.lines = set()
        self.calls = []
        self.unknown = []
        self.layers = set()
        self.exchanges = 0
        self.fates = {}
        self.held = []
        self.away = False

    async def listen(self):
        self.listener = await asyncio.start_server(self._welcome, HOST, 0)
        self.address = self.listener.sockets[0].getsockname()

    async def _welcome(self, reader, writer):
        line = Line(self, reader, writer)
        if self.away:
            line.cut()
            return
        self.lines.add(line)
        await line.run()

    # What lines ask.

    def wants_retry(self):
        """Once in a server's life, an exchange has to be repeated."""
        if self.wire.counts["dh_gen_retry"]:
            return False
        self.wire.saw("dh_gen_retry")
        return True

    def add_key(self, data):
        self.exchanges += 1
        name = int.from_bytes(sha1(data).digest()[-8:], "little", signed=True)
        self.keys[name] = Key(data)

    def session(self, key, session_id):
        if session_id not in key.sessions:
            key.sessions[session_id] = Session(key, session_id, self.wire)
        return key.sessions[session_id]

    def read_call(self, body):
        """A call and its name, out of what says how it is meant. Bytes that nobody knows are a call, too."""
        try:
            request = tl.read(body)
        except TypeNotFoundError as error:
            return None, f"{error.invalid_constructor_id:#010x}"
        while isinstance(request, WRAPPERS):
            if isinstance(request, functions.InvokeWithLayerRequest):
                self.layers.add(request.layer)
            request = request.query
        return request, tl.name_of(request)

    def answer(self, session, request, method):
        self.calls.append(method)
        caller = Caller(self.world, session.key, self.address, self.keys.values())
        try:
            result = answer(request, caller)
        except Unknown as refused:
            self.unknown.append(method)
            return types.RpcError(refused.code, refused.name)
        except Refused as refused:
            return types.RpcError(refused.code, refused.name)
        for account, event in caller.news:
            self.tell(account, event, "full", besides=session)
        return result

    def fate_of(self, method):
        fates = self.fates.get(method)
        return fates.pop(0) if fates else None

    # What happens in the world.

    def tell(self, account, event, shape, besides=None):
        if shape == "untold":
            return
        updates = self.shaped(account, event, shape)
        for session in self.sessions_of(account):
            if session is not besides and session.line:
                session.push(updates)
                session.line.flush()

    def sessions_of(self, account):
        keys = [key for key in self.keys.values() if key.account is account]
        return [session for key in keys for session in key.sessions.values()]

    def shaped(self, account, event, shape):
        """The ways in which Telegram tells the same thing."""
        date = account.state().date
        message = getattr(event.update, "message", None)
        if hasattr(message, "sent_by"):
            message.out = message.sent_by == account.id
        users = self.world.users_of(account, [message]) if message else []
        chats = self.world.chats_of(account, [message]) if message else []
        if shape == "short_message":
            return types.UpdateShortMessage(
                id=message.id,
                user_id=message.peer_id.user_id,
                message=message.message,
                pts=event.pts,
                pts_count=event.count,
                date=message.date,
                out=message.out,
            )
        if shape == "short":
            # For what needs nobody's name.
            assert not users
            return types.UpdateShort(event.update, date)
        if shape == "combined":
            return types.UpdatesCombined([event.update], users, chats, date, 0, 0)
        return types.Updates([event.update], users, chats, date, 0)

    # Orders of the test.

    def order(self, do, phone=None, **more):
        account = self.world.account(phone) if phone else None
        return getattr(self, f"_{do}")(account, **more)

    def _add_account(self, _nobody, number, first_name, password=None):
        kept = Password(password, "the usual one") if password else None
        return self.world.add_account(number, first_name, kept).id

    def _new_key(self, _nobody):
        """A key as if from an exchange, for clients that make one in the old way; in hexadecimal."""
        data = secrets.token_bytes(256)
        self.add_key(data)
        return data.hex()

    def _person(self, _nobody, name):
        return self.world.person(name)

    def _code(self, account):
        return account.code

    def _say(self, account, person, text, shape="full", out=False):
        event = self.world.write(account, self.world.person(person), text, out)
        self.tell(account, event, shape)
        return event.message_id

    def _forget_random_ids(self, account):
        self.world.forget_random_ids(account)

    def _members(self, phones, people=()):
        accounts = [self.world.account(phone).id for phone in phones]
        return accounts + [self.world.person(name) for name in people]

    def _add_group(self, _nobody, title, phones, people=()):
        return -self.world.add_group(title, self._members(phones, people)).id

    def _add_channel(self, _nobody, title, phones, people=(), broadcast=False):
        """The first one made it. Answers its marked id."""
        channel = self.world.add_channel(title, self._members(phones, people), broadcast)
        return -1_000_000_000_000 - channel.id

    def _say_in(self, _nobody, chat, person, text, shape="full"):
        """Somebody writes in a group or a channel; each account that is in it is told."""
        world, who = self.world, self.world.person(person)
        if chat < -1_000_000_000_000:
            channel = world.channels[-1_000_000_000_000 - chat]
            event = channel.write(who, text)
            told = [(world.account_of(one), event) for one in channel.members]
        else:
            group = world.groups[-chat]
            peer, members = types.PeerChat(group.id), map(world.account_of, group.members)
            told = [(one, world.write(one, peer, text, sender=who)) for one in members if one]
        for account, event in told:
            if account:
                self.tell(account, event, shape)
        return told[0][1].message_id

    def _change_in(self, _nobody, chat, edit, text, delete):
        """An edit and a deletion in a channel, which nobody is told of."""
        channel = self.world.channels[-1_000_000_000_000 - chat]
        channel.edit(edit, text)
        channel.delete([delete])

    def _channel_seen(self, _nobody, chat):
        channel = self.world.channels[-1_000_000_000_000 - chat]
        return [f"{number} {one.message}" for number, one in sorted(channel.messages.items())]

    def _say_at_once(self, account, person, texts):
        """Several in one container."""
        events = [self.world.write(account, self.world.person(person), text) for text in texts]
        for session in filter(lambda one: one.line, self.sessions_of(account)):
            for event in events:
                session.push(self.shaped(account, event, "full"))
            session.line.flush()
        return [event.message_id for event in events]

    def _edit(self, account, message, text, shape="full"):
        self.tell(account, self.world.edit(account, message, text), shape)

    def _delete(self, account, messages, shape="full"):
        self.tell(account, self.world.delete(account, messages), shape)

    def _cut(self, _nobody):
        for line in list(self.lines):
            line.cut()

    def _away(self, _nobody, away):
        """Nobody is let in while it is away."""
        self.away = away
        if away:
            self._cut(None)

    def _fates(self, _nobody, method, fates):
        """What becomes of the next answers of a method, one after another."""
        self.fates[method] = fates

    def _release(self, _nobody):
        """Answers what was held, on the line that waits for it."""
        held, self.held = self.held, []
        for session, message_id, answer in held:
            if session.line:
                session.answer_call(message_id, answer)
                session.line.flush()
        return len(held)

    def _change_salts(self, account):
        for key in self.keys.values():
            if key.account is account:
                key.change_salt()

    def _forget_sessions(self, account):
        """As after a restart of the server: keys stay, sessions do not."""
        for key in self.keys.values():
            if key.account is account:
                key.sessions.clear()

    def _set_clock(self, _nobody, ahead):
        clock.set_ahead(ahead)

    def _repeat(self, account):
        """As a server does that heard of no acknowledgement for a while."""
        for session in self.sessions_of(account):
            if session.line:
                session.repeat()
                session.line.flush()

    def _seen(self, account):
        """Everything the test wants to know."""
        sessions = [one for one in self.sessions_of(account) if one.line]
        return {
            "attempts": account.attempts,
            "messages": {
                number: {"text": one.message, "out": one.out}
                for number, one in sorted(account.messages.items())
            },
            "pts": account.pts,
            "calls": {name: self.calls.count(name) for name in sorted(set(self.calls))},
            "unknown": self.unknown,
            "layers": sorted(self.layers),
            "exchanges": self.exchanges,
            "keys": len([key for key in self.keys.values() if key.account is account]),
            "held": len(self.held),
            "lines": len(self.lines),
            "unacknowledged": sum(len(one.unacknowledged) for one in sessions),
            "wire": self.wire.counts,
            "wrong": self.wire.wrong,
        }


async def main():
    server = Server()
    await server.listen()
    print(json.dumps({"port": server.address[1], "key": server.rsa.pem}), flush=True)
    orders = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(orders)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while order := await orders.readline():
        print(json.dumps({"done": server.order(**json.loads(order))}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
