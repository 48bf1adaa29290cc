"""Password: the server's side of the proof of https://core.telegram.org/api/srp, which never shows the password.

How a password becomes a number is Telethon's; what the server does with it is written from the description.
"""

import secrets
from hashlib import sha256

from telethon.password import compute_hash
from telethon.tl import types

from group import G, PRIME, PRIME_BYTES


def _hash(*parts):
    return sha256(b"".join(parts)).digest()


def _number(data):
    return int.from_bytes(data, "big")


def _bytes(number):
    return number.to_bytes(256, "big")


class Password:
    """What the server keeps of a password: salts and a verifier; and one question that is out."""

    def __init__(self, text, hint):
        self.hint = hint
        kind = types.PasswordKdfAlgoSHA256SHA256PBKDF2HMACSHA512iter100000SHA256ModPow
        self.algorithm = kind(secrets.token_bytes(8), secrets.token_bytes(16), G, PRIME_BYTES)
        self.verifier = pow(G, _number(compute_hash(self.algorithm, text)), PRIME)
        self.question = None

    def ask(self):
        """Fresh parameters for one try."""
        b = secrets.randbits(2048)
        k = _number(_hash(PRIME_BYTES, _bytes(G)))
        g_b = (k * self.verifier + pow(G, b, PRIME)) % PRIME
        srp_id = secrets.randbits(62)
        self.question = (srp_id, b, g_b)
        return types.account.Password(
            new_algo=self.algorithm,
            new_secure_algo=types.SecurePasswordKdfAlgoUnknown(),
            secure_random=secrets.token_bytes(256),
            has_password=True,
            current_algo=self.algorithm,
            srp_B=_bytes(g_b),
            srp_id=srp_id,
            hint=self.hint,
        )

    def check(self, proof):
        """None when it proves the password, else Telegram's name of what is wrong."""
        question, self.question = self.question, None
        if question is None or question[0] != proof.srp_id:
            return "SRP_ID_INVALID"
        _, b, g_b = question
        g_a = _number(proof.A)
        if not 0 < g_a < PRIME:
            return "PASSWORD_HASH_INVALID"
        u = _number(_hash(_bytes(g_a), _bytes(g_b)))
        shared = pow(g_a * pow(self.verifier, u, PRIME), b, PRIME)
        hashed = (_hash(PRIME_BYTES), _hash(_bytes(G)))
        expected = _hash(
            bytes(one ^ other for one, other in zip(*hashed)),
            _hash(self.algorithm.salt1),
            _hash(self.algorithm.salt2),
            _bytes(g_a),
            _bytes(g_b),
            _hash(_bytes(shared)),
        )
        return None if secrets.compare_digest(expected, proof.M1) else "PASSWORD_HASH_INVALID"
