"""World: accounts, the people who write to them, private chats, and each account's log of what happened (pts).

Accounts write to each other, too, and in basic groups; supergroups and channels are in `channels.py`. Small on purpose: no
media, no secret chats.
"""

import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from telethon.tl import types

import clock
from channels import Channel

# More than this many events come in slices.
SLICE = 7


@dataclass
class Event:
    """One step of an account's log. It covers `count` places up to `pts`."""

    pts: int
    count: int
    update: object
    message_id: int | None = None


@dataclass
class Account:
    id: int
    phone: str
    first_name: str
    password: object = None
    code: str | None = None
    code_hash: str | None = None
    pts: int = 1
    last_message_id: int = 0
    messages: dict = field(default_factory=dict)
    deleted: set = field(default_factory=set)
    log: list = field(default_factory=list)
    read_up_to: dict = field(default_factory=dict)
    # (place, random id) -> message.
    sent: dict = field(default_factory=dict)
    # Every messages.sendMessage that came: random id and text.
    attempts: list = field(default_factory=list)

    def step(self, make, count=1, message_id=None):
        """The next step of the log; `make` gets its pts and its count."""
        self.pts += count
        event = Event(self.pts, count, make(self.pts, count), message_id)
        self.log.append(event)
        return event

    def state(self, pts=None):
        unread = sum(self.unread(person) for person in self.people())
        now = int(clock.now())
        return types.updates.State(self.pts if pts is None else pts, 0, now, 0, unread)

    def chat(self, peer):
        """With one person (a number) or in a group (its peer), newest first."""
        peer = types.PeerUser(peer) if isinstance(peer, int) else peer
        ours = [one for one in self.messages.values() if one.peer_id == peer]
        return sorted(ours, key=lambda one: one.id, reverse=True)

    def people(self):
        peers = [one.peer_id for one in self.messages.values()]
        return {peer.user_id for peer in peers if isinstance(peer, types.PeerUser)}

    def groups(self):
        peers = [one.peer_id for one in self.messages.values()]
        return {peer.chat_id for peer in peers if isinstance(peer, types.PeerChat)}

    def unread(self, person):
        read = self.read_up_to.get(str(person), 0)
        return sum(1 for one in self.chat(person) if not one.out and one.id > read)


@dataclass
class Group:
    id: int
    title: str
    members: list


class World:
    def __init__(self):
        self.accounts = {}
        self.people = {}
        self.groups = {}
        self.channels = {}
        # (account, place, its number) -> the same message at everybody who has it.
        self.copies = {}
        self._last_user = 7_000_000
        self._last_chat = 4_000

    def _user_id(self):
        self._last_user += 11
        return self._last_user

    def add_account(self, phone, first_name, password=None):
        digits = "".join(filter(str.isdigit, phone))
        account = Account(self._user_id(), digits, first_name, password)
        self.accounts[digits] = account
        return account

    def account_of(self, user):
        return next((one for one in self.accounts.values() if one.id == user), None)

    def knows(self, user):
        return user in self.people or self.account_of(user) is not None

    def _chat_id(self):
        self._last_chat += 7
        return self._last_chat

    def add_group(self, title, members):
        group = Group(self._chat_id(), title, members)
        self.groups[group.id] = group
        return group

    def add_channel(self, title, members, broadcast):
        channel = Channel(self._chat_id() + 1_000_000, title, members, broadcast)
        self.channels[channel.id] = channel
        return channel

    def chat(self, group):
        return types.Chat(
            id=group.id,
            title=group.title,
            photo=types.ChatPhotoEmpty(),
            participants_count=len(group.members),
            date=int(clock.now()),
            version=1,
        )

    def chats_of(self, account, messages):
        """Groups that messages lie in, as an account sees them."""
        peers = [one.peer_id for one in messages]
        groups = {peer.chat_id for peer in peers if isinstance(peer, types.PeerChat)}
        channels = {peer.channel_id for peer in peers if isinstance(peer, types.PeerChannel)}
        found = [self.chat(self.groups[group]) for group in sorted(groups)]
        return found + [self.channels[one].seen_by(self, account) for one in sorted(channels)]

    def account(self, phone):
        return self.accounts.get("".join(filter(str.isdigit, phone)))

    def person(self, name):
        for person, known in self.people.items():
            if known == name:
                return person
        person = self._user_id()
        self.people[person] = name
        return person

    def access_hash(self, account, person):
        """Each account has another one of each person."""
        digest = sha256(f"{account.id} sees {person}".encode()).digest()
        return int.from_bytes(digest[:8], "little", signed=True)

    def user(self, account, person):
        if person == account.id:
            return self.oneself(account)
        return types.User(
            id=person,
            access_hash=self.access_hash(account, person),
            first_name=self.people.get(person) or self.account_of(person).first_name,
            status=types.UserStatusRecently(),
        )

    def oneself(self, account):
        return types.User(
            id=account.id,
            is_self=True,
            access_hash=self.access_hash(account, account.id),
            first_name=account.first_name,
            phone=account.phone,
            status=types.UserStatusEmpty(),
        )

    # What happens.

    def write(self, account, person, text, out=False, sender=None):
        account.last_message_id += 1
        number = account.last_message_id
        message = types.Message(
            id=number,
            peer_id=types.PeerUser(person) if isinstance(person, int) else person,
            from_id=types.PeerUser(sender) if sender else None,
            date=int(clock.now()),
            message=text,
            out=out,
        )
        account.messages[number] = message
        return account.step(
            lambda pts, count: types.UpdateNewMessage(message, pts, count), message_id=number
        )

    def send(self, account, peer, random_id, text):
        """What a client sends: once, as long as its random id is known. What happened at whom, or the message that it was already."""
        account.attempts.append({"random_id": str(random_id), "text": text})
        place = str(peer)
        known = account.sent.get((place, random_id))
        if known is not None:
            return [], known
        if isinstance(peer, types.PeerChannel):
            channel = self.channels[peer.channel_id]
            event = channel.write(account.id, text)
            happened = [(self.account_of(one), event) for one in channel.members if self.account_of(one)]
            happened.sort(key=lambda one: one[0] is not account)
        elif isinstance(peer, types.PeerChat):
            members = [self.account_of(one) for one in self.groups[peer.chat_id].members]
            members = [one for one in members if one and one is not account]
            own = self.write(account, peer, text, out=True, sender=account.id)
            happened = [(account, own)]
            happened += [(one, self.write(one, peer, text, sender=account.id)) for one in members]
        else:
            happened = [(account, self.write(account, peer.user_id, text, out=True))]
            other = self.account_of(peer.user_id)
            if other and other is not account:
                happened.append((other, self.write(other, account.id, text)))
        message = happened[0][1].update.message
        for one, event in happened:
            self.copies.setdefault((account.id, place, message.id), []).append((one, event.update.message.id))
        account.sent[place, random_id] = message
        return happened, message

    def forget_random_ids(self, account):
        """Not every server remembers for ever: what comes again is another message from now on."""
        account.sent.clear()

    def everywhere(self, account, peer, number):
        """(account, number) of a message that an account sent, for each who has it."""
        return self.copies.get((account.id, str(peer), number), [(account, number)])

    def edit(self, account, number, text):
        message = account.messages[number]
        message.message, message.edit_date = text, int(clock.now())
        return account.step(lambda pts, count: types.UpdateEditMessage(message, pts, count))

    def delete(self, account, numbers):
        for number in numbers:
            del account.messages[number]
            account.deleted.add(number)
        return account.step(
            lambda pts, count: types.UpdateDeleteMessages(numbers, pts, count), len(numbers)
        )

    def read(self, account, person, up_to):
        newest = max((one.id for one in account.chat(person)), default=0)
        up_to = min(up_to or newest, newest)
        if up_to <= account.read_up_to.get(str(person), 0):
            return None
        account.read_up_to[str(person)] = up_to
        still = account.unread(person)
        peer = types.PeerUser(person) if isinstance(person, int) else person
        return account.step(
            lambda pts, count: types.UpdateReadHistoryInbox(peer, up_to, still, pts, count)
        )

    def difference(self, account, pts):
        """All since `pts`, in slices; a message as it is now, none that is gone."""
        missed = [event for event in account.log if event.pts > pts]
        if not missed:
            return types.updates.DifferenceEmpty(int(clock.now()), 0)
        part = missed[:SLICE]
        numbers = [event.message_id for event in part if event.message_id in account.messages]
        others = [event.update for event in part if event.message_id is None]
        messages = [account.messages[number] for number in numbers]
        users, chats = self.users_of(account, messages), self.chats_of(account, messages)
        state = account.state(part[-1].pts)
        if len(part) == len(missed):
            return types.updates.Difference(messages, [], others, chats, users, state)
        return types.updates.DifferenceSlice(messages, [], others, chats, users, state)

    def users_of(self, account, messages):
        peers = [peer for one in messages for peer in (one.peer_id, one.from_id)]
        people = {peer.user_id for peer in peers if isinstance(peer, types.PeerUser)}
        return [self.user(account, person) for person in sorted(people)]

    def new_code(self, account):
        account.code = f"{secrets.randbelow(100_000):05}"
        account.code_hash = secrets.token_hex(9)
        return account.code_hash
