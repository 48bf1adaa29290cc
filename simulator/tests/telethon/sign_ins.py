"""Scenarios of signing in: by code, password and QR, and at another data centre."""

import asyncio

from telethon import errors, events, functions, types

from harness import account, client, do, note, session_file, signed_in, until


async def code(transport):
    """Signs in by code; wrong codes are told apart; the session survives a new start."""
    phone = "+99966 2 1001"
    me = account(phone, "Coded")
    file = session_file()
    first = client(transport, file=file)
    await first.connect()
    sent = await first.send_code_request(phone)
    assert isinstance(sent.type, types.auth.SentCodeTypeApp), sent
    assert sent.type.length == 5, sent
    try:
        await first.sign_in(phone, "wrong", phone_code_hash=sent.phone_code_hash)
        raise AssertionError("a wrong code was taken")
    except errors.PhoneCodeInvalidError:
        pass
    again = await first(functions.auth.ResendCodeRequest(phone, sent.phone_code_hash))
    assert isinstance(again.type, types.auth.SentCodeTypeSms), again
    right = do("code", phone=phone)["code"]
    user = await first.sign_in(phone, right, phone_code_hash=again.phone_code_hash)
    assert user.id == me and user.first_name == "Coded", user
    await first.disconnect()
    second = client(transport, file=file)
    await second.connect()
    assert await second.is_user_authorized()
    assert (await second.get_me()).id == me
    sessions = await second(functions.account.GetAuthorizationsRequest())
    assert [s.current for s in sessions.authorizations] == [True], sessions
    assert await second.log_out()


async def expired_code(_):
    """A code that is too old, a number without an account, a code that is taken back."""
    phone = "+99966 2 1002"
    account(phone, "Late")
    made = client()
    await made.connect()
    sent = await made.send_code_request(phone)
    do("advance", seconds=400)
    try:
        await made.sign_in(phone, do("code", phone=phone)["code"], phone_code_hash=sent.phone_code_hash)
        raise AssertionError("an expired code was taken")
    except errors.PhoneCodeExpiredError:
        pass
    stranger = "+99966 2 1999"
    sent = await made.send_code_request(stranger)
    try:
        await made.sign_in(stranger, do("code", phone=stranger)["code"], phone_code_hash=sent.phone_code_hash)
        raise AssertionError("a number without an account signed in")
    except errors.PhoneNumberUnoccupiedError:
        pass
    signed_up = await made(functions.auth.SignUpRequest(stranger, sent.phone_code_hash, "New", "Comer"))
    assert signed_up.user.first_name == "New", signed_up
    await made.disconnect()


async def password(transport):
    """Signs in by code and password; a wrong password and a stale challenge are told apart."""
    phone = "+99966 2 1003"
    me = account(phone, "Guarded", password="open sesame", password_hint="cave")
    made = client(transport)
    await made.connect()
    sent = await made.send_code_request(phone)
    try:
        await made.sign_in(phone, do("code", phone=phone)["code"], phone_code_hash=sent.phone_code_hash)
        raise AssertionError("signed in without the password")
    except errors.SessionPasswordNeededError:
        pass
    assert (await made(functions.account.GetPasswordRequest())).hint == "cave"
    try:
        await made.sign_in(password="open barley")
        raise AssertionError("a wrong password was taken")
    except errors.PasswordHashInvalidError:
        pass
    user = await made.sign_in(password="open sesame")
    assert user.id == me, user
    await made.disconnect()


async def qr(transport):
    """Signs in by QR: accepted by another client, then with a password after the scan, on another data centre."""
    me = account("+99966 2 1004", "Scanned")
    made = client(transport)
    await made.connect()
    login = await made.qr_login()
    waiting = asyncio.create_task(login.wait(20))
    await asyncio.sleep(0)
    do("accept_qr", token=login.url, by=me)
    user = await waiting
    assert user.id == me, user
    await made.disconnect()

    phone = await signed_in("+99966 2 1004", transport)
    made = client(transport)
    await made.connect()
    login = await made.qr_login()
    waiting = asyncio.create_task(login.wait(20))
    await asyncio.sleep(0)
    accepted = await phone(functions.auth.AcceptLoginTokenRequest(login.token))
    assert accepted.app_name, accepted
    assert (await waiting).id == me
    assert len((await phone(functions.account.GetAuthorizationsRequest())).authorizations) == 3
    try:
        await phone(functions.account.ResetAuthorizationRequest(accepted.hash))
        raise AssertionError("a session of today ended another")
    except errors.FreshResetAuthorisationForbiddenError:
        pass
    do("advance", seconds=24 * 3600)
    other = [a for a in (await phone(functions.account.GetAuthorizationsRequest())).authorizations if not a.current]
    await phone(functions.account.ResetAuthorizationRequest(other[-1].hash))
    assert len((await phone(functions.account.GetAuthorizationsRequest())).authorizations) == 2
    await made.disconnect()
    await phone.disconnect()

    far = account("+99966 2 1005", "Far", home_dc=4, password="secret")
    made = client(transport)
    await made.connect()
    login = await made.qr_login()
    waiting = asyncio.create_task(login.wait(20))
    await asyncio.sleep(0)
    do("accept_qr", token=login.url, by=far)
    try:
        await waiting
        raise AssertionError("signed in without the password")
    except errors.SessionPasswordNeededError:
        pass
    user = await made.sign_in(password="secret")
    assert user.id == far and made.session.dc_id == 4, (user, made.session.dc_id)
    await made.disconnect()

    made = client(transport)
    await made.connect()
    login = await made.qr_login()
    do("advance", seconds=60)
    try:
        do("accept_qr", token=login.url, by=me)
        raise AssertionError("an expired token was accepted")
    except Exception as error:
        assert "AUTH_TOKEN_EXPIRED" in str(error), error
    await login.recreate()
    await made.disconnect()


async def codes(transport):
    """Telegram itself tells the codes of a sign-in elsewhere and of the web: live, and when the history is read."""
    phone = "+99966 2 1020"
    account(phone, "Watched")
    made = await signed_in(phone, transport)
    got = {}
    made.add_event_handler(lambda event: note(got, event), events.NewMessage(from_users=777000))
    other = client(transport)
    await other.connect()
    await other.send_code_request(phone)
    login = do("code", phone=phone)["code"]
    web = do("web_login", phone=phone)["code"]
    await until("both codes", lambda: len(got) == 2 or got)
    first, second = (got[key] for key in sorted(got))
    assert first.startswith(f"Login code: {login}."), first
    assert f"\n{web}\n" in second, second
    telegram = await made.get_entity(777000)
    assert telegram.verified and telegram.first_name == "Telegram", telegram
    assert [m.raw_text async for m in made.iter_messages(telegram)] == [second, first]
    await other.disconnect()
    await made.disconnect()


async def migration(transport):
    """A number that lives elsewhere: sendCode is sent there, and the client follows."""
    phone = "+99966 2 1006"
    me = account(phone, "Remote", home_dc=4)
    made = await signed_in(phone, transport)
    assert made.session.dc_id == 4, made.session.dc_id
    assert (await made.get_me()).id == me
    await made.disconnect()
