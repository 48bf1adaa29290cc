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

    def __init__(self, world, key, address):
        self.world, self.key, self.address = world, key, address
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
        if known not in world.people or peer.access_hash != world.access_hash(account, known):
            raise Refused(400, "PEER_ID_INVALID")
        return known

    def happened(self, event):
        self.news.append(event)
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


# Signing in.


@answer.register
def _(request: functions.auth.SendCodeRequest, caller):
    account = caller.world.account(request.phone_number)
    if account is None:
        raise Refused(400, "PHONE_NUMBER_INVALID")
    if not request.api_id or len(request.api_hash) != 32:
        raise Refused(400, "API_ID_INVALID")
    sent = types.auth.SentCodeTypeApp(length=5)
    return types.auth.SentCode(type=sent, phone_code_hash=caller.world.new_code(account))


@answer.register
def _(request: functions.auth.SignInRequest, caller):
    account = caller.world.account(request.phone_number)
    if account is None or request.phone_code_hash != account.code_hash:
        raise Refused(400, "PHONE_CODE_EXPIRED")
    if request.phone_code != account.code:
        raise Refused(400, "PHONE_CODE_INVALID")
    if account.password:
        caller.key.half_signed_in = account
        raise Refused(401, "SESSION_PASSWORD_NEEDED")
    return _signed_in(caller, account)


def _signed_in(caller, account):
    account.code = account.code_hash = caller.key.half_signed_in = None
    caller.key.account = account
    return types.auth.Authorization(user=caller.world.oneself(account))


def _with_password(caller):
    account = caller.key.account or caller.key.half_signed_in
    if account is None:
        raise Refused(401, "AUTH_KEY_UNREGISTERED")
    return account


@answer.register
def _(_request: functions.account.GetPasswordRequest, caller):
    return _with_password(caller).password.ask()


@answer.register
def _(request: functions.auth.CheckPasswordRequest, caller):
    account = _with_password(caller)
    wrong = account.password.check(request.password)
    if wrong:
        raise Refused(400, wrong)
    return _signed_in(caller, account)


@answer.register
def _(_request: functions.auth.LogOutRequest, caller):
    caller.key.account = None
    return types.auth.LoggedOut()


# People and chats.


@answer.register
def _(request: functions.users.GetUsersRequest, caller):
    account = caller.account

    def found(one):
        if isinstance(one, types.InputUserSelf):
            return caller.world.oneself(account)
        return caller.world.user(account, caller.person(one))

    return [found(one) for one in request.id]


@answer.register
def _(request: functions.messages.GetDialogsRequest, caller):
    account, world = caller.account, caller.world
    tops = [account.chat(person)[0] for person in account.people()]
    tops.sort(key=lambda one: one.id, reverse=True)
    if request.offset_id:
        tops = [one for one in tops if one.id < request.offset_id]
    if request.folder_id:
        tops = []

    def dialog(top):
        person = top.peer_id.user_id
        return types.Dialog(
            peer=top.peer_id,
            top_message=top.id,
            read_inbox_max_id=account.read_up_to.get(person, 0),
            read_outbox_max_id=0,
            unread_count=account.unread(person),
            unread_mentions_count=0,
            unread_reactions_count=0,
            unread_poll_votes_count=0,
            notify_settings=types.PeerNotifySettings(),
        )

    return types.messages.Dialogs(
        [dialog(top) for top in tops], tops, [], world.users_of(account, tops)
    )


@answer.register
def _(request: functions.messages.GetHistoryRequest, caller):
    account = caller.account
    chat = account.chat(caller.person(request.peer))
    if request.add_offset or request.max_id:
        # Nothing here asks for them; a silent wrong answer would be worse.
        raise Unknown
    wanted = [
        one
        for one in chat
        if (not request.offset_id or one.id < request.offset_id) and one.id > request.min_id
    ]
    page = wanted[: request.limit]
    users = caller.world.users_of(account, page)
    if len(page) == len(chat):
        return types.messages.Messages(page, [], [], users)
    return types.messages.MessagesSlice(len(chat), page, [], [], users)


@answer.register
def _(request: functions.messages.GetMessagesRequest, caller):
    account = caller.account
    numbers = [one.id for one in request.id]
    found = [account.messages.get(number, types.MessageEmpty(number)) for number in numbers]
    real = [one for one in found if one.id in account.messages]
    return types.messages.Messages(found, [], [], caller.world.users_of(account, real))


@answer.register
def _(request: functions.messages.ReadHistoryRequest, caller):
    account = caller.account
    event = caller.world.read(account, caller.person(request.peer), request.max_id)
    if event is None:
        return types.messages.AffectedMessages(account.pts, 0)
    caller.happened(event)
    return types.messages.AffectedMessages(event.pts, event.count)


@answer.register
def _(request: functions.messages.SetTypingRequest, caller):
    caller.person(request.peer)
    return True


# Sending: the answer to a repeated random id names the message that it was the first time.


@answer.register
def _(request: functions.messages.SendMessageRequest, caller):
    account = caller.account
    person = caller.person(request.peer)
    if not request.message:
        raise Refused(400, "MESSAGE_EMPTY")
    if len(request.message) > LONGEST_TEXT:
        raise Refused(400, "MESSAGE_TOO_LONG")
    event, message = caller.world.send(account, person, request.random_id, request.message)
    if event:
        caller.happened(event)
        return types.UpdateShortSentMessage(
            id=message.id, pts=event.pts, pts_count=event.count, date=message.date, out=True
        )
    again = [
        types.UpdateMessageID(message.id, request.random_id),
        types.UpdateNewMessage(message, account.pts, 0),
    ]
    users = caller.world.users_of(account, [message])
    return types.Updates(again, users, [], message.date, 0)


# Updates.


@answer.register
def _(_request: functions.updates.GetStateRequest, caller):
    return caller.account.state()


@answer.register
def _(request: functions.updates.GetDifferenceRequest, caller):
    if not 0 < request.pts <= caller.account.pts:
        raise Refused(400, "PERSISTENT_TIMESTAMP_INVALID")
    return caller.world.difference(caller.account, request.pts)
