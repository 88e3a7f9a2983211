"""What `leveret publish` tells when all is over, whatever did not come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import orjson
import pytest

from topology import Names
from workers.cli import FAILED
from workers.cli.input import of
from workers.cli.publishing import Publishing, Sending
from workers.publication import Published
from workers.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from workers.publication import Publication


class Broker:
    """A client whose broker takes one message in two, and where nobody answers."""

    def __init__(self) -> None:
        self.reply_to = "here"
        self.unsent = 0
        self._posted = 0

    def __call__(self, *_: object, **__: object) -> Self:
        """Connect."""
        return self

    async def __aenter__(self) -> Self:
        """Listen."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Listen no more."""

    def post(self, _message: Publication, done: Callable[[Published], None]) -> None:
        """Take a message, or give it back."""
        self._posted += 1
        done(Published.CONFIRMED if self._posted % 2 else Published.RETURNED)

    async def depths(self, _queues: object) -> dict[str, Any]:
        """See nothing."""
        return {}


async def test_a_missing_answer_hides_no_message_that_went_nowhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Both are to be mended, and waiting longer mends only the one."""
    monkeypatch.setattr("workers.cli.publishing.Client", Broker())
    how = Sending(wait=True, timeout=0.01, routing_key=None, rate=None, json=False)
    run = Publishing(how, Names(), "amqp://h", load({}))
    body = orjson.dumps({"payload": {"message_type": "document"}})
    assert await run.all(of([body, body]), times=1) == FAILED
    said = capsys.readouterr().err
    assert "no answer within" in said
    assert "1 message not routed" in said
