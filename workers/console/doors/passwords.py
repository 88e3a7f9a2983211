"""Passwords as what may be written into a file: salted and hashed with scrypt."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

#: 2^14 blocks of 8: 16 MiB; five passes take a fifth of a second, too long for guessing.
LOG_COST: Final = 14
BLOCK: Final = 8
PASSES: Final = 5
#: Bytes of salt and of hash.
SALT: Final = 16
HASH: Final = 32
#: Bytes scrypt may use: a cost of 2^17 needs 128 MiB and a little.
MOST_MEMORY: Final = 144 * 2**20
#: No separator that a shell, compose or a list of settings would take for its own.
_SEPARATOR: Final = "."


class Unusable(ValueError):
    """A text that no password was ever made into."""


def made_of(password: str, *, log_cost: int = LOG_COST, passes: int = PASSES) -> str:
    """Return what a password is kept as: `scrypt.14.8.5.<salt>.<hash>`."""
    salt = secrets.token_bytes(SALT)
    costs = (log_cost, BLOCK, passes)
    derived = _scrypt(password, salt, *costs)
    return _SEPARATOR.join(("scrypt", *map(str, costs), _text(salt), _text(derived)))


def fits(password: str, made: str) -> bool:
    """Whether this is the password; takes its time. Raises Unusable."""
    salt, derived, costs = parsed(made)
    return hmac.compare_digest(_scrypt(password, salt, *costs), derived)


def parsed(made: str) -> tuple[bytes, bytes, tuple[int, int, int]]:
    """Return salt, hash and costs; raises Unusable for anything that was not made here."""
    try:
        kind, cost, block, passes, salt, derived = made.split(_SEPARATOR)
        costs = (int(cost), int(block), int(passes))
        if kind != "scrypt" or not (10 <= costs[0] <= 17 and costs[1] <= 16 and costs[2] <= 16):  # noqa: PLR2004 - what a machine can bear
            raise Unusable(made)
        return _bytes(salt), _bytes(derived), costs
    except ValueError as error:
        raise Unusable("no password was made into this") from error


def _scrypt(password: str, salt: bytes, cost: int, block: int, passes: int) -> bytes:
    return hashlib.scrypt(
        password.encode(),
        salt=salt,
        n=2**cost,
        r=block,
        p=passes,
        maxmem=MOST_MEMORY,
        dklen=HASH,
    )


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
