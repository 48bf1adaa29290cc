"""Calls of signing in and out."""

from telethon.tl import functions, types

from calls import Refused, answer


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


@answer.register
def _(_request: functions.auth.ResetAuthorizationsRequest, caller):
    account = caller.account
    for key in caller.keys:
        if key.account is account and key is not caller.key:
            key.account = None
    return True
