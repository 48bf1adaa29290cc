"""World: accounts, the people who write to them, private chats, and each account's log of what happened (pts).

Small on purpose: no groups, channels, media or secret chats.
"""

import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from telethon.tl import types

import clock

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
    # (person, random id) -> message id, for ever.
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

    def chat(self, person):
        """Of one person, newest first."""
        ours = [one for one in self.messages.values() if one.peer_id.user_id == person]
        return sorted(ours, key=lambda one: one.id, reverse=True)

    def people(self):
        return {one.peer_id.user_id for one in self.messages.values()}

    def unread(self, person):
        read = self.read_up_to.get(person, 0)
        return sum(1 for one in self.chat(person) if not one.out and one.id > read)


class World:
    def __init__(self):
        self.accounts = {}
        self.people = {}
        self._last_user = 7_000_000

    def _user_id(self):
        self._last_user += 11
        return self._last_user

    def add_account(self, phone, first_name, password=None):
        digits = "".join(filter(str.isdigit, phone))
        self.accounts[digits] = Account(self._user_id(), digits, first_name, password)
        return self.accounts[digits]

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
            first_name=self.people[person],
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

    def write(self, account, person, text, out=False):
        account.last_message_id += 1
        number = account.last_message_id
        message = types.Message(
            id=number,
            peer_id=types.PeerUser(person),
            date=int(clock.now()),
            message=text,
            out=out,
        )
        account.messages[number] = message
        return account.step(
            lambda pts, count: types.UpdateNewMessage(message, pts, count), message_id=number
        )

    def send(self, account, person, random_id, text):
        """What a client sends: once, however often it comes. The event, or the message that it was already."""
        account.attempts.append({"random_id": str(random_id), "text": text})
        known = account.sent.get((person, random_id))
        if known is not None:
            return None, account.messages[known]
        event = self.write(account, person, text, out=True)
        account.sent[person, random_id] = event.message_id
        return event, event.update.message

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
        if up_to <= account.read_up_to.get(person, 0):
            return None
        account.read_up_to[person] = up_to
        still = account.unread(person)
        peer = types.PeerUser(person)
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
        users = self.users_of(account, messages)
        state = account.state(part[-1].pts)
        if len(part) == len(missed):
            return types.updates.Difference(messages, [], others, [], users, state)
        return types.updates.DifferenceSlice(messages, [], others, [], users, state)

    def users_of(self, account, messages):
        people = sorted({one.peer_id.user_id for one in messages})
        return [self.user(account, person) for person in people]

    def new_code(self, account):
        account.code = f"{secrets.randbelow(100_000):05}"
        account.code_hash = secrets.token_hex(9)
        return account.code_hash
