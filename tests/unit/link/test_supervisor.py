"""One life after another: what ends them, what is told about it, and what stops them."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest
from aiormq.exceptions import (
    AMQPConnectionError,
    ChannelAccessRefused,
    ChannelNotFoundEntity,
    ProbableAuthenticationError,
)
from waiting import eventually

from workers.link.supervisor import BrokerUnreachable, LinkError, Lost, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable


class Lives:
    """Lives as the test says: each ends with what is next in the list, the last goes on."""

    def __init__(self, *ends: BaseException) -> None:
        self.ends = list(ends)
        self.began = 0
        self.begins = True
        self.told: list[tuple[bool, str]] = []
        self.supervisor = Supervisor("testing", self.live, address="amqp://there")
        self.supervisor.longest_wait = 0.01
        self.supervisor.told = lambda there, why: self.told.append((there, why))

    async def live(self, begun: Callable[[], None]) -> None:
        """Live once."""
        self.began += 1
        if self.begins:
            begun()
        if self.ends:
            raise self.ends.pop(0)
        await asyncio.Event().wait()


async def test_a_lost_life_is_followed_by_another() -> None:
    """Whoever watches hears of each end, why, and of each beginning."""
    lives = Lives(Lost("one"), OSError("two"), TimeoutError(), asyncio.CancelledError())
    await lives.supervisor.start(within=5)
    await eventually(lambda: lives.began == 5)
    await lives.supervisor.stop()
    assert [there for there, _ in lives.told] == [True, False] * 4 + [True]
    assert "one" in lives.told[1][1]
    assert lives.supervisor.lives == 5


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ProbableAuthenticationError("no"), "refused the login"),
        (ChannelAccessRefused("no"), "permissions"),
    ],
)
async def test_what_only_a_person_can_mend_is_told_at_once(error: Exception, says: str) -> None:
    """Nobody waits two minutes to hear that the password is wrong."""
    lives = Lives(error, error, error)
    lives.begins = False
    with pytest.raises(LinkError, match=says):
        await lives.supervisor.start(within=5)
    await lives.supervisor.stop()


async def test_a_certificate_that_does_not_verify_is_told_at_once() -> None:
    """With the way to name the authority."""
    error = AMQPConnectionError("no")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed certificate")
    lives = Lives(error)
    lives.begins = False
    with pytest.raises(LinkError, match="cafile"):
        await lives.supervisor.start(within=5)
    await lives.supervisor.stop()


async def test_a_line_that_never_begins_says_what_is_in_the_way() -> None:
    """Not that no broker answered, when one did and lacks a queue."""
    lives = Lives(*(ChannelNotFoundEntity("no queue 'work'") for _ in range(1_000)))
    lives.begins = False
    with pytest.raises(BrokerUnreachable, match="topology apply"):
        await lives.supervisor.start(within=0.1)
    await lives.supervisor.stop()


async def test_after_the_last_life_comes_no_other() -> None:
    """A draining worker does not come back to take more."""
    go = asyncio.Event()

    class Once(Lives):
        async def live(self, begun: Callable[[], None]) -> None:
            self.began += 1
            begun()
            await go.wait()
            raise Lost("the line was cut while draining")

    lives = Once()
    await lives.supervisor.start(within=5)
    lives.supervisor.finish()
    assert lives.began == 1
    go.set()
    await eventually(lambda: lives.told[-1][0] is False)
    await asyncio.wait_for(lives.supervisor._task or asyncio.Event().wait(), 5)
    assert lives.began == 1
    await lives.supervisor.stop()


async def test_stopping_ends_the_present_life() -> None:
    """Also one that waits for the broker."""
    lives = Lives()
    await lives.supervisor.start(within=5)
    await asyncio.wait_for(lives.supervisor.stop(), 1)
    assert lives.began == 1


async def test_a_mistake_of_ours_is_said_aloud(caplog: pytest.LogCaptureFixture) -> None:
    """The line is dead then, and whoever watches must know; a silent stall is the worst end."""
    lives = Lives(KeyError("oops"))
    await lives.supervisor.start(within=5)
    await eventually(lambda: lives.told[-1][0] is False)
    assert "mistake" in lives.told[-1][1]
    assert "mistake" in caplog.text
    await lives.supervisor.stop()


async def test_attempts_are_bounded_however_quickly_they_fail() -> None:
    """A password that was changed costs some attempts a second at first, a dozen a minute later."""
    lives = Lives(*(ProbableAuthenticationError("no") for _ in range(10_000)))
    lives.begins = False
    lives.supervisor.longest_wait = 10.0
    lives.supervisor.begin()
    assert lives.supervisor._task is not None
    ended, _ = await asyncio.wait([lives.supervisor._task], timeout=1.0)
    assert not ended
    await lives.supervisor.stop()
    assert lives.began <= 12
