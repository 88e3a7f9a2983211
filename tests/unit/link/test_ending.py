"""The end of a channel is heard of at once, also by whoever waits for the broker's answer."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiormq.exceptions import ChannelNotFoundEntity
from waiting import turn

from workers.link.ending import Ending, stirred
from workers.link.supervisor import Lost


class Channel:
    """As much of a channel as its end is noticed by."""

    def __init__(self) -> None:
        self.closing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_consumer_cancel_callbacks: set[Any] = set()


def watched() -> tuple[Ending, Channel, asyncio.Event]:
    """Return what watches a channel, the channel, and what it stirs."""
    channel, stir = Channel(), asyncio.Event()
    return Ending(SimpleNamespace(why=""), channel, stir), channel, stir  # type: ignore[arg-type] # all that it needs of both


async def test_a_question_on_a_channel_that_ends_is_not_waited_for() -> None:
    """The library may never answer it."""
    over, channel, stir = watched()

    async def ask() -> None:
        async with over.heeded():
            await asyncio.Event().wait()

    asking = asyncio.create_task(ask())
    await turn()
    channel.closing.set_exception(ConnectionResetError("reset by peer"))
    with pytest.raises(Lost, match="reset by peer"):
        await asking
    assert stir.is_set()


async def test_a_question_on_a_channel_that_has_ended_is_not_asked() -> None:
    """What the broker said of it is raised as it was."""
    over, channel, _ = watched()
    channel.closing.set_exception(ChannelNotFoundEntity("NOT_FOUND - no queue"))
    await turn()
    with pytest.raises(ChannelNotFoundEntity):
        async with over.heeded():
            raise AssertionError("it was asked")


async def test_a_question_has_its_own_time_while_the_channel_is_well() -> None:
    """A broker that does not answer is no end of the channel."""
    over, _, _ = watched()
    with pytest.raises(TimeoutError):
        async with over.heeded(), asyncio.timeout(0):
            await asyncio.Event().wait()


async def test_who_is_cancelled_meanwhile_is_cancelled() -> None:
    """It is no end of the channel either."""
    over, channel, stir = watched()

    async def ask() -> None:
        async with over.heeded():
            await stirred(stir, 60)

    asking = asyncio.create_task(ask())
    await turn()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    channel.closing.cancel()
    await turn()
    with pytest.raises(Lost):
        over.check()
