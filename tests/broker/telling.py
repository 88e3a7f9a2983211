"""Processors that say a secret of theirs in every way a careless one can, but to no log."""

from __future__ import annotations

import asyncio

from messages import ProtocolModel
from workers import Context, Registry, Reject

registry = Registry()


class Words(ProtocolModel):
    """Parameters of every task here."""

    text: str = ""
    number: int = 0


@registry.task("tell", parameters=Words)
async def tell(words: Words, _context: Context) -> Words:
    """Succeed."""
    return words


@registry.task("quote", parameters=Words, retries=1)
async def quote(words: Words, _context: Context) -> Words:
    """Fail, and quote the body while doing so; the cause quotes it too."""
    try:
        return Words(number=int(words.text))
    except ValueError as error:
        raise RuntimeError(f"outer: {words!r}") from error


@registry.task("refuse", parameters=Words)
async def refuse(_words: Words, _context: Context) -> Words:
    """Refuse."""
    raise Reject("not today")


@registry.task("wait", parameters=Words, time_limit=0.05, retries=0)
async def wait(words: Words, _context: Context) -> Words:
    """Take too long."""
    await asyncio.Event().wait()
    return words
