"""Calls: what each method of Telegram's API answers here. A method without an entry is refused and remembered."""

import inspect
from functools import singledispatch

from telethon.tl import functions, types

import clock

LONGEST_TEXT = 4096


class Refused(Exception):
    """Becomes an `rpc_error`."""

    def __init__(self, code, name):
        super().__init__(name)
        self.code, self.name = code, name


class Unknown(Refused):
    def __init__(self):
        super().__init__(400, "INPUT_METHOD_INVALID")


class Caller:
    """Who calls: the key, and what it may touch."""

    def __init__(self, world, key, address, keys):
        self.world, self.key, self.address = world, key, address
        # Of everybody.
        self.keys = keys
        # Updates for the other sessions of the account, by what this call did.
        self.news = []

    @property
    def account(self):
        if self.key.account is None:
            raise Refused(401, "AUTH_KEY_UNREGISTERED")
        return self.key.account

    def person(self, peer):
        known = getattr(peer, "user_id", None)
        account, world = self.account, self.world
        if not world.knows(known) or peer.access_hash != world.access_hash(account, known):
            raise Refused(400, "PEER_ID_INVALID")
        return known

    def peer(self, peer):
        """Whom or what a call names, as Telegram names it."""
        account, world = self.account, self.world
        if isinstance(peer, types.InputPeerChat):
            group = world.groups.get(peer.chat_id)
            if group is None or account.id not in group.members:
                raise Refused(400, "CHAT_ID_INVALID")
            return types.PeerChat(group.id)
        if isinstance(peer, types.InputPeerChannel):
            return types.PeerChannel(self.channel(peer).id)
        return types.PeerUser(self.person(peer))

    def channel(self, channel):
        account = self.account
        found = self.world.channels.get(channel.channel_id)
        if found is None or channel.access_hash != found.access_hash(account):
            raise Refused(400, "CHANNEL_INVALID")
        if account.id not in found.members:
            raise Refused(400, "CHANNEL_PRIVATE")
        return found

    def history(self, peer):
        """All of a chat, newest first."""
        if isinstance(peer, types.PeerChannel):
            channel = self.world.channels[peer.channel_id]
            return [channel.for_account(self.account, one) for one in channel.chat()]
        return self.account.chat(peer)

    def happened(self, event):
        self.news.append((self.account, event))
        return event


@singledispatch
def answer(_request, _caller):
    raise Unknown


@answer.register
def _(_request: functions.help.GetAppConfigRequest, _caller):
    return types.help.AppConfig(hash=1, config=types.JsonObject(value=[]))


@answer.register
def _(_request: functions.help.GetConfigRequest, caller):
    host, port = caller.address
    now = int(clock.now())
    said = {
        "date": now,
        "expires": now + 3600,
        "this_dc": 2,
        "dc_options": [types.DcOption(id=2, ip_address=host, port=port)],
        "dc_txt_domain_name": "",
        "me_url_prefix": "",
        "message_length_max": LONGEST_TEXT,
        "test_mode": False,
    }
    needed = inspect.signature(types.Config).parameters.values()
    nothing = {one.name: 0 for one in needed if one.default is inspect.Parameter.empty}
    return types.Config(**(nothing | said))


# People and chats.


@answer.register
def _(request: functions.users.GetUsersRequest, caller):
    account = caller.account

    def found(one):
        if isinstance(one, types.InputUserSelf):
            return caller.world.oneself(account)
        return caller.world.user(account, caller.person(one))

    return [found(one) for one in request.id]


def _peers(account, world):
    """Every chat of an account."""
    found = [types.PeerUser(person) for person in account.people()]
    found += [types.PeerChat(group) for group in account.groups()]
    ours = [one for one in world.channels.values() if account.id in one.members and one.messages]
    return found + [types.PeerChannel(one.id) for one in ours]


def _dialog(caller, peer):
    account, world = caller.account, caller.world
    top = caller.history(peer)[0]
    channel = world.channels[peer.channel_id] if isinstance(peer, types.PeerChannel) else None
    if channel:
        read, unread = channel.read_up_to.get(account.id, 0), channel.unread(account)
    else:
        name = peer.user_id if isinstance(peer, types.PeerUser) else peer
        read, unread = account.read_up_to.get(str(name), 0), account.unread(name)
    return types.Dialog(
        peer=peer,
        top_message=top.id,
        read_inbox_max_id=read,
        read_outbox_max_id=0,
        unread_count=unread,
        unread_mentions_count=0,
        unread_reactions_count=0,
        unread_poll_votes_count=0,
        notify_settings=types.PeerNotifySettings(),
        pts=channel.pts if channel else None,
    )


def _page(caller, messages, count, of=None):
    """A page of messages, with whom and what they name; `of`: the channel that they are of."""
    account, world = caller.account, caller.world
    users, chats = world.users_of(account, messages), world.chats_of(account, messages)
    if of is not None:
        chats = [of.seen_by(world, account)]
        return types.messages.ChannelMessages(of.pts, count, messages, [], chats, users)
    if len(messages) == count:
        return types.messages.Messages(messages, [], chats, users)
    return types.messages.MessagesSlice(count, messages, [], chats, users)


@answer.register
def _(request: functions.messages.GetDialogsRequest, caller):
    account, world = caller.account, caller.world
    dialogs = [] if request.folder_id else [_dialog(caller, peer) for peer in _peers(account, world)]
    tops = {str(one.peer): caller.history(one.peer)[0] for one in dialogs}
    dialogs.sort(key=lambda one: (tops[str(one.peer)].date, one.top_message), reverse=True)
    if request.offset_id:
        at = [one.top_message for one in dialogs].index(request.offset_id) + 1 if dialogs else 0
        dialogs = dialogs[at:]
    messages = [tops[str(one.peer)] for one in dialogs]
    users, chats = world.users_of(account, messages), world.chats_of(account, messages)
    return types.messages.Dialogs(dialogs, messages, chats, users)


@answer.register
def _(_request: functions.messages.GetAllDraftsRequest, _caller):
    return types.Updates([], [], [], int(clock.now()), 0)


@answer.register
def _(request: functions.messages.GetPeerDialogsRequest, caller):
    account, world = caller.account, caller.world
    peers = [caller.peer(one.peer) for one in request.peers]
    dialogs = [_dialog(caller, peer) for peer in peers if caller.history(peer)]
    messages = [caller.history(one.peer)[0] for one in dialogs]
    users, chats = world.users_of(account, messages), world.chats_of(account, messages)
    return types.messages.PeerDialogs(dialogs, messages, chats, users, account.state())


@answer.register
def _(request: functions.messages.GetHistoryRequest, caller):
    peer = caller.peer(request.peer)
    chat = caller.history(peer)
    if request.add_offset or request.max_id:
        # Nothing here asks for them; a silent wrong answer would be worse.
        raise Unknown
    wanted = [
        one
        for one in chat
        if (not request.offset_id or one.id < request.offset_id) and one.id > request.min_id
    ]
    of = caller.world.channels[peer.channel_id] if isinstance(peer, types.PeerChannel) else None
    return _page(caller, wanted[: request.limit], len(chat), of)


@answer.register
def _(request: functions.channels.GetMessagesRequest, caller):
    channel = caller.channel(request.channel)
    numbers = [one.id for one in request.id]
    found = [channel.messages.get(number, types.MessageEmpty(number)) for number in numbers]
    real = [one for one in found if one.id in channel.messages]
    users = caller.world.users_of(caller.account, real)
    chats = [channel.seen_by(caller.world, caller.account)]
    return types.messages.ChannelMessages(channel.pts, len(found), found, [], chats, users)


@answer.register
def _(request: functions.channels.GetChannelsRequest, caller):
    found = [caller.channel(one).seen_by(caller.world, caller.account) for one in request.id]
    return types.messages.Chats(found)


@answer.register
def _(request: functions.channels.ReadHistoryRequest, caller):
    caller.channel(request.channel).read(caller.account, request.max_id)
    return True


@answer.register
def _(request: functions.contacts.ImportContactsRequest, caller):
    account, world = caller.account, caller.world
    found = [(one, world.account(one.phone)) for one in request.contacts]
    found = [(asked, known) for asked, known in found if known]
    imported = [types.ImportedContact(known.id, asked.client_id) for asked, known in found]
    users = [world.user(account, known.id) for _, known in found]
    return types.contacts.ImportedContacts(imported, [], [], users)


@answer.register
def _(request: functions.messages.GetMessagesRequest, caller):
    account = caller.account
    numbers = [one.id for one in request.id]
    found = [account.messages.get(number, types.MessageEmpty(number)) for number in numbers]
    real = [one for one in found if one.id in account.messages]
    return types.messages.Messages(found, [], [], caller.world.users_of(account, real))


@answer.register
def _(request: functions.messages.ReadHistoryRequest, caller):
    account, peer = caller.account, caller.peer(request.peer)
    name = peer.user_id if isinstance(peer, types.PeerUser) else peer
    event = caller.world.read(account, name, request.max_id)
    if event is None:
        return types.messages.AffectedMessages(account.pts, 0)
    caller.happened(event)
    return types.messages.AffectedMessages(event.pts, event.count)


@answer.register
def _(request: functions.messages.SetTypingRequest, caller):
    caller.peer(request.peer)
    return True


# Sending: the answer to a repeated random id names the message that it was the first time.


@answer.register
def _(request: functions.messages.SendMessageRequest, caller):
    account, world = caller.account, caller.world
    peer = caller.peer(request.peer)
    if not request.message:
        raise Refused(400, "MESSAGE_EMPTY")
    if len(request.message) > LONGEST_TEXT:
        raise Refused(400, "MESSAGE_TOO_LONG")
    if isinstance(peer, types.PeerChannel):
        channel = world.channels[peer.channel_id]
        if channel.broadcast and channel.members[0] != account.id:
            raise Refused(403, "CHAT_WRITE_FORBIDDEN")
    happened, message = world.send(account, peer, request.random_id, request.message)
    caller.news += happened
    event = happened[0][1] if happened else None
    if event and isinstance(peer, types.PeerUser):
        return types.UpdateShortSentMessage(
            id=message.id, pts=event.pts, pts_count=event.count, date=message.date, out=True
        )
    line = world.channels[peer.channel_id] if isinstance(peer, types.PeerChannel) else account
    if line is not account:
        line.for_account(account, message)
    pts, count = (event.pts, event.count) if event else (line.pts, 0)
    new = types.UpdateNewMessage if line is account else types.UpdateNewChannelMessage
    told = [types.UpdateMessageID(message.id, request.random_id), new(message, pts, count)]
    users, chats = world.users_of(account, [message]), world.chats_of(account, [message])
    return types.Updates(told, users, chats, message.date, 0)


@answer.register
def _(request: functions.messages.EditMessageRequest, caller):
    account, world = caller.account, caller.world
    peer = caller.peer(request.peer)
    if isinstance(peer, types.PeerChannel):
        channel = world.channels[peer.channel_id]
        message = channel.messages.get(request.id)
        if message is None:
            raise Refused(400, "MESSAGE_ID_INVALID")
        if message.sent_by != account.id:
            raise Refused(403, "MESSAGE_AUTHOR_REQUIRED")
        if message.message == request.message:
            raise Refused(400, "MESSAGE_NOT_MODIFIED")
        event = channel.edit(request.id, request.message)
        caller.news += [(one, event) for one in map(world.account_of, channel.members) if one]
    else:
        message = account.messages.get(request.id)
        if message is None or not message.out:
            raise Refused(400, "MESSAGE_ID_INVALID")
        if message.message == request.message:
            raise Refused(400, "MESSAGE_NOT_MODIFIED")
        event = None
        for one, number in world.everywhere(account, peer, request.id):
            edited = world.edit(one, number, request.message)
            event = event or edited
            caller.news.append((one, edited))
    users, chats = world.users_of(account, [message]), world.chats_of(account, [message])
    return types.Updates([event.update], users, chats, message.date, 0)


@answer.register
def _(request: functions.messages.DeleteMessagesRequest, caller):
    account, world = caller.account, caller.world
    last = None
    for number in [one for one in request.id if one in account.messages]:
        message = account.messages[number]
        copies = [(account, number)]
        if request.revoke and message.out:
            copies = world.everywhere(account, message.peer_id, number)
        for one, its in copies:
            event = world.delete(one, [its])
            caller.news.append((one, event))
            last = event if one is account else last
    return types.messages.AffectedMessages(account.pts, last.count if last else 0)


@answer.register
def _(request: functions.channels.DeleteMessagesRequest, caller):
    channel = caller.channel(request.channel)
    numbers = [one for one in request.id if one in channel.messages]
    if not numbers:
        return types.messages.AffectedMessages(channel.pts, 0)
    event = channel.delete(numbers)
    accounts = map(caller.world.account_of, channel.members)
    caller.news += [(one, event) for one in accounts if one]
    return types.messages.AffectedMessages(event.pts, event.count)


# Updates.


@answer.register
def _(_request: functions.updates.GetStateRequest, caller):
    return caller.account.state()


@answer.register
def _(request: functions.updates.GetDifferenceRequest, caller):
    if not 0 < request.pts <= caller.account.pts:
        raise Refused(400, "PERSISTENT_TIMESTAMP_INVALID")
    return caller.world.difference(caller.account, request.pts)


@answer.register
def _(request: functions.updates.GetChannelDifferenceRequest, caller):
    channel = caller.channel(request.channel)
    if not 0 < request.pts <= channel.pts:
        raise Refused(400, "PERSISTENT_TIMESTAMP_INVALID")
    return channel.difference(caller.world, caller.account, request.pts)
