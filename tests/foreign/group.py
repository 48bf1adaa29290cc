"""Group: the prime that Diffie-Hellman and the password proof are computed in.

It is not the prime of Telegram's own servers, which clients know by heart, but the 2048-bit one of RFC 3526 (group 14) with
g = 2: a client has to find out by itself that it is a safe one.
"""

G = 2


def _arctan_of_inverse(number, one):
    power = total = one // number
    divisor, sign = 3, -1
    while power:
        power //= number * number
        total += sign * (power // divisor)
        divisor, sign = divisor + 2, -sign
    return total


def _pi(bits):
    """2^bits * pi, rounded down, by Machin's formula."""
    spare = 64
    one = 1 << (bits + spare)
    return 4 * (4 * _arctan_of_inverse(5, one) - _arctan_of_inverse(239, one)) >> spare


# As the RFC defines it.
PRIME = 2**2048 - 2**1984 - 1 + 2**64 * (_pi(1918) + 124476)
PRIME_BYTES = PRIME.to_bytes(256, "big")


def in_range(power):
    """Between 2^(2048-64) and prime - 2^(2048-64), as Telegram wants both sides to check."""
    margin = 1 << (2048 - 64)
    return margin < power < PRIME - margin
