"""Line: one client's connection. Frames and message encryption are `mtproto`'s; the key exchange and sessions hang on it."""

import asyncio
from hashlib import sha256

from mtproto.enums import ConnectionRole
from mtproto.transport import Connection
from mtproto.transport.packets import (
    DecryptedMessagePacket,
    EncryptedMessagePacket,
    ErrorPacket,
    UnencryptedMessagePacket,
)
from telethon.tl import functions, types

import clock
import tl
from key_exchange import Broken, KeyExchange

PINGS = (functions.PingRequest, functions.PingDelayDisconnectRequest)
# How long a line may be silent, until it says itself how long (ping_delay_disconnect).
PATIENCE = 10 * 60


class Cut(Exception):
    """The line ends here, with nothing more said."""


class Line:
    def __init__(self, server, reader, writer):
        self.server = server
        self.reader, self.writer = reader, writer
        self.wire = Connection(ConnectionRole.SERVER)
        self.exchange = None
        self.session = None
        self.patience = PATIENCE
        self.pause = 0
        self.last_plain_id = 0

    async def run(self):
        try:
            while True:
                data = await asyncio.wait_for(self.reader.read(65536), self.patience)
                if not data:
                    break
                self.wire.data_received(data)
                while (packet := self.wire.next_event()) is not None:
                    self._take(packet)
                await self.writer.drain()
                # A client that repeats itself is not hurried.
                await asyncio.sleep(self.pause)
        except (Cut, ConnectionError, TimeoutError):
            pass
        except Broken as broken:
            self.server.wire.wrong.append(f"key exchange: {broken}")
        finally:
            self.cut()

    def cut(self):
        self.server.lines.discard(self)
        if self.session and self.session.line is self:
            self.session.line = None
        self.writer.transport.abort()

    def _take(self, packet):
        self.server.wire.saw(f"transport_{self.wire.transport_type.value}")
        if isinstance(packet, UnencryptedMessagePacket):
            self._take_plain(packet)
        elif isinstance(packet, EncryptedMessagePacket):
            self._take_sealed(packet)
        else:
            self.server.wire.wrong.append(f"a packet that is no message: {packet!r}")
            raise Cut

    def _take_plain(self, packet):
        if self.exchange is None:
            self.exchange = KeyExchange(self.server.rsa, self.server.wants_retry)
        answer = bytes(self.exchange.answer(packet.message_data))
        if self.exchange.made:
            self.server.add_key(self.exchange.made)
            self.exchange = None
        self.last_plain_id = clock.message_id(self.last_plain_id, answers=True)
        self._send(UnencryptedMessagePacket(self.last_plain_id, answer))

    def _take_sealed(self, packet):
        key = self.server.keys.get(packet.auth_key_id)
        if key is None:
            self.server.wire.saw("unknown_keys")
            self._send(ErrorPacket(404))
            raise Cut
        opened = packet.decrypt(key.data, ConnectionRole.CLIENT)
        self._check_seal(key, packet, opened)
        self.session = self.server.session(key, opened.session_id)
        self.session.line = self
        refused = self.server.wire.refused()
        calls = self.session.take(opened.salt, opened.message_id, opened.seq_no, opened.data)
        self.pause = 0.02 if self.server.wire.refused() > refused else 0
        for message_id, body in calls:
            self._call(message_id, body)
        self.flush()

    def _check_seal(self, key, packet, opened):
        """The library opens without looking at the message key; the description wants it looked at."""
        whole = opened.salt + b"".join(
            number.to_bytes(size, "little", signed=True)
            for number, size in [
                (opened.session_id, 8),
                (opened.message_id, 8),
                (opened.seq_no, 4),
                (len(opened.data), 4),
            ]
        )
        whole += opened.data + opened.padding
        digest = sha256(key.data[88:120] + whole).digest()
        if digest[8:24] != packet.message_key:
            self.server.wire.wrong.append("another msg_key")
            raise Cut
        if not 12 <= len(opened.padding) <= 1024:
            self.server.wire.wrong.append(f"{len(opened.padding)} bytes of padding")

    def _call(self, message_id, body):
        session = self.session
        request, method = self.server.read_call(body)
        if isinstance(request, PINGS):
            if isinstance(request, functions.PingDelayDisconnectRequest):
                self.patience = request.disconnect_delay
            session.answer_ping(message_id, request.ping_id)
            return
        answer = self.server.answer(session, request, method)
        fate = self.server.fate_of(method)
        if fate == "lose":
            raise Cut
        if fate == "hold":
            self.server.held.append((session, message_id, answer))
            return
        if fate == "busy":
            # What Telegram says while the first call with this random id is still under way.
            answer = types.RpcError(500, "RANDOM_ID_DUPLICATE")
        session.answer_call(message_id, answer)

    def flush(self):
        for message in self.session.packets():
            key = self.session.key
            plain = DecryptedMessagePacket(
                salt=key.salt().to_bytes(8, "little", signed=True),
                session_id=self.session.id,
                message_id=message.message_id,
                seq_no=message.seq_no,
                data=message.body,
            )
            self._send(plain.encrypt(key.data, ConnectionRole.SERVER))

    def _send(self, packet):
        self.writer.write(self.wire.send(packet))
