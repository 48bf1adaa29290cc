"""Telethon as the other side: says of each message of a chat what came, and what its file's hash is.

Run with the phone to sign in with and the user who writes; `SIMULATOR_CONTROL` is where codes are asked for.
"""

import asyncio
import hashlib
import json
import sys

from harness import signed_in


def kind_of(message):
    for kind in ("photo", "voice", "video", "audio", "document"):
        if getattr(message, kind):
            return kind
    return None


async def main(phone, sender):
    made = await signed_in(phone)
    await made.get_dialogs()
    chat = await made.get_input_entity(sender)
    async for message in made.iter_messages(chat, reverse=True):
        if message.out or not message.media:
            continue
        data = await made.download_media(message, bytes)
        print(
            json.dumps(
                {
                    "id": message.id,
                    "text": message.raw_text,
                    "kind": kind_of(message),
                    "name": message.file.name,
                    "mime": message.file.mime_type,
                    "seconds": message.file.duration,
                    "album": message.grouped_id,
                    "sha256": hashlib.sha256(data).hexdigest(),
                }
            ),
            flush=True,
        )
    await made.disconnect()
    print(json.dumps({"done": True}), flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
