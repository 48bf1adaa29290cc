"""The peer: Telethon → FastAPI → SQLite → WebSocket, as somebody who knows each of the four would write it.

One process with uvloop; cryptg for Telegram's cipher; raw updates, one after another; one writing thread whose
transactions take all that waits; SQLite in WAL mode with `synchronous = FULL`; an event is told when its row is
committed. Where a line was cut or the service was away, Telethon catches up from positions that are stored behind the
messages that they cover, and every chat's newest message is compared at a start. What it leaves out of what
Switchboard does (a search, sealed sessions, spans, webhooks, an order's random id across a kill) is work that it saves.

`service.py DATABASE` serves on a free port and says which. With `--events` behind it, it takes Telethon's events as its documentation
has them, which costs it an object more for each message, instead of raw updates, whose short forms it has to know itself.
"""

import asyncio
import contextlib
import gc
import mimetypes
import os
import socket
import sys
import tempfile
import time
import uuid

import orjson
import uvicorn
import uvloop
from fastapi import FastAPI, HTTPException, Request, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from telethon import TelegramClient, events, types, utils

from rows import StoredSession, Writer, connect

BY_EVENTS = "--events" in sys.argv
API_ID, API_HASH = 12345, "0123456789abcdef0123456789abcdef"
# Events that one listener may be behind.
BEHIND = 50_000
# Accounts that connect at the same time.
ABREAST = 64
# Telethon does not ask for what was missed while a line was cut: it waits for the next update to show the gap.
CATCH_UP_SECONDS = 10
PART = 512 * 1024


class Account:
    def __init__(self, service, row, positions):
        self.id, self.label, text = row
        self.service, self.state = service, "connecting"
        # By id: the short forms of updates come without.
        self.names = {}
        session = StoredSession(text, self.id, service.writer, positions)
        self.client = TelegramClient(
            session,
            API_ID,
            API_HASH,
            connection_retries=None,
            retry_delay=1,
            auto_reconnect=True,
            sequential_updates=True,
            catch_up=True,
            flood_sleep_threshold=60,
        )
        kinds = [
            types.UpdateNewMessage,
            types.UpdateNewChannelMessage,
            types.UpdateShortMessage,
            types.UpdateShortChatMessage,
            types.UpdateEditMessage,
            types.UpdateEditChannelMessage,
            types.UpdateDeleteMessages,
        ]
        if BY_EVENTS:
            self.client.add_event_handler(self.new, events.NewMessage())
            self.client.add_event_handler(self.edited, events.MessageEdited())
            self.client.add_event_handler(self.deleted, events.MessageDeleted())
        else:
            self.client.add_event_handler(self.heard, events.Raw(kinds))

    async def run(self, abreast):
        # Before anything new comes: what is newest then says nothing about what is missing.
        newest = self.service.newest(self.id)
        async with abreast:
            await self.client.connect()
            if not await self.client.is_user_authorized():
                self.state = "needs_login"
                return
        self.state = "online"
        await self.compare(newest)
        while True:
            await asyncio.sleep(CATCH_UP_SECONDS)
            if self.client.is_connected():
                await self.client.catch_up()
                await self.client._save_states_and_entities()

    async def compare(self, newest):
        """What came while nobody was here, and what Telegram no longer tells as a difference."""
        if not newest:
            return
        async for dialog in self.client.iter_dialogs():
            have = newest.get(dialog.id)
            if have is None or dialog.message is None or dialog.message.id <= have:
                continue
            missed = [message async for message in self.client.iter_messages(dialog.input_entity, min_id=have)]
            for message in reversed(missed):
                if isinstance(message, types.Message):
                    sender = message.sender
                    await self.service.writer.put(("message", self.row(message, utils.get_display_name(sender) if sender else None)))

    def row(self, message, sender_name):
        peer = utils.get_peer_id(message.peer_id)
        sender = utils.get_peer_id(message.from_id) if message.from_id else peer
        out = message.out
        return (
            self.id,
            peer,
            message.id,
            "outgoing" if out else "incoming",
            sender,
            sender_name,
            message.message,
            int(message.date.timestamp()),
            "sent" if out else "received",
        )

    def short_row(self, update):
        """Of somebody who is known: Telegram tells it without the objects around it."""
        out, group = update.out, isinstance(update, types.UpdateShortChatMessage)
        other = update.from_id if group else update.user_id
        return (
            self.id,
            -update.chat_id if group else other,
            update.id,
            "outgoing" if out else "incoming",
            other,
            self.names.get(other),
            update.message,
            int(update.date.timestamp()),
            "sent" if out else "received",
        )

    def name_of(self, message, entities):
        number = utils.get_peer_id(message.from_id or message.peer_id)
        sender = entities.get(number)
        if sender is not None:
            self.names[number] = utils.get_display_name(sender)
        return self.names.get(number)

    async def new(self, event):
        message = event.message
        sender = message.sender
        if sender is not None:
            self.names[message.sender_id] = utils.get_display_name(sender)
        await self.service.writer.put(("message", self.row(message, self.names.get(message.sender_id))))

    async def edited(self, event):
        message = event.message
        await self.service.writer.put(("edit", (message.message, self.id, event.chat_id, message.id)))

    async def deleted(self, event):
        for message_id in event.deleted_ids:
            await self.service.writer.put(("delete", (self.id, message_id)))

    async def heard(self, update):
        put = self.service.writer.put
        if isinstance(update, (types.UpdateShortMessage, types.UpdateShortChatMessage)):
            await put(("message", self.short_row(update)))
            return
        if isinstance(update, types.UpdateDeleteMessages):
            for message_id in update.messages:
                await put(("delete", (self.id, message_id)))
            return
        message = update.message
        if not isinstance(message, types.Message):
            return
        if isinstance(update, (types.UpdateNewMessage, types.UpdateNewChannelMessage)):
            await put(("message", self.row(message, self.name_of(message, update._entities))))
        else:
            await put(("edit", (message.message, self.id, utils.get_peer_id(message.peer_id), message.id)))


class Service:
    def __init__(self, path):
        self.path, self.seq = path, 0
        self.listeners, self.accounts, self.tasks = set(), {}, set()

    async def start(self):
        self.writer = Writer(self.path, asyncio.get_running_loop(), self.tell)
        self.reader = connect(self.path)
        self.abreast = asyncio.Semaphore(ABREAST)
        positions = {}
        for row in self.reader.execute("SELECT * FROM positions"):
            positions.setdefault(row[0], []).append(row)
        for row in self.reader.execute("SELECT id, label, session_string FROM accounts").fetchall():
            self.run(Account(self, row, positions.get(row[0], [])))
        # What is there now stays: the collector need not walk over it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)

    def run(self, account):
        self.accounts[account.id] = account
        task = asyncio.get_running_loop().create_task(account.run(self.abreast))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def stop(self):
        for task in list(self.tasks):
            task.cancel()
        await asyncio.gather(*(one.client.disconnect() for one in self.accounts.values()), return_exceptions=True)
        await asyncio.get_running_loop().run_in_executor(None, self.writer.stop)

    def newest(self, account):
        rows = self.reader.execute(
            "SELECT chat_id, max(message_id) FROM messages WHERE telegram_account_id = ? GROUP BY chat_id", (account,)
        )
        return dict(rows.fetchall())

    def tell(self, rows):
        """Committed: now it is told."""
        if not rows:
            return
        if not self.listeners:
            self.seq += len(rows)
            return
        frames = []
        for account, chat, number, direction, sender, name, text, at, status in rows:
            self.seq += 1
            message = {
                "account_id": account,
                "chat_id": chat,
                "message_id": number,
                "direction": direction,
                "sender": {"id": sender, "name": name},
                "text": text,
                "timestamp": at,
                "status": status,
            }
            event = "message_received" if direction == "incoming" else "message_sent"
            frames.append(orjson.dumps({"seq": self.seq, "event": event, "message": message}).decode())
        for listener in list(self.listeners):
            listener.offer(frames)


class Listener:
    def __init__(self):
        self.frames, self.wake, self.lagging = [], asyncio.Event(), False

    def offer(self, frames):
        if len(self.frames) + len(frames) > BEHIND:
            self.lagging = True
        else:
            self.frames.extend(frames)
        self.wake.set()


service = Service(sys.argv[1])


@contextlib.asynccontextmanager
async def life(_):
    await service.start()
    yield
    await service.stop()


app = FastAPI(lifespan=life, openapi_url=None)


@app.websocket("/ws")
async def listen(socket: WebSocket):
    await socket.accept()
    listener = Listener()
    await socket.send_text(orjson.dumps({"event": "hello", "seq": service.seq}).decode())
    service.listeners.add(listener)
    try:
        while not listener.lagging:
            await listener.wake.wait()
            listener.wake.clear()
            frames, listener.frames = listener.frames, []
            for frame in frames:
                await socket.send_text(frame)
        await socket.close(1013)
    except (WebSocketDisconnect, RuntimeError):
        pass
    finally:
        service.listeners.discard(listener)


@app.get("/health")
async def health():
    online = sum(1 for one in service.accounts.values() if one.state == "online" and one.client.is_connected())
    return {"accounts": len(service.accounts), "online": online}


@app.post("/accounts/add")
async def add_account(request: Request):
    body = orjson.loads(await request.body())
    row = (str(uuid.uuid4()), body["label"], body["session"])
    service.reader.execute("INSERT INTO accounts VALUES (?, ?, ?)", row)
    service.run(Account(service, row, []))
    return {"account": {"id": row[0], "label": row[1]}}


@app.get("/conversations")
async def list_conversations():
    columns = ["id", "account_id", "chat_id", "last_message_at", "unread"]
    rows = service.reader.execute("SELECT * FROM conversations ORDER BY last_message_at DESC LIMIT 100").fetchall()
    return {"conversations": [dict(zip(columns, row)) for row in rows]}


def conversation(number):
    row = service.reader.execute(
        "SELECT telegram_account_id, chat_id FROM conversations WHERE id = ?", (number,)
    ).fetchone()
    if row is None:
        raise HTTPException(404)
    return service.accounts[row[0]].client, row[1]


@app.get("/conversations/{number}/messages")
async def list_messages(number: int):
    _, chat = conversation(number)
    columns = ["id", "message_id", "text", "timestamp", "status"]
    rows = service.reader.execute(
        "SELECT id, message_id, text, timestamp, status FROM messages WHERE chat_id = ? ORDER BY id DESC LIMIT 50", (chat,)
    ).fetchall()
    return {"messages": [dict(zip(columns, row)) for row in rows]}


@app.post("/conversations/{number}/reply")
async def reply(number: int, request: Request):
    client, chat = conversation(number)
    sent = await client.send_message(chat, orjson.loads(await request.body())["text"])
    return {"message_id": sent.id, "status": "sent"}


@app.post("/conversations/{number}/files/{name}")
async def send_file(number: int, name: str, request: Request):
    client, chat = conversation(number)
    with tempfile.TemporaryFile() as file:
        size = 0
        async for piece in request.stream():
            size += file.write(piece)
        file.seek(0)
        up = await client.upload_file(file, file_size=size, file_name=name, part_size_kb=512)
        mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
        sent = await client.send_file(chat, up, force_document=True, mime_type=mime)
    return {"message_id": sent.id, "status": "sent"}


@app.get("/conversations/{number}/messages/{message_id}/file")
async def fetch_file(number: int, message_id: int):
    client, chat = conversation(number)
    message = await client.get_messages(chat, ids=message_id)
    pieces = client.iter_download(message.media, request_size=PART)
    return StreamingResponse(pieces, media_type="application/octet-stream")


def main():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    print("listening on", "http://%s:%d" % listener.getsockname(), flush=True)
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    assert "uvloop" in sys.modules and os.path.isabs(sys.argv[1]), time.time()
    assert uvloop.__version__
    main()
