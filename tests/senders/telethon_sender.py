"""Telethon sends every kind that it can to a supergroup, and says of each what a reader has to be told.

Run with the phone to sign in with, the group, and another member; `SIMULATOR_CONTROL` is where codes are asked for.
"""

import asyncio
import json
import sys

from telethon import functions, helpers, types

from harness import signed_in

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc0000003010100"
    "18dd8db00000000049454e44ae426082"
)


def tell(message_id, **wanted):
    print(json.dumps({"id": message_id, "wanted": wanted}), flush=True)


def entity(kind, offset, length, **more):
    return {"type": kind, "offset": offset, "length": length, **more}


async def main(phone, group, member):
    made = await signed_in(phone)
    await made.get_dialogs()
    chat = await made.get_input_entity(group)

    def sent(updates):
        return next(u.id for u in updates.updates if isinstance(u, types.UpdateMessageID))

    async def media(what, text="", entities=None):
        request = functions.messages.SendMediaRequest(chat, what, text, entities=entities)
        return sent(await made(request))

    # Formatted: all that a person can mark, one inside the other, behind letters of two units.
    text = "😀 bold italic code pre link name hidden quoted struck under"
    marks = [
        (types.MessageEntityBold, "bold", {}, {}),
        (types.MessageEntityItalic, "italic", {}, {}),
        (types.MessageEntityCode, "code", {}, {}),
        (types.MessageEntityPre, "pre", {"language": "rust"}, {"language": "rust"}),
        (types.MessageEntityTextUrl, "link", {"url": "https://example.org/a"}, {"url": "https://example.org/a"}),
        (types.MessageEntitySpoiler, "hidden", {}, {}),
        (types.MessageEntityBlockquote, "quoted", {}, {}),
        (types.MessageEntityStrike, "struck", {}, {}),
        (types.MessageEntityUnderline, "under", {}, {}),
    ]
    names = {
        types.MessageEntityTextUrl: "text_url",
        types.MessageEntitySpoiler: "spoiler",
        types.MessageEntityBlockquote: "blockquote",
        types.MessageEntityStrike: "strike",
        types.MessageEntityUnderline: "underline",
    }
    units = helpers.add_surrogate(text)
    sending, told = [], []
    for kind, word, fields, more in marks:
        at = units.index(word)
        sending.append(kind(at, len(word), **fields))
        told.append(entity(names.get(kind, word), at, len(word), **more))
    sending.insert(1, types.MessageEntityItalic(units.index("bold"), len("bold italic")))
    told.insert(1, entity("italic", units.index("bold"), len("bold italic")))
    formatted = await made.send_message(group, text, formatting_entities=sending)
    tell(formatted.id, text=text, entities=told, media=None)

    quote = types.InputReplyToMessage(formatted.id, quote_text="bold italic", quote_entities=[])
    answer = sent(await made(functions.messages.SendMessageRequest(chat, "about that", reply_to=quote)))
    tell(answer, text="about that", quote="bold italic", reply_to_message_id=str(formatted.id))

    photo = await made.upload_file(PNG, file_name="dot.png")
    tell(
        await media(types.InputMediaUploadedPhoto(photo), "a picture", [types.MessageEntityBold(2, 7)]),
        text="a picture",
        entities=[entity("bold", 2, 7)],
        media={"kind": "photo", "mime": "image/jpeg"},
    )
    photo = await made.upload_file(PNG, file_name="dot.png")
    tell(
        await media(types.InputMediaUploadedPhoto(photo, ttl_seconds=5)),
        media={"kind": "photo", "vanishes_after": 5, "thumb": None},
    )
    file = await made.upload_file(b"one,two", file_name="figures.csv")
    tell(
        await media(
            types.InputMediaUploadedDocument(file, "text/csv", [types.DocumentAttributeFilename("figures.csv")])
        ),
        media={"kind": "document", "name": "figures.csv", "mime": "text/csv"},
    )
    async def document(content, name, mime, *attributes):
        file = await made.upload_file(content, file_name=name)
        return await media(types.InputMediaUploadedDocument(file, mime, list(attributes)))

    tell(
        await document(b"OggS and sounds", "voice.ogg", "audio/ogg", types.DocumentAttributeAudio(3, voice=True)),
        media={"kind": "voice", "mime": "audio/ogg", "duration": 3, "size": 15},
    )
    tell(
        await document(b"a film", "film.mp4", "video/mp4", types.DocumentAttributeVideo(4.0, 640, 480)),
        media={"kind": "video", "mime": "video/mp4", "duration": 4, "width": 640, "height": 480, "size": 6},
    )
    own = types.DocumentAttributeSticker("🙂", types.InputStickerSetEmpty())
    tell(
        await document(b"RIFF a sticker", "sticker.webp", "image/webp", own),
        media={"kind": "sticker", "name": "🙂", "mime": "image/webp", "sticker": {"emoji": "🙂"}},
    )
    # An album: one message each, the words under the first.
    pictures = [await made.upload_file(PNG, file_name=f"{number}.png") for number in range(3)]
    album = await made.send_file(group, pictures, caption=["three of them", "", ""], force_document=False)
    for at, message in enumerate(album):
        tell(
            message.id,
            text="three of them" if at == 0 else "",
            album_id=str(message.grouped_id),
            media={"kind": "photo", "mime": "image/jpeg", "width": 1, "height": 1},
        )
    place = types.InputGeoPoint(33.5, 36.25)
    where = {"latitude": 33.5, "longitude": 36.25}
    tell(await media(types.InputMediaGeoPoint(place)), media={"kind": "location", "location": where})
    tell(
        await media(types.InputMediaVenue(place, "Office", "1 Example Street", "", "", "")),
        media={"kind": "location", "name": "Office", "location": {**where, "title": "Office", "address": "1 Example Street"}},
    )
    tell(
        await media(types.InputMediaGeoLive(place, heading=90, period=900)),
        media={"kind": "location", "location": {**where, "live_for": 900, "heading": 90}},
    )
    tell(
        await media(types.InputMediaContact("99966", "Amal", "S", "")),
        media={"kind": "contact", "name": "Amal S", "contact": {"first_name": "Amal", "last_name": "S", "phone": "99966"}},
    )
    tell(await media(types.InputMediaDice("🎲")), media={"kind": "dice", "dice": {"emoji": "🎲"}})

    def words(text):
        return types.TextWithEntities(text, [])

    answers = [types.PollAnswer(words("This"), b"\0"), types.PollAnswer(words("That"), b"\1")]
    poll = types.Poll(1, words("Which?"), answers, hash=0, multiple_choice=True, public_voters=True)
    asked = await media(types.InputMediaPoll(poll))
    await made(functions.messages.SendVoteRequest(chat, asked, [b"\0", b"\1"]))
    tell(
        asked,
        media={
            "kind": "poll",
            "name": "Which?",
            "poll": {"question": "Which?", "multiple": True, "anonymous": False, "quiz": False, "voters": 1},
        },
    )

    edited = await made.send_message(group, "before")
    await made.edit_message(group, edited.id, "after", formatting_entities=[types.MessageEntityCode(0, 5)])
    tell(edited.id, text="after", entities=[entity("code", 0, 5)])

    liked = await made.send_message(group, "liked")
    await made(functions.messages.SendReactionRequest(chat, liked.id, reaction=[types.ReactionEmoji("👍")]))
    me = await made.get_me()
    who = [{"id": str(me.id), "name": me.first_name}]
    tell(liked.id, reactions=[{"emoji": "👍", "count": 1, "mine": False, "who": who}])

    forwarded = await made.forward_messages(group, formatted.id, group)
    tell(forwarded.id, text=text, entities=told, forwarded_from={"id": str(me.id), "name": me.first_name})
    await made.disconnect()
    print(json.dumps({"done": True}), flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
