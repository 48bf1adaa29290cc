"""Grounds: where the scene is played: the simulator, the second server, Telegram's test data centres."""

import asyncio
import json
import os
import random
import sys
import urllib.request

from telethon import TelegramClient, functions, types
from telethon.crypto import AuthKey, rsa
from telethon.sessions import StringSession

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 60


def client(dc, api_id=12345, api_hash="0123456789abcdef0123456789abcdef", session=None):
    made = session or StringSession()
    if made.auth_key is None:
        made.set_dc(*dc)
    # What it hears is written down as it comes: nothing may be asked for behind the scene's back.
    return TelegramClient(made, api_id, api_hash, receive_updates=True, request_retries=1, retry_delay=0.1, flood_sleep_threshold=0)


class Ground:
    """Two accounts, and what only a server can be told to do."""

    api = {}
    # Seconds without anything, after which nothing more comes.
    quiet = 0.2

    async def forget(self, _client):
        """The server forgets random ids. False: it can't be told to."""
        return False

    async def end(self):
        pass

    async def client(self):
        return client(self.dc, **self.api)

    async def sign_in(self, made, phone):
        sent = await made.send_code_request(phone)
        return await made(functions.auth.SignInRequest(phone, sent.phone_code_hash, await self.code(phone)))


class Simulator(Ground):
    name = "simulator"
    phones = ["+9996620101", "+9996620102"]

    async def begin(self):
        self.process = await asyncio.create_subprocess_exec(
            os.environ["SWITCHBOARD_BINARY"], "simulator", "--port", "0", "--control", "127.0.0.1:0", "--accounts", "0",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )
        while line := await asyncio.wait_for(self.process.stdout.readline(), LIMIT):
            if line.startswith(b"control "):
                self.control = line.split()[1].decode()
                break
        info = self._get("/info")
        rsa.add_key(info["public_key"], old=False)
        number, address = info["dcs"][0].split("@")
        self.dc = int(number), *self._split(address)
        self.users = [self._do("add_account", phone=phone, first_name=name)["id"] for phone, name in zip(self.phones, "AB")]

    def _split(self, address):
        host, port = address.rsplit(":", 1)
        return host, int(port)

    def _get(self, path):
        with urllib.request.urlopen(self.control + path, timeout=LIMIT) as answer:
            return json.load(answer)

    def _do(self, order, **fields):
        body = json.dumps({"do": order, **fields}).encode()
        request = urllib.request.Request(self.control + "/do", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=LIMIT) as answer:
            return json.load(answer)

    async def code(self, phone):
        return self._do("code", phone=phone)["code"]

    async def group(self, _clients):
        return self._do("add_group", title="Group", members=self.users)["id"]

    async def channel(self, _clients):
        return self._do("add_supergroup", title="Supergroup", members=self.users)["id"]

    async def forget(self, which):
        self._do("forget_random_ids", user=self.users[which])
        return True

    async def end(self):
        self.process.terminate()
        await self.process.wait()


class Foreign(Ground):
    name = "foreign"
    phones = ["+9996630101", "+9996630102"]

    async def begin(self):
        server = os.path.join(HERE, "..", "foreign", "server.py")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, server, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        first = json.loads(await asyncio.wait_for(self.process.stdout.readline(), LIMIT))
        rsa.add_key(first["key"], old=False)
        self.dc = 2, "127.0.0.1", first["port"]
        for phone, name in zip(self.phones, "AB"):
            await self._do("add_account", number=phone, first_name=name)

    async def client(self):
        """Telethon seals its half of the exchange in the old way, which this server does not take: it is given a key."""
        session = StringSession()
        session.set_dc(*self.dc)
        session.auth_key = AuthKey(bytes.fromhex(await self._do("new_key")))
        return client(self.dc, session=session)

    async def _do(self, order, **fields):
        self.process.stdin.write(json.dumps({"do": order, **fields}).encode() + b"\n")
        line = await asyncio.wait_for(self.process.stdout.readline(), LIMIT)
        return json.loads(line)["done"]

    async def code(self, phone):
        return await self._do("code", phone=phone)

    async def group(self, _clients):
        return await self._do("add_group", title="Group", phones=self.phones)

    async def channel(self, _clients):
        return await self._do("add_channel", title="Supergroup", phones=self.phones)

    async def forget(self, which):
        await self._do("forget_random_ids", phone=self.phones[which])
        return True

    async def end(self):
        self.process.stdin.close()
        await self.process.wait()


class TestDc(Ground):
    """core.telegram.org/api/auth#test-accounts: 99966XYYYY, whose code is X as often as codes have letters."""

    name = "test-dc"
    quiet = 1.5

    async def begin(self):
        self.api = {"api_id": int(os.environ["TELEGRAM_API_ID"]), "api_hash": os.environ["TELEGRAM_API_HASH"]}
        # Data centre 2 of the test servers: core.telegram.org/api/datacenter, and Telethon's documentation.
        self.dc = 2, "149.154.167.40", 443
        first = random.randrange(1000, 9998)
        self.phones = [f"+999662{first}", f"+999662{first + 1}"]

    async def code(self, _phone):
        return "22222"

    async def sign_in(self, made, phone):
        sent = await made.send_code_request(phone)
        code = await self.code(phone)
        answer = await made(functions.auth.SignInRequest(phone, sent.phone_code_hash, code))
        if isinstance(answer, types.auth.AuthorizationSignUpRequired):
            name = "AB"[self.phones.index(phone)]
            answer = await made(functions.auth.SignUpRequest(phone, sent.phone_code_hash, name, ""))
        return answer

    async def group(self, clients):
        other = await clients[0].get_input_entity(self.phones[1])
        made = await clients[0](functions.messages.CreateChatRequest([other], "Group"))
        return -made.updates.chats[0].id

    async def channel(self, clients):
        made = await clients[0](functions.channels.CreateChannelRequest("Supergroup", "", megagroup=True))
        channel = made.chats[0]
        other = await clients[0].get_input_entity(self.phones[1])
        await clients[0](functions.channels.InviteToChannelRequest(channel, [other]))
        return -1_000_000_000_000 - channel.id


ALL = {ground.name: ground for ground in (Simulator, Foreign, TestDc)}
