"""Transcript: what was answered and heard, in words that are the same wherever it is played: no ids, hashes, dates or numbers of a
particular server, but which of them are the same, and how far a line moved."""

from telethon.tl.tlobject import TLObject

# A server's own business: what it is depends on the day, the account or the build.
LEFT_OUT = {
    "access_hash", "date", "edit_date", "photo", "phone", "status", "version", "participants_count", "default_banned_rights",
    "admin_rights", "stories_max_id", "bot_verification_icon", "color", "profile_color", "emoji_status", "usernames", "seq",
    "seq_start", "timeout", "expires", "unread_count", "file_reference", "config", "users", "chats",
}
LINES = {"pts"}


class Words:
    def __init__(self):
        self.names, self.lines, self.counts = {}, {}, {}

    def call(self, number, name):
        self.names[number] = name

    def _name(self, kind, key):
        known = self.names.get((kind, key))
        if known is None:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            known = self.names[kind, key] = f"{kind} {self.counts[kind]}"
        return known

    def _moved(self, line, pts):
        """How far a line is from where it was when this account heard of it last."""
        before = self.lines.get(line)
        self.lines[line] = max(pts, before or pts)
        return "first" if before is None else f"{pts - before:+}"

    def of(self, value, who, line=None, field=None):
        if isinstance(value, TLObject):
            return self._object(value, who, line)
        if isinstance(value, list):
            return [self.of(one, who, line, field) for one in value]
        if isinstance(value, bytes):
            return f"{len(value)} bytes"
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return value
        if isinstance(value, int):
            return self._number(value, who, line, field)
        return str(value)

    def _number(self, value, who, line, field):
        if field in ("user_id", "chat_id", "channel_id", "peer", "self_id"):
            return self.names.get(value, "somebody")
        if field == "random_id":
            return self._name("random id", value)
        if field in LINES:
            return self._moved((who, line), value)
        if field in ("id", "msg_id", "max_id", "top_message", "messages", "read_inbox_max_id", "read_outbox_max_id", "still_unread_count"):
            return self.names.get(value) or (self._name(f"message of {line or who}", value) if value else 0)
        return value

    def _object(self, value, who, line):
        kind = type(value).__name__
        told = {"_": kind}
        channel = getattr(value, "channel_id", None)
        inner = getattr(getattr(value, "message", None), "peer_id", None) or getattr(value, "peer_id", None)
        channel = channel or getattr(inner, "channel_id", None)
        if channel is not None:
            line = self.names.get(channel, "a channel")
        for field, one in vars(value).items():
            if field.startswith("_") or field in LEFT_OUT or one is None or one is False or one == []:
                continue
            if field in ("client", "original_update", "text", "raw_text", "sent_by"):
                continue
            told[field] = self.of(one, who, line, field)
        return told


def differences(one, other, path=""):
    """Where two transcripts are not the same."""
    if isinstance(one, dict) and isinstance(other, dict):
        found = []
        for key in sorted(one.keys() | other.keys()):
            found += differences(one.get(key, "nothing"), other.get(key, "nothing"), f"{path}.{key}")
        return found
    if isinstance(one, list) and isinstance(other, list):
        found = []
        for at in range(max(len(one), len(other))):
            left = one[at] if at < len(one) else "nothing"
            right = other[at] if at < len(other) else "nothing"
            found += differences(left, right, f"{path}[{at}]")
        return found
    return [] if one == other else [(path, short(one), short(other))]


def short(value):
    if isinstance(value, dict):
        return value.get("_", "something")
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return value
