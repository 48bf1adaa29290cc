"""Telethon is the other side of what the service does: it says what it hears, until somebody says goodbye.

Run with the phone to sign in with; `SIMULATOR_CONTROL` is where codes are asked for.
"""

import asyncio
import hashlib
import json
import sys

from telethon import events, types

from harness import signed_in


def tell(**heard):
    print(json.dumps(heard), flush=True)


async def main(phone):
    client = await signed_in(phone)
    await client.get_dialogs()
    over = asyncio.Event()

    @client.on(events.NewMessage())
    async def new(event):
        message = event.message
        data = await message.download_media(bytes) if message.file else None
        tell(
            heard="new",
            text=message.message,
            forwarded=message.fwd_from is not None,
            entities=[[type(one).__name__, one.offset, one.length] for one in message.entities or []],
            quote=message.reply_to.quote_text if message.reply_to else None,
            sha256=hashlib.sha256(data).hexdigest() if data else None,
        )
        if message.message == "goodbye":
            over.set()

    @client.on(events.MessageEdited())
    async def edited(event):
        reactions = event.message.reactions
        tell(
            heard="edited",
            text=event.message.message,
            entities=[[type(one).__name__, one.offset, one.length] for one in event.message.entities or []],
            reactions=[one.reaction.emoticon for one in reactions.results] if reactions else [],
        )

    @client.on(events.MessageDeleted())
    async def deleted(event):
        tell(heard="deleted", count=len(event.deleted_ids))

    @client.on(events.Raw(types.UpdatePinnedMessages))
    async def pinned(update):
        tell(heard="pinned", pinned=bool(update.pinned))

    tell(heard="ready")
    await asyncio.wait_for(over.wait(), 60)
    await client.disconnect()


asyncio.run(main(*sys.argv[1:]))
