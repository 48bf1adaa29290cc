"""Channels: supergroups and broadcast channels, each with numbers and a log (pts) of its own that all members share."""

import hashlib
from dataclasses import dataclass, field

from telethon.tl import types

import clock

# More than this many events come in parts.
PART = 7


@dataclass
class Step:
    pts: int
    count: int
    update: object
    message_id: int | None = None


@dataclass
class Channel:
    id: int
    title: str
    members: list
    broadcast: bool
    pts: int = 1
    last_message_id: int = 0
    messages: dict = field(default_factory=dict)
    log: list = field(default_factory=list)
    read_up_to: dict = field(default_factory=dict)

    def access_hash(self, account):
        digest = hashlib.sha256(f"{account.id} sees channel {self.id}".encode()).digest()
        return int.from_bytes(digest[:8], "little", signed=True)

    def seen_by(self, _world, account):
        return types.Channel(
            id=self.id,
            title=self.title,
            photo=types.ChatPhotoEmpty(),
            date=1_700_000_000,
            access_hash=self.access_hash(account),
            broadcast=self.broadcast,
            megagroup=not self.broadcast,
            creator=self.members[0] == account.id,
            left=account.id not in self.members,
        )

    def _step(self, make, count=1, message_id=None):
        self.pts += count
        step = Step(self.pts, count, make(self.pts, count), message_id)
        self.log.append(step)
        return step

    def write(self, sender, text):
        self.last_message_id += 1
        number = self.last_message_id
        message = types.Message(
            id=number,
            peer_id=types.PeerChannel(self.id),
            from_id=None if self.broadcast else types.PeerUser(sender),
            date=int(clock.now()),
            message=text,
            post=self.broadcast,
        )
        message.sent_by = sender
        self.messages[number] = message
        return self._step(lambda pts, count: types.UpdateNewChannelMessage(message, pts, count), message_id=number)

    def for_account(self, account, message):
        """The same object for all, but for who wrote it."""
        message.out = message.sent_by == account.id
        return message

    def edit(self, number, text):
        message = self.messages[number]
        message.message, message.edit_date = text, int(clock.now())
        return self._step(lambda pts, count: types.UpdateEditChannelMessage(message, pts, count))

    def delete(self, numbers):
        for number in numbers:
            del self.messages[number]
        return self._step(lambda pts, count: types.UpdateDeleteChannelMessages(self.id, numbers, pts, count), len(numbers))

    def chat(self):
        return sorted(self.messages.values(), key=lambda one: one.id, reverse=True)

    def unread(self, account):
        read = self.read_up_to.get(account.id, 0)
        return sum(1 for one in self.messages.values() if one.id > read and one.sent_by != account.id)

    def read(self, account, up_to):
        self.read_up_to[account.id] = max(self.read_up_to.get(account.id, 0), up_to or self.last_message_id)

    def difference(self, world, account, pts):
        missed = [step for step in self.log if step.pts > pts]
        if not missed:
            return types.updates.ChannelDifferenceEmpty(pts=self.pts, final=True, timeout=30)
        part = missed[:PART]
        numbers = [step.message_id for step in part if step.message_id in self.messages]
        messages = [self.for_account(account, self.messages[number]) for number in numbers]
        return types.updates.ChannelDifference(
            pts=part[-1].pts,
            new_messages=messages,
            other_updates=[step.update for step in part if step.message_id is None],
            chats=[self.seen_by(world, account)],
            users=world.users_of(account, messages),
            final=len(part) == len(missed),
            timeout=30,
        )
