"""What the Telethon scenarios share: the simulator's control API and clients that trust its key."""

import asyncio
import json
import os
import tempfile
import urllib.error
import urllib.request

from telethon import TelegramClient, connection
from telethon.crypto import rsa
from telethon.sessions import SQLiteSession

CONTROL = os.environ["SIMULATOR_CONTROL"]
TRANSPORTS = {
    "full": connection.ConnectionTcpFull,
    "intermediate": connection.ConnectionTcpIntermediate,
    "abridged": connection.ConnectionTcpAbridged,
    "obfuscated": connection.ConnectionTcpObfuscated,
}
# The one generous limit of all waiting.
LIMIT = 30


class Refused(Exception):
    """The simulator would not carry out an order."""


def get(path):
    with urllib.request.urlopen(f"{CONTROL}{path}", timeout=LIMIT) as answer:
        return json.load(answer)


def do(order, **fields):
    body = json.dumps({"do": order, **fields}).encode()
    request = urllib.request.Request(f"{CONTROL}/do", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(error.read().decode()) from error


INFO = get("/info")
rsa.add_key(INFO["public_key"], old=False)


def data_centre(index=0):
    dc_id, address = INFO["dcs"][index].split("@")
    host, port = address.rsplit(":", 1)
    return int(dc_id), host, int(port)


def account(phone, name, **more):
    return do("add_account", phone=phone, first_name=name, **more)["id"]


def person(name, **more):
    return do("add_person", first_name=name, **more)["id"]


def ledger(user, chat):
    """id -> text of what is in a chat, service messages aside."""
    messages = get(f"/ledger/{user}").get(str(chat), {"messages": []})["messages"]
    return {m["id"]: m["text"] for m in messages if not m["deleted"] and not m["service"]}


def session_file():
    directory = tempfile.mkdtemp()
    return os.path.join(directory, "telethon")


def client(transport="full", file=None, **more):
    session = SQLiteSession(file or session_file())
    if session.auth_key is None:
        session.set_dc(*data_centre())
    return TelegramClient(
        session,
        1,
        "hash",
        connection=TRANSPORTS[transport],
        connection_retries=1000,
        retry_delay=0.05,
        request_retries=3,
        timeout=5,
        **more,
    )


async def signed_in(phone, transport="full", **more):
    """A client that went through the sign-in by code."""
    made = client(transport, **more)
    await made.connect()
    sent = await made.send_code_request(phone)
    await made.sign_in(phone, do("code", phone=phone)["code"], phone_code_hash=sent.phone_code_hash)
    return made


async def until(what, holds):
    """Waits for a state, and says what was seen last."""
    deadline = asyncio.get_running_loop().time() + LIMIT
    while True:
        seen = holds()
        if seen is True:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"waited in vain for {what}; last seen: {seen!r}")
        await asyncio.sleep(0.02)


async def note(got, event):
    key = (event.chat_id, event.id)
    assert key not in got, f"{key} came twice"
    got[key] = event.raw_text
