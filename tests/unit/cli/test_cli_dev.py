"""`leveret dev` plays where nobody else's messages are, and says where that is."""

from __future__ import annotations

import asyncio
import shlex
import sys

import pytest

from workers.cli.books import Books
from workers.cli.broker_gone import gone
from workers.cli.dev import _place, _prefix
from workers.cli.elsewhere import lines
from workers.outcome import Delivery, Properties
from workers.settings import Settings

THEIRS = Settings.model_validate({"amqp_url": "amqp://ada:hunter2@broker.example"})


@pytest.mark.parametrize(
    ("chosen", "given", "prefix"),
    [
        (THEIRS, None, "leveret-dev"),
        (THEIRS, "leveret", "leveret"),
        (Settings(), None, "leveret"),
    ],
)
def test_on_a_broker_of_theirs_it_has_a_prefix_of_its_own(
    chosen: Settings, given: str | None, prefix: str
) -> None:
    """Unless they say which one; a broker that it starts is its own."""
    assert _prefix(chosen, given) == prefix


def test_it_says_which_broker_it_uses() -> None:
    """Without the password; and starts one only where it does."""
    assert "your broker amqp://ada:***@broker.example, under the prefix x" in _place(THEIRS, "x")
    assert _place(Settings(), "leveret") == "starting a broker …"


@pytest.mark.parametrize("url", ["amqp://guest:guest@127.0.0.1:5672", "amqp://a:$b@h/?x=1&y=2"])
def test_the_line_for_another_terminal_means_there_what_it_means_here(url: str) -> None:
    """A shell reads it as it was, alone on its line, whatever the address holds."""
    told = lines(url, "hares", ["http://127.0.0.1:1"]).splitlines()
    (export,) = [line for line in told if line.startswith("export ")]
    words = shlex.split(export)
    assert words == ["export", f"LEVERET_AMQP_URL={url}", "LEVERET_PREFIX=hares"]
    assert "curl http://127.0.0.1:1/metrics" in told


def test_who_has_no_command_is_told_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """After `make dev` another terminal knows nothing of its environment."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert f"source {sys.prefix}/bin/activate" in lines("amqp://h", "x", ()).splitlines()


class Ending:
    """A broker that ends as soon as it is looked at for the second time."""

    def __init__(self) -> None:
        self.looks = 0

    def ended(self) -> str:
        """Say so."""
        self.looks += 1
        return "exit 1" if self.looks > 1 else ""


@pytest.mark.parametrize("over", [True, False])
async def test_a_broker_that_ended_is_told_whether_or_not_the_play_has(*, over: bool) -> None:
    """A play that fails at once fails for that."""
    end = asyncio.Event()
    if over:
        end.set()

    async def play() -> int:
        await end.wait()
        return 0

    playing = asyncio.create_task(play())
    assert await gone(Ending(), playing) == "exit 1"  # type: ignore[arg-type] # all it asks of one
    playing.cancel()


def test_an_answer_to_somebody_else_is_told_with_what_to_do() -> None:
    """The books do not balance then, and it is no fault of a worker."""
    books = Books()
    books.answered(Delivery(b"", Properties(correlation_id="theirs")))
    (line,) = books.discrepancies()
    assert line.startswith("1 answer or dead letter belongs to no message of this run: ")
    assert "--prefix" in line
    assert not books.balanced
