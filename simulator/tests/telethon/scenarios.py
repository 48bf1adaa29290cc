"""What a real client does with the simulated Telegram. One scenario per run: `scenarios.py <name> [transport]`."""

import asyncio
import datetime
import hashlib
import io
import os
import random
import sys
import traceback

from telethon import errors, events, functions, types

from harness import account, do, get, ledger, note, person, signed_in, until
from sign_ins import code, codes, expired_code, migration, password, qr  # noqa: F401: found by their names


def furnish(phone, name):
    """An account with every kind of chat, each with something in it."""
    me = account(phone, name)
    friend = person("Nadia", username=f"nadia{me}")
    bot = person("Helper", username=f"helper{me}bot", bot=True)
    chats = {
        "private": friend,
        "bot": bot,
        "group": do("add_group", title="Neighbours", members=[friend, me])["id"],
        "supergroup": do("add_supergroup", title="Street", members=[friend, me])["id"],
        "channel": do("add_channel", title="News", members=[friend, me])["id"],
    }
    for kind, chat in chats.items():
        speaker, where = (bot, me) if kind == "bot" else (friend, me) if kind == "private" else (friend, chat)
        do("say_many", **{"from": speaker, "chat": where, "texts": [f"{kind} {n} Привет 你好" for n in range(250)]})
    return me, friend, chats


async def reading(transport):
    """Every kind of chat is listed and read to its beginning, exactly as the ledger has it."""
    phone = "+99966 2 1007"
    me, friend, chats = furnish(phone, "Reader")
    media = {"kind": "photo", "width": 640, "height": 480}
    do("say_media", **{"from": friend, "chat": me, "media": media, "caption": "a view"})
    kinds = [
        {"kind": "document", "name": "a.pdf", "mime": "application/pdf", "size": 100},
        {"kind": "voice", "seconds": 3, "size": 100},
        {"kind": "video", "seconds": 3, "width": 10, "height": 10, "size": 100},
        {"kind": "sticker", "emoji": "👍"},
        {"kind": "location", "latitude": 1.5, "longitude": 2.5},
        {"kind": "contact", "phone": "99966", "first_name": "C", "last_name": "D", "user_id": friend},
        {"kind": "poll", "question": "Which?", "answers": ["one", "two"]},
    ]
    for media in kinds:
        do("say_media", **{"from": friend, "chat": chats["supergroup"], "media": media})
    do("set_title", chat=chats["group"], by=friend, title="Good neighbours")
    made = await signed_in(phone, transport)
    dialogs = await made.get_dialogs()
    titles = sorted(dialog.name for dialog in dialogs)
    assert titles == ["Good neighbours", "Helper", "Nadia", "News", "Street"], titles
    for kind, chat in chats.items():
        got = {m.id: m.message async for m in made.iter_messages(chat) if m.action is None}
        want = ledger(me, chat)
        assert got == want, (kind, len(got), len(want))
    photo = [m async for m in made.iter_messages(friend, limit=1)][0]
    assert photo.photo is not None and photo.message == "a view", photo
    drawn = await made.download_media(photo, bytes)
    assert drawn.startswith(b"\x89PNG") and len(drawn) == photo.file.size, len(drawn)
    sent = [m async for m in made.iter_messages(chats["supergroup"], limit=7)]
    assert [type(m.media).__name__ for m in reversed(sent)] == [
        "MessageMediaDocument",
        "MessageMediaDocument",
        "MessageMediaDocument",
        "MessageMediaDocument",
        "MessageMediaGeo",
        "MessageMediaContact",
        "MessageMediaPoll",
    ], sent
    found = [m.message async for m in made.iter_messages(friend, search="private 24")]
    assert len(found) == 11, found
    everywhere = [m.message async for m in made.iter_messages(None, search="249")]
    assert len(everywhere) == 5, everywhere
    first = min(ledger(me, friend))
    old = await made.get_messages(friend, ids=[first, first + 1, 999999])
    assert [m is not None for m in old] == [True, True, False], old
    participants = await made.get_participants(chats["supergroup"])
    assert sorted(p.id for p in participants) == sorted([me, friend]), participants
    full = await made(functions.users.GetFullUserRequest(friend))
    assert full.full_user.id == friend
    await made.disconnect()


async def paging(transport):
    """Every way to page leads to the same as the ledger: from the old end, from the middle, between two, by words, by topic."""
    phone = "+99966 2 1032"
    me, friend, chats = furnish(phone, "Pager")
    made = await signed_in(phone, transport)
    await made.get_dialogs()

    async def ids(chat, **how):
        # Otherwise it rests for a second after each page.
        return [m.id async for m in made.iter_messages(chat, wait_time=0, **how)]

    for kind, chat in chats.items():
        told = sorted(int(m["id"]) for m in get(f"/ledger/{me}")[str(chat)]["messages"] if not m["deleted"])
        assert await ids(chat) == told[::-1], kind
        assert await ids(chat, reverse=True) == told, kind
        assert await ids(chat, reverse=True, limit=130) == told[:130], kind
        for after in (0, 1, 99, 100, 101, 149, 150, 151, len(told) - 2, len(told) - 1):
            rest = told[after + 1 :]
            assert await ids(chat, min_id=told[after], reverse=True) == rest, (kind, after)
            assert await ids(chat, min_id=told[after]) == rest[::-1], (kind, after)
            assert await ids(chat, offset_id=told[after]) == told[:after][::-1], (kind, after)
            between = [one for one in told if told[after] < one < told[-20]]
            assert await ids(chat, min_id=told[after], max_id=told[-20], reverse=True) == between, (kind, after)
        assert await ids(chat, add_offset=3, limit=5) == told[::-1][3:8], kind
        around = await ids(chat, offset_id=told[-5], add_offset=-20, limit=30)
        assert around == told[::-1][:15], (kind, around)
        found = [n for n, text in ledger(me, chat).items() if "1" in text]
        assert len(found) > 100 and await ids(chat, search="1") == sorted(found, reverse=True), kind
        assert await ids(chat, search="1", reverse=True) == sorted(found), kind
        assert (await made.get_messages(chat, limit=0)).total == len(told), kind

    forum = do("add_forum", title="Board", members=[friend, me])["id"]
    topics = [do("add_topic", forum=forum, by=friend, title=f"topic {n}")["id"] for n in range(120)]
    said = [do("say_in_topic", **{"from": friend, "forum": forum, "topic": topics[3], "text": f"post {n}"})["id"] for n in range(140)]
    await made.get_dialogs()
    assert await ids(forum, reply_to=topics[3]) == said[::-1]
    assert await ids(forum, reply_to=topics[3], reverse=True) == said
    listed, offset = [], 0
    while True:
        page = await made(functions.messages.GetForumTopicsRequest(await made.get_input_entity(forum), None, 0, offset, 100))
        assert page.count == 121, page.count
        if not page.topics:
            break
        listed += [topic.id for topic in page.topics]
        offset = listed[-1]
    assert listed == topics[::-1] + [1], listed
    page = await made(functions.messages.GetForumTopicsRequest(await made.get_input_entity(forum), None, 0, 0, 100, q="TOPIC 11"))
    assert sorted(topic.title for topic in page.topics) == sorted(["topic 11"] + [f"topic {n}" for n in range(110, 120)])

    crowd = [person(f"Guest {n}") for n in range(450)]
    hall = do("add_supergroup", title="Hall", members=[friend, me, *crowd])["id"]
    await made.get_dialogs()
    everybody = await made.get_participants(hall)
    assert sorted(one.id for one in everybody) == sorted([friend, me, *crowd])
    some = await made.get_participants(hall, search="guest 44")
    assert sorted(one.id for one in some) == sorted([crowd[44], *crowd[440:]]), some

    others = [person(f"Caller {n}") for n in range(210)]
    for one in others:
        do("say", **{"from": one, "chat": me, "text": "hello"})
        do("advance", seconds=1)
    await made.get_dialogs()
    for pinned in (others[0], chats["group"], others[209]):
        await made(functions.messages.ToggleDialogPinRequest(await made.get_input_entity(pinned), pinned=True))
    want = sorted([*others, *chats.values(), forum, hall])
    for how in ({}, {"limit": None, "ignore_pinned": False}):
        got = [dialog.id async for dialog in made.iter_dialogs(**how)]
        assert sorted(got) == want, (len(got), len(want))
        assert got[:3] == [others[209], chats["group"], others[0]], got[:3]
    rest = [dialog.id async for dialog in made.iter_dialogs(ignore_pinned=True)]
    assert sorted([*rest, others[0], chats["group"], others[209]]) == want, len(rest)
    await made.disconnect()


async def files(transport):
    """Uploads and fetches files around every border, from a second data centre and with a reference that has expired."""
    phone = "+99966 2 1027"
    me, friend, chats = furnish(phone, "Files")
    made = await signed_in(phone, transport)
    await made.get_dialogs()
    part = 512 * 1024
    for size in (1, 1023, 1024, part - 1, part, part + 1, 10 * 1024 * 1024 - 1, 10 * 1024 * 1024 + 1):
        if size == part + 1:
            do("set_files_dc", dc=4)
        content = random.Random(size).randbytes(size)
        sent = await made.send_file(friend, io.BytesIO(content), attributes=[types.DocumentAttributeFilename("a b.bin")], force_document=True)
        assert sent.document.size == size and sent.file.name == "a b.bin", sent.document
        assert await made.download_media(sent, bytes) == content, size
        assert sent.document.dc_id == (2 if size <= part else 4), sent.document.dc_id
    do("expire_file_references")
    old = sent.document
    location = types.InputDocumentFileLocation(old.id, old.access_hash, old.file_reference, "")
    try:
        await made(functions.upload.GetFileRequest(location, offset=0, limit=4096))
        raise AssertionError("an expired reference was taken")
    except errors.FileReferenceExpiredError:
        pass
    again = (await made.get_messages(friend, ids=[sent.id]))[0]
    assert await made.download_media(again, bytes) == content
    forwarded = await made.forward_messages(chats["group"], again)
    assert forwarded.document.id == sent.document.id
    do("forget_file", user=me, chat=friend, id=sent.id)
    try:
        await made.download_media(again, bytes)
        raise AssertionError("a file that is gone was given")
    except errors.FileIdInvalidError:
        pass
    photo = do("set_photo", of=friend)["id"]
    seen = await made.get_entity(friend)
    assert seen.photo.photo_id == photo, seen.photo
    assert (await made.download_profile_photo(friend, bytes)).startswith(b"\x89PNG")
    await made.disconnect()


async def sending_files(transport):
    """Sends files of every kind to somebody else's account; each caption says what it is and what its bytes are."""
    to = int(os.environ["SCENARIO_TO"])
    phone = "+99966 2 1031"
    me = account(phone, "Sender")
    do("say", **{"from": to, "chat": me, "text": "hello"})
    made = await signed_in(phone, transport)
    await made.get_dialogs()

    async def send(kind, name, content, **how):
        file = io.BytesIO(content)
        file.name = name
        caption = f"{kind} {hashlib.sha256(content).hexdigest()}"
        return await made.send_file(to, file, caption=caption, **how)

    part = 512 * 1024
    for size in (1, part - 1, part, part + 1, 10 * 1024 * 1024 - 1, 10 * 1024 * 1024 + 1):
        await send("document", f"отчёт {size}.bin", random.Random(size).randbytes(size), force_document=True)
    voice = [types.DocumentAttributeAudio(3, voice=True)]
    await send("voice", "voice.ogg", random.Random(3).randbytes(9_000), attributes=voice, voice_note=True)
    video = [types.DocumentAttributeVideo(4, 640, 480, supports_streaming=True)]
    await send("video", "film.mp4", random.Random(4).randbytes(700_000), attributes=video)
    photo = do("add_person", first_name="Painter")["id"]
    do("say_media", **{"from": photo, "chat": me, "media": {"kind": "photo", "width": 640, "height": 480}})
    await made.get_dialogs()
    drawn = [m async for m in made.iter_messages(photo, limit=1)][0]
    await send("photo", "view.png", await made.download_media(drawn, bytes))
    again = [m async for m in made.iter_messages(to, limit=2)][1]
    await made.send_file(to, again.document, caption=again.message)
    await made.disconnect()


async def writing(transport):
    """Sends, answers, edits, forwards and deletes in every kind of chat it may write to."""
    phone = "+99966 2 1008"
    me, friend, chats = furnish(phone, "Writer")
    made = await signed_in(phone, transport)
    await made.get_dialogs()
    for kind in ("private", "bot", "group", "supergroup"):
        chat = chats[kind]
        sent = await made.send_message(chat, f"hello {kind}")
        answer = await made.send_message(chat, "an answer", reply_to=sent.id)
        assert answer.reply_to.reply_to_msg_id == sent.id, answer
        await made.edit_message(chat, sent.id, f"hello again {kind}")
        gone = await made.send_message(chat, "to be deleted")
        await made.delete_messages(chat, [gone.id])
        texts = list(ledger(me, chat).values())
        assert texts[-2:] == [f"hello again {kind}", "an answer"], texts[-3:]
        await made.send_read_acknowledge(chat)
    forwarded = await made.forward_messages(chats["group"], min(ledger(me, friend)), friend)
    assert forwarded.fwd_from is not None, forwarded
    try:
        await made.send_message(chats["channel"], "I may not")
        raise AssertionError("posted in somebody else's channel")
    except errors.ChatWriteForbiddenError:
        pass
    me_sent = await made.send_message("me", "a note")
    assert ledger(me, me)[me_sent.id] == "a note"
    await made.disconnect()


async def live(transport):
    """New messages, edits, deletions, typing and read marks are told while they happen."""
    phone = "+99966 2 1009"
    me, friend, chats = furnish(phone, "Listener")
    made = await signed_in(phone, transport)
    await made.get_dialogs()
    new, edited, deleted, typing = [], [], [], []
    made.add_event_handler(lambda e: _keep(new, (e.chat_id, e.id, e.raw_text)), events.NewMessage(incoming=True))
    made.add_event_handler(lambda e: _keep(edited, e.raw_text), events.MessageEdited())
    made.add_event_handler(lambda e: _keep(deleted, *e.deleted_ids), events.MessageDeleted())
    made.add_event_handler(lambda e: _keep(typing, e.user_id), events.UserUpdate(func=lambda e: e.typing))
    want = []
    for kind in ("private", "group", "supergroup", "channel"):
        chat = chats[kind]
        where = me if kind == "private" else chat
        did = do("say", **{"from": friend, "chat": where, "text": f"now in {kind}"})["id"]
        want.append((chat, did, f"now in {kind}"))
        do("edit", **{"from": friend, "chat": where, "id": did, "text": f"corrected in {kind}"})
        gone = do("say", **{"from": friend, "chat": where, "text": "soon gone"})["id"]
        want.append((chat, gone, "soon gone"))
        do("delete", **{"from": friend, "chat": where, "ids": [gone]})
    do("typing", by=friend, chat=me)
    await until("new messages", lambda: sorted(new) == sorted(want) or new)
    await until("edits", lambda: len(edited) == 4 or edited)
    await until("deletions", lambda: len(deleted) == 4 or deleted)
    await until("typing", lambda: typing == [friend] or typing)
    await made.disconnect()


async def later(transport):
    """Schedules messages: one is changed and goes out at its time, one is sent before it, one withdrawn. And a draft."""
    phone = "+99966 2 1011"
    me, friend, _ = furnish(phone, "Later")
    made = await signed_in(phone, transport)
    await made.get_dialogs()
    gone = []
    made.add_event_handler(lambda update: _keep(gone, update), events.Raw(types.UpdateDeleteScheduledMessages))
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
    first, second, third = [await made.send_message(friend, text, schedule=when) for text in ("at nine", "now", "never")]
    there = await made.get_input_entity(friend)

    async def listed():
        answer = await made(functions.messages.GetScheduledHistoryRequest(there, 0))
        return sorted(message.message for message in answer.messages)

    assert await listed() == ["at nine", "never", "now"], await listed()
    before = set(ledger(me, friend))
    moved = when + datetime.timedelta(minutes=30)
    await made(functions.messages.EditMessageRequest(there, first.id, message="at half past nine", schedule_date=moved))
    await made(functions.messages.SendScheduledMessagesRequest(there, [second.id]))
    await made(functions.messages.DeleteScheduledMessagesRequest(there, [third.id]))
    assert await listed() == ["at half past nine"], await listed()
    try:
        await made(functions.messages.SendScheduledMessagesRequest(there, [third.id]))
        raise AssertionError("a withdrawn message was sent")
    except errors.MessageIdInvalidError:
        pass
    do("advance", seconds=3700)
    assert await listed() == ["at half past nine"], "it went out before its time"
    do("advance", seconds=1800)
    news = lambda: [text for number, text in sorted(ledger(me, friend).items()) if number not in before]
    await until("both to be sent", lambda: news() == ["now", "at half past nine"] or news())
    sent = lambda: [update.sent_messages for update in gone if update.sent_messages]
    await until("word of both", lambda: len(sent()) == 2 or gone)
    assert await listed() == []
    await made(functions.messages.SaveDraftRequest(there, "half a sen"))
    drafts = [draft.text for draft in await made.get_drafts() if not draft.is_empty]
    assert drafts == ["half a sen"], drafts
    await made.disconnect()


async def _keep(into, *what):
    into.extend(what)


async def cut_off(transport):
    """Cut off while 500 messages arrive in a private chat, a basic group and a channel: ends with exactly the ledger."""
    phone = "+99966 2 1010"
    me, friend, chats = furnish(phone, "Away")
    made = await signed_in(phone, transport, catch_up=True)
    await made.get_dialogs()
    before = {kind: set(ledger(me, chats[kind])) for kind in chats}
    got = {}
    made.add_event_handler(lambda e: note(got, e), events.NewMessage())
    do("say", **{"from": friend, "chat": chats["channel"], "text": "the last one seen"})
    await until("a first message", lambda: len(got) == 1 or got)
    do("set_wire_fault", fault={"kind": "refuse_connects"})
    do("cut", user=me)
    await until("the cut", lambda: get("/counters")["connections"] == 0)
    for kind in ("private", "group", "channel"):
        where = me if kind == "private" else chats[kind]
        texts = [f"while away {n}" for n in range(500)]
        do("say_many", **{"from": friend, "chat": where, "texts": texts})
    do("clear_faults")
    await until("a connection", lambda: get("/counters")["connections"] >= 1)
    await made.catch_up()
    want = {}
    for kind in ("private", "group", "channel"):
        for number, text in ledger(me, chats[kind]).items():
            if number not in before[kind]:
                want[(chats[kind], number)] = text
    assert len(want) == 1501, len(want)
    await until("all that was missed", lambda: set(got) == set(want) or (len(got), len(want)))
    assert got == want
    await made.disconnect()


async def main():
    name, transport = sys.argv[1], (sys.argv[2:] or ["full"])[0]
    try:
        await asyncio.wait_for(globals()[name](transport), 100)
    except BaseException:
        # A client that is still connected does not let the loop end, and nobody would learn why.
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    unknown = get("/counters")["unknown_methods"]
    assert unknown == [], unknown
    print("ok", name, transport)


if __name__ == "__main__":
    asyncio.run(main())
