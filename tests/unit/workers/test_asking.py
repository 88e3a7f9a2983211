"""What a command on its way to the replicas tells whoever gave it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import pytest

from topology import Names
from workers.control.asking import Asking, NotConfirmed
from workers.control.commands import Command, Told, Verb
from workers.outcome import Delivery
from workers.publication import Published

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.publication import Publication

PING = Command(verb=Verb.PING)


class Broker:
    """A client whose broker has this word for a command, and brings these replicas' answers."""

    def __init__(self, fate: Published, *replicas: str) -> None:
        self._fate = fate
        self._replicas = replicas
        self.reply_to = "here"

    def __call__(self, *_: object, heard: Callable[[Delivery], None], **__: object) -> Self:
        """Connect."""
        self._heard = heard
        return self

    async def __aenter__(self) -> Self:
        """Listen."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Listen no more."""

    async def publish(self, _message: Publication) -> Published:
        """Take the command, and have it answered."""
        for one in self._replicas:
            told: dict[str, Any] = {"state": "serving", "maintenance": False, "in_flight": 0}
            answer = Told(id=PING.id, replica=one, group="g", version="1", refused="", **told)
            self._heard(Delivery(answer.model_dump_json().encode()))
        return self._fate


async def asked(
    broker: Broker, monkeypatch: pytest.MonkeyPatch, told: Callable[[Told], None] = lambda _: None
) -> Asking:
    """Return what came of a command."""
    monkeypatch.setattr("workers.control.asking.Client", broker)
    monkeypatch.setattr("workers.control.asking.SETTLED", 0.01)
    asking = Asking(PING, told)
    await asking.ask("amqp://h", Names(), within=0.01)
    return asking


@pytest.mark.parametrize(
    ("fate", "why"),
    [
        (Published.REFUSED, "refused the command"),
        (Published.UNKNOWN, "replicas may have it or not"),
        (Published.UNSENDABLE, "does not fit"),
    ],
)
async def test_a_command_that_was_not_taken_is_no_silence_of_replicas(
    fate: Published, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was told as `no replica answered`, though some may have it."""
    with pytest.raises(NotConfirmed, match=why):
        await asked(Broker(fate), monkeypatch)
    for quiet in (Published.CONFIRMED, Published.RETURNED):
        assert not (await asked(Broker(quiet), monkeypatch)).answered


async def test_a_reader_that_has_left_ends_the_asking_and_breaks_no_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`leveret ctl ping | head -1`: the frame splitter, which brings answers, never sees it."""
    heard: list[str] = []

    def told(one: Told) -> None:
        heard.append(one.replica)
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        await asked(Broker(Published.CONFIRMED, "a", "b"), monkeypatch, told)
    assert heard == ["a"]
