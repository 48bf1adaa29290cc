"""Key exchange: the server's side of https://core.telegram.org/mtproto/auth_key, step by step.

RSA and AES are `cryptography`'s and `mtproto`'s, the types are Telethon's. The first exchange of a server's life is
answered with `dh_gen_retry`, which a client has to take.
"""

import secrets
from hashlib import sha1, sha256
from math import isqrt

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from mtproto.crypto import ige256_decrypt, ige256_encrypt
from telethon.tl import functions, types
from telethon.tl.tlobject import TLObject

import clock
import tl
from group import G, PRIME, PRIME_BYTES, in_range


class Broken(Exception):
    """The client did not keep to the exchange."""


def must(kept, why):
    if not kept:
        raise Broken(why)


def _small_prime():
    while True:
        number = secrets.randbits(31) | 1 << 30 | 1
        if all(number % divisor for divisor in range(3, isqrt(number) + 1, 2)):
            return number


def _big_endian(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _raw(nonce, size=16):
    """Telethon reads nonces as numbers; here they are needed as they came."""
    return nonce.to_bytes(size, "little", signed=True)


class ServerKey:
    """The RSA key that clients know the server by."""

    def __init__(self):
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        numbers = private.private_numbers()
        self.n, self.d = numbers.public_numbers.n, numbers.d
        pkcs1 = serialization.PublicFormat.PKCS1
        self.pem = private.public_key().public_bytes(serialization.Encoding.PEM, pkcs1).decode()
        bare = b"".join(
            TLObject.serialize_bytes(_big_endian(number))
            for number in (self.n, numbers.public_numbers.e)
        )
        self.fingerprint = int.from_bytes(sha1(bare).digest()[-8:], "little", signed=True)

    def open(self, sealed):
        """RSA_PAD backwards: what is inside, still padded, once its hash was found right."""
        must(len(sealed) == 256, "encrypted_data is not of 256 bytes")
        number = int.from_bytes(sealed, "big")
        must(number < self.n, "encrypted_data is beyond the modulus")
        plain = pow(number, self.d, self.n).to_bytes(256, "big")
        hidden_key, encrypted = plain[:32], plain[32:]
        temp_key = bytes(a ^ b for a, b in zip(hidden_key, sha256(encrypted).digest()))
        with_hash = ige256_decrypt(encrypted, temp_key, bytes(32))
        padded, digest = with_hash[:192][::-1], with_hash[192:]
        must(sha256(temp_key + padded).digest() == digest, "RSA_PAD has another hash")
        return padded


class KeyExchange:
    """One client's way to a key. `made` is the key once both sides have it."""

    def __init__(self, server_key, wants_retry):
        self.server_key = server_key
        self.wants_retry = wants_retry
        self.retry_id = 0
        self.made = None

    def answer(self, data):
        request = tl.read(data)
        if isinstance(request, functions.ReqPqMultiRequest):
            return self._begin(request)
        if isinstance(request, functions.ReqDHParamsRequest):
            return self._offer(request)
        if isinstance(request, functions.SetClientDHParamsRequest):
            return self._agree(request)
        raise Broken(f"{type(request).__name__} has no place in a key exchange")

    def _begin(self, request):
        self.nonce = request.nonce
        self.server_nonce = int.from_bytes(secrets.token_bytes(16), "little", signed=True)
        self.p, self.q = sorted((_small_prime(), _small_prime()))
        # Clients look for their key in a list.
        others = [int.from_bytes(secrets.token_bytes(8), "little", signed=True)]
        return types.ResPQ(
            self.nonce,
            self.server_nonce,
            _big_endian(self.p * self.q),
            [*others, self.server_key.fingerprint],
        )

    def _same(self, message):
        must(message.nonce == self.nonce, "another nonce")
        must(message.server_nonce == self.server_nonce, "another server_nonce")

    def _offer(self, request):
        self._same(request)
        factors = (_big_endian(self.p), _big_endian(self.q))
        must((request.p, request.q) == factors, "wrong factors")
        must(request.public_key_fingerprint == self.server_key.fingerprint, "another RSA key")
        inner = tl.read(self.server_key.open(request.encrypted_data))
        must(isinstance(inner, (types.PQInnerData, types.PQInnerDataDc)), "not for a lasting key")
        self._same(inner)
        must(inner.pq == _big_endian(self.p * self.q), "another pq inside")
        must((inner.p, inner.q) == factors, "other factors inside")
        self.new_nonce = _raw(inner.new_nonce, 32)
        self._derive_temporary_key()
        self.a = secrets.randbits(2048)
        g_a = pow(G, self.a, PRIME)
        offer = bytes(
            types.ServerDHInnerData(
                self.nonce,
                self.server_nonce,
                G,
                PRIME_BYTES,
                g_a.to_bytes(256, "big"),
                int(clock.now()),
            )
        )
        plain = sha1(offer).digest() + offer
        plain += secrets.token_bytes(-len(plain) % 16)
        sealed = ige256_encrypt(plain, self.aes_key, self.aes_iv)
        return types.ServerDHParamsOk(self.nonce, self.server_nonce, bytes(sealed))

    def _derive_temporary_key(self):
        new, server = self.new_nonce, _raw(self.server_nonce)
        mixed = sha1(server + new).digest()
        self.aes_key = sha1(new + server).digest() + mixed[:12]
        self.aes_iv = mixed[12:] + sha1(new + new).digest() + new[:4]

    def _agree(self, request):
        self._same(request)
        sealed = request.encrypted_data
        must(len(sealed) % 16 == 0, "encrypted_data is not padded")
        plain = bytes(ige256_decrypt(sealed, self.aes_key, self.aes_iv))
        digest, rest = plain[:20], plain[20:]
        inner = tl.read(rest)
        must(isinstance(inner, types.ClientDHInnerData), "not the client's half")
        body = bytes(inner)
        must(sha1(body).digest() == digest, "the client's half has another hash")
        must(len(rest) - len(body) < 16, "more than 15 bytes of padding")
        self._same(inner)
        must(inner.retry_id == self.retry_id, "another retry_id")
        g_b = int.from_bytes(inner.g_b, "big")
        must(in_range(g_b), "g_b is out of range")
        key = pow(g_b, self.a, PRIME).to_bytes(256, "big")
        key_hash = sha1(key).digest()

        def proof(number):
            digest = sha1(self.new_nonce + bytes([number]) + key_hash[:8]).digest()
            return int.from_bytes(digest[-16:], "little", signed=True)

        if self.wants_retry():
            self.retry_id = int.from_bytes(key_hash[:8], "little", signed=True)
            return types.DhGenRetry(self.nonce, self.server_nonce, proof(2))
        self.made = key
        return types.DhGenOk(self.nonce, self.server_nonce, proof(1))
