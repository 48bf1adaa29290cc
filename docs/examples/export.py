"""Takes a chat or a whole account out, as Telegram Desktop does: result.json, and its files beside it. Whatever breaks off, started
again it goes on where it was. Python 3.9 or newer, nothing to install.

SWITCHBOARD=http://127.0.0.1:8080 SWITCHBOARD_TOKEN=swb_… python3 export.py conversations/12 FOLDER
SWITCHBOARD=http://127.0.0.1:8080 SWITCHBOARD_TOKEN=swb_… python3 export.py accounts/5b2e… FOLDER
"""

import json
import os
import pathlib
import sys
import urllib.error
import urllib.request

BASE = os.environ.get("SWITCHBOARD", "http://127.0.0.1:8080")
TOKEN = os.environ.get("SWITCHBOARD_TOKEN")


def get(path, headers=()):
    headers = dict(headers)
    if TOKEN:
        headers["Authorization"] = f"Bearer {TOKEN}"
    return urllib.request.urlopen(urllib.request.Request(BASE + path, None, headers), timeout=60)


def replace(path, data):
    """Whole or not at all."""
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(data)
    beside.replace(path)


def history(what, folder):
    """The pieces one after another are the file. What counts of it stands in `place`: how long it is, and where the next begins."""
    place, part = folder / "place", folder / "result.part"
    length, cursor = place.read_text().split() if place.exists() else ("0", "start")
    with open(part, "ab") as file:
        file.truncate(int(length))
        while cursor != "-":
            with get(f"/export/{what}?cursor={cursor}") as answer:
                piece = answer.read()
                cursor = answer.headers.get("Next-Cursor", "-")
            file.write(piece)
            file.flush()
            replace(place, f"{file.tell()} {cursor}".encode())
    return json.loads(part.read_bytes())


def fetch(url, path):
    part = path.with_name(path.name + ".part")
    have = part.stat().st_size if part.exists() else 0
    try:
        answer = get(url, {"Range": f"bytes={have}-"} if have else {})
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        # All of it is here.
        answer = None
    if answer:
        with answer, open(part, "ab" if answer.status == 206 else "wb") as file:
            expected = int(answer.headers.get("Content-Length", -1))
            came = 0
            while block := answer.read(1 << 16):
                file.write(block)
                came += len(block)
        if came < expected:
            raise OSError(f"{url} broke off")
    part.replace(path)


def files(export, folder):
    (folder / "files").mkdir(exist_ok=True)
    chats = export["chats"]["list"] if "chats" in export else [export]
    for message in (message for chat in chats for message in chat["messages"]):
        url = message.get("media_url")
        field = "photo" if "photo" in message else "file"
        if not url or field not in message:
            continue
        name = pathlib.PurePath(message.get("file_name") or field).name
        path = folder / "files" / f"{url.split('/')[2]}_{name}"
        try:
            if not path.exists():
                fetch(url, path)
        except urllib.error.HTTPError as error:
            # Telegram no longer has it, or not now: the layout's own words stay in its place.
            print(url, json.load(error)["error"]["message"], file=sys.stderr)
            continue
        message[field] = path.relative_to(folder).as_posix()


what, folder = sys.argv[1], pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
export = history(what, folder)
files(export, folder)
replace(folder / "result.json", json.dumps(export, ensure_ascii=False, indent=1).encode())
for used in ("place", "result.part"):
    (folder / used).unlink()
print("done")
