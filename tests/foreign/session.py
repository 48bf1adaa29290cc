"""Session: the messages of one client session, as https://core.telegram.org/mtproto/description and its pages on service
messages describe them: ids, sequence numbers, salts, containers, acknowledgements.

It packs what waits into one container, acknowledges apart from its answers or together with them by turns, and packs long
answers. Service messages are `mtproto`'s. What a client does against the description is written down, not forgiven.
"""

import secrets
from collections import Counter, deque
from io import BytesIO

from mtproto.session.service_messages.bad_msg_notification import BadMsgNotification
from mtproto.session.service_messages.bad_server_salt import BadServerSalt
from mtproto.session.service_messages.future_salt import FutureSalt
from mtproto.session.service_messages.future_salts import FutureSalts
from mtproto.session.service_messages.get_future_salts import GetFutureSalts
from mtproto.session.service_messages.message import Message
from mtproto.session.service_messages.msg_container import MsgContainer
from mtproto.session.service_messages.msgs_ack import MsgsAck
from mtproto.session.service_messages.new_session_created import NewSessionCreated
from telethon.tl import types
from telethon.tl.core import GzipPacked

import clock
import tl

SALT_LIFE = 30 * 60
# How many of a client's messages are remembered.
REMEMBERED = 400
GZIP_PACKED = GzipPacked.CONSTRUCTOR_ID.to_bytes(4, "little")


class Wire:
    """What was seen on all lines: how often, and what was wrong."""

    def __init__(self):
        self.counts = Counter()
        self.wrong = []

    def saw(self, what, times=1):
        self.counts[what] += times

    def refused(self):
        return self.counts["bad_msg_notification_17"]


class Key:
    """An auth key: its salts, its sessions, and who is signed in with it."""

    def __init__(self, data):
        self.data = data
        self.account = None
        # Whose code was right, while the password is asked for.
        self.half_signed_in = None
        self.sessions = {}
        self.change_salt()

    def change_salt(self):
        """From now on; what was a salt before is none any more."""
        self.salts = [secrets.randbits(63) for _ in range(4)]
        self.salts_since = int(clock.now())

    def salt(self):
        place = (int(clock.now()) - self.salts_since) // SALT_LIFE
        return self.salts[min(place, len(self.salts) - 1)]

    def future_salts(self, request_id, count):
        salts = [
            FutureSalt(
                self.salts_since + place * SALT_LIFE,
                self.salts_since + (place + 2) * SALT_LIFE,
                salt,
            )
            for place, salt in enumerate(self.salts)
        ]
        now = int(clock.now())
        current = [salt for salt in salts if salt.valid_until > now]
        return FutureSalts(request_id, now, current[:count])


class Session:
    def __init__(self, key, session_id, wire):
        self.key = key
        self.id = session_id
        self.wire = wire
        self.line = None
        self.unique_id = secrets.randbits(63)
        self.introduced = False
        self.received = deque(maxlen=REMEMBERED)
        self.to_acknowledge = []
        self.waiting = []
        # What the client has to acknowledge.
        self.unacknowledged = {}
        self._last_id = 0
        self._content_sent = 0
        self._turn = 0

    # What comes in.

    def take(self, salt, message_id, seq_no, body):
        """The calls in one message: (message id, bytes) each."""
        wrong_clock = self._wrong_clock(message_id)
        if wrong_clock:
            self._notify_bad(message_id, seq_no, wrong_clock)
            return []
        if int.from_bytes(salt, "little", signed=True) != self.key.salt():
            self.wire.saw("bad_server_salt")
            bad = BadServerSalt(
                bad_msg_id=message_id,
                bad_msg_seqno=seq_no,
                error_code=48,
                new_server_salt=self.key.salt(),
            )
            self._queue(bad.write(), answers=True)
            return []
        if not self.introduced:
            self._introduce(message_id)
        if body[:4] == MsgContainer.__tl_id_bytes__:
            return self._open_container(message_id, seq_no, body)
        return self._one(message_id, seq_no, body)

    def _wrong_clock(self, message_id):
        if message_id % 4:
            return 18
        seconds = message_id >> 32
        if seconds < clock.now() - 300:
            return 16
        return 17 if seconds > clock.now() + 30 else None

    def _introduce(self, message_id):
        """A session that the server does not know (any more): the client has to be told."""
        self.introduced = True
        self.wire.saw("new_session_created")
        created = NewSessionCreated(
            first_msg_id=message_id, unique_id=self.unique_id, server_salt=self.key.salt()
        )
        self._queue(created.write(), content=True)

    def _open_container(self, container_id, seq_no, body):
        self.wire.saw("containers_received")
        calls = []
        for message in MsgContainer.read(BytesIO(body)).messages:
            if message.message_id >= container_id:
                self.wire.wrong.append("a message in a container is younger than the container")
            if message.body[:4] == MsgContainer.__tl_id_bytes__:
                self.wire.wrong.append("a container in a container")
            calls += self._one(message.message_id, message.seq_no, message.body)
        self._check_order(container_id, seq_no, content=False)
        return calls

    def _one(self, message_id, seq_no, body):
        kind = body[:4]
        is_ack = kind == MsgsAck.__tl_id_bytes__
        self._check_order(message_id, seq_no, content=not is_ack)
        if is_ack:
            self.wire.saw("acks_received")
            for known in MsgsAck.read(BytesIO(body)).msg_ids:
                self.unacknowledged.pop(known, None)
            return []
        if kind == GZIP_PACKED:
            self.wire.saw("gzip_received")
        self.to_acknowledge.append(message_id)
        if kind == GetFutureSalts.__tl_id_bytes__:
            self.wire.saw("get_future_salts")
            count = GetFutureSalts.read(BytesIO(body)).num
            self._queue(self.key.future_salts(message_id, count).write(), answers=True)
            return []
        return [(message_id, body)]

    def _check_order(self, message_id, seq_no, content):
        """Error codes 32 to 35 of bad_msg_notification, for the record: a client that is right causes none."""
        if (seq_no & 1) != content:
            self.wire.wrong.append(f"sequence number {seq_no} of {'a' if content else 'no'} call")
        for known_id, known_seq_no in self.received:
            if known_id == message_id:
                self.wire.wrong.append("a message id came twice")
            same = seq_no == known_seq_no and seq_no & 1
            if known_id < message_id and (seq_no < known_seq_no or same):
                self.wire.wrong.append(f"sequence number {seq_no} after {known_seq_no}")
            if known_id > message_id and (seq_no > known_seq_no or same):
                self.wire.wrong.append(f"sequence number {seq_no} before {known_seq_no}")
        self.received.append((message_id, seq_no))

    def _notify_bad(self, message_id, seq_no, code):
        self.wire.saw(f"bad_msg_notification_{code}")
        bad = BadMsgNotification(bad_msg_id=message_id, bad_msg_seqno=seq_no, error_code=code)
        self._queue(bad.write(), answers=True)

    # What goes out.

    def answer_call(self, message_id, answer):
        body = tl.write(answer)
        short = tl.packed(body)
        if short:
            self.wire.saw("gzip_packed")
        self._queue(tl.rpc_result(message_id, short or body), content=True, answers=True)

    def answer_ping(self, message_id, ping_id):
        self.wire.saw("pongs")
        self._queue(bytes(types.Pong(message_id, ping_id)), answers=True)

    def push(self, updates):
        self._queue(bytes(updates), content=True)

    def repeat(self):
        """What was not acknowledged goes out again, as it was."""
        self.wire.saw("repeated", len(self.unacknowledged))
        self.waiting += self.unacknowledged.values()

    def _queue(self, body, content=False, answers=False):
        message = Message(self._next_id(answers), self._next_seq_no(content), body)
        if content:
            self.unacknowledged[message.message_id] = message
        self.waiting.append(message)

    def _next_id(self, answers):
        self._last_id = clock.message_id(self._last_id, answers)
        return self._last_id

    def _next_seq_no(self, content):
        seq_no = 2 * self._content_sent + content
        self._content_sent += content
        return seq_no

    def packets(self):
        """All that waits, as the (message id, sequence number, body) of as few packets as may be."""
        out = []
        if self.to_acknowledge:
            ids, self.to_acknowledge = self.to_acknowledge, []
            self._turn += 1
            self._queue(MsgsAck(ids).write())
            if self._turn % 2:
                self.wire.saw("acks_apart")
                out.append(self.waiting.pop())
        if len(self.waiting) == 1:
            out.append(self.waiting[0])
        elif self.waiting:
            self.wire.saw("containers_sent")
            body = MsgContainer(self.waiting).write()
            out.append(Message(self._next_id(False), self._next_seq_no(False), body))
        self.waiting = []
        return out
