"""Clock: the server's time, which a test may set wrong, as a client's machine would have it against the real one."""

import time

_ahead = 0


def set_ahead(seconds):
    global _ahead
    _ahead = seconds


def now():
    return time.time() + _ahead


def message_id(last, answers):
    """After `last`, by the time; the lowest two bits are 1 for an answer to the client, else 3."""
    fresh = int(now() * 2**32) & ~3
    return max(fresh, (last & ~3) + 4) | (1 if answers else 3)
