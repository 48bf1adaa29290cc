"""TL: objects to bytes and back, by Telethon's types. Nothing of a schema is written down here."""

import struct

from telethon.extensions import BinaryReader
from telethon.tl.core import GzipPacked

VECTOR = 0x1CB5C415
RPC_RESULT = 0xF35C6D01
# Telegram packs what is worth it.
WORTH_PACKING = 128


def read(data):
    """The object at the beginning of these bytes, unpacked where it is packed."""
    with BinaryReader(data) as reader:
        found = reader.tgread_object()
    return read(found.data) if isinstance(found, GzipPacked) else found


def write(found):
    """An object, or a vector of objects."""
    if isinstance(found, list):
        return struct.pack("<Ii", VECTOR, len(found)) + b"".join(map(bytes, found))
    if isinstance(found, bool):
        return struct.pack("<I", 0x997275B5 if found else 0xBC799737)
    return bytes(found)


def rpc_result(request_id, body):
    return struct.pack("<Iq", RPC_RESULT, request_id) + body


def packed(body):
    """The same as `gzip_packed`, or None when that would not be shorter."""
    if len(body) < WORTH_PACKING:
        return None
    short = bytes(GzipPacked(body))
    return short if len(short) < len(body) else None


def name_of(request):
    """`messages.SendMessage`, as Telegram's documentation lists it."""
    kind = type(request)
    place = kind.__module__.rsplit(".", 1)[-1]
    plain = kind.__name__.removesuffix("Request")
    return plain if place == "functions" else f"{place}.{plain}"
