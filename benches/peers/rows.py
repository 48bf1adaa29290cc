"""The peer's rows: the tables, the one who writes them, and a session that lies among them."""

import asyncio
import contextlib
import datetime
import queue
import sqlite3
import threading

from telethon import types
from telethon.sessions import StringSession

# Rows of one transaction.
BATCH = 2_000

SCHEMA = """
CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, label TEXT, session_string TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS positions (telegram_account_id TEXT, entity INTEGER, pts INTEGER, qts INTEGER, date INTEGER,
    seq INTEGER, access_hash INTEGER, PRIMARY KEY (telegram_account_id, entity)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS conversations (id INTEGER PRIMARY KEY, telegram_account_id TEXT, chat_id INTEGER,
    last_message_at INTEGER, unread INTEGER NOT NULL DEFAULT 0, UNIQUE (telegram_account_id, chat_id));
CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, telegram_account_id TEXT, chat_id INTEGER,
    message_id INTEGER, direction TEXT, sender_id INTEGER, sender_name TEXT, text TEXT, timestamp INTEGER, status TEXT,
    UNIQUE (telegram_account_id, chat_id, message_id));
"""
MESSAGE = """INSERT INTO messages (telegram_account_id, chat_id, message_id, direction, sender_id, sender_name, text,
    timestamp, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"""
CONVERSATION = """INSERT INTO conversations (telegram_account_id, chat_id, last_message_at, unread) VALUES (?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET last_message_at = max(last_message_at, excluded.last_message_at),
    unread = unread + excluded.unread"""
POSITION = "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?, ?, ?)"


def connect(path):
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    db.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;")
    db.executescript("PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -6144; PRAGMA temp_store = MEMORY;")
    return db


class Writer:
    """The only one who writes, in a thread of its own: sqlite3 gives the interpreter free while it waits for the disk."""

    def __init__(self, path, loop, told):
        self.db, self.loop, self.told = connect(path), loop, told
        self.db.executescript(SCHEMA)
        self.waiting = queue.SimpleQueue()
        # So much may wait; whoever brings more waits for room.
        self.room = asyncio.Semaphore(20_000)
        self.thread = threading.Thread(target=self.run, name="writer")
        self.thread.start()

    async def put(self, item):
        await self.room.acquire()
        self.waiting.put(item)

    def put_position(self, row):
        self.waiting.put(("position", row))

    def stop(self):
        self.waiting.put(None)
        self.thread.join()

    def run(self):
        while True:
            items = [self.waiting.get()]
            with contextlib.suppress(queue.Empty):
                while len(items) < BATCH and items[-1] is not None:
                    items.append(self.waiting.get_nowait())
            last = items[-1] is None
            if last:
                items.pop()
            if items:
                fresh = self.write(items)
                brought = sum(1 for kind, _ in items if kind != "position")
                self.loop.call_soon_threadsafe(self.committed, brought, fresh)
            if last:
                self.db.close()
                return

    def committed(self, brought, fresh):
        for _ in range(brought):
            self.room.release()
        self.told(fresh)

    def write(self, items):
        """In one transaction; answers the messages that were new."""
        rows = [row for kind, row in items if kind == "message"]
        db = self.db
        db.execute("BEGIN IMMEDIATE")
        before = db.total_changes
        db.executemany(MESSAGE, rows)
        if db.total_changes - before == len(rows):
            fresh = rows
        else:
            # Some were there: which ones is told by writing them one by one.
            db.execute("ROLLBACK")
            db.execute("BEGIN IMMEDIATE")
            fresh = [row for row in rows if db.execute(MESSAGE, row).rowcount == 1]
        chats = {}
        for row in fresh:
            key = row[:2]
            at, unread = chats.get(key, (0, 0))
            chats[key] = (max(at, row[7]), unread + (row[3] == "incoming"))
        db.executemany(CONVERSATION, [(*key, *value) for key, value in chats.items()])
        for kind, row in items:
            if kind == "edit":
                db.execute("UPDATE messages SET text = ? WHERE telegram_account_id = ? AND chat_id = ? AND message_id = ?", row)
            elif kind == "delete":
                db.execute("UPDATE messages SET status = 'deleted' WHERE telegram_account_id = ? AND message_id = ?", row)
        db.executemany(POSITION, [row for kind, row in items if kind == "position"])
        db.execute("COMMIT")
        return fresh


class StoredSession(StringSession):
    """A session string from the database; Telegram's positions go through the writer, behind the messages before them."""

    def __init__(self, text, account, writer, positions):
        super().__init__(text)
        self.account, self.writer = account, writer
        for _, entity, pts, qts, date, seq, access_hash in positions:
            date = datetime.datetime.fromtimestamp(date, datetime.timezone.utc)
            super().set_update_state(entity, types.updates.State(pts, qts, date, seq, 0))
            if entity and access_hash is not None:
                self.process_entities([types.InputPeerChannel(entity, access_hash)])

    def set_update_state(self, entity, state):
        known = self._update_states.get(entity)
        if known and known.pts == state.pts and known.qts == state.qts:
            return
        super().set_update_state(entity, state)
        access_hash = None
        if entity:
            with contextlib.suppress(ValueError):
                access_hash = self.get_input_entity(types.PeerChannel(entity)).access_hash
        date = int(state.date.timestamp())
        self.writer.put_position((self.account, entity, state.pts, state.qts, date, state.seq, access_hash))
