"""Bare Telethon: reads what it is told and says each message's account and number; keeps nothing but its own sessions.

`sink.py FOLDER SESSIONS`: a session string a line; the sessions live in the folder, as Telethon's own files.
"""

import asyncio
import os
import re
import sys

import uvloop
from telethon import TelegramClient, events
from telethon.sessions import SQLiteSession, StringSession

NUMBER = re.compile(r"number (\d+)")
ABREAST = 64


class Out:
    """Lines of one turn of the loop leave in one write."""

    def __init__(self):
        self.lines = []

    def say(self, line):
        if not self.lines:
            asyncio.get_running_loop().call_soon(self.flush)
        self.lines.append(line)

    def flush(self):
        data = ("\n".join(self.lines) + "\n").encode()
        self.lines = []
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def client(folder, at, text):
    session = SQLiteSession(os.path.join(folder, f"account{at}"))
    if session.auth_key is None:
        given = StringSession(text)
        session.set_dc(given.dc_id, given.server_address, given.port)
        session.auth_key = given.auth_key
        session.save()
    return TelegramClient(
        session, 12345, "0123456789abcdef0123456789abcdef", connection_retries=None, retry_delay=1, catch_up=True
    )


async def main(folder, sessions):
    out, abreast = Out(), asyncio.Semaphore(ABREAST)
    with open(sessions, encoding="ascii") as lines:
        clients = [client(folder, at, line.strip()) for at, line in enumerate(lines)]

    async def run(at, one):
        async def heard(event):
            number = NUMBER.search(event.raw_text)
            if number and not event.out:
                out.say(f"{at} {number[1]}")

        one.add_event_handler(heard, events.NewMessage())
        async with abreast:
            await one.connect()
            assert await one.is_user_authorized()

    await asyncio.gather(*(run(at, one) for at, one in enumerate(clients)))
    out.say("online")
    # Until nobody wants it any longer.
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await asyncio.gather(*(one.disconnect() for one in clients))


uvloop.run(main(*sys.argv[1:]))
