"""What the page of a run shows is what is known of it."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from waiting import eventually

from workers.console.doors.forms import not_negative, whole
from workers.console.letters import runs as module
from workers.console.letters.runs import Runs
from workers.console.view import View
from workers.deadletters import Deed, Ending, Halt, Phase, Progress, Verb

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from workers.deadletters import Running

VIEW = View(guarded=False, prefix="leveret", pages=())


def shown(**of: Any) -> str:
    """Return the part of a run's page that tells how a replay of 80 letters goes."""
    progress = Progress(run="r", verb="replay", total=80, **of)
    run = SimpleNamespace(over=progress.ending is not None, group="default")
    words = {"phase": "Over", "past": "replayed", "ending": "stopped", "trouble": ""}
    return VIEW.part("run_part.html", run=run, progress=progress, **words)


def test_a_bar_is_as_full_as_the_work_is_done() -> None:
    """Letters that stay because somebody said stop are no progress."""
    page = shown(
        phase=Phase.OVER,
        ending=Ending.STOPPED,
        done=25,
        kept={"stopped before its turn": 55},
    )
    assert '<progress max="80" value="25" aria-label="25 of 80 letters replayed">' in page


def test_a_halt_says_how_to_go_on() -> None:
    """One letter that came back holds up its kind: the others are led to, with filters."""
    halt = Halt(fingerprint="d461dac7aa", letter_id="x", error_code="rejected", reason="no")
    page = shown(phase=Phase.OVER, ending=Ending.HALTED, done=1, halts=(halt,))
    assert "Body contains" in page
    assert 'href="/letters?group=default&amp;fingerprint=d461dac7aa">replay again' in page
    assert "Body contains" not in shown(phase=Phase.WORKING, halts=(halt,))


@pytest.mark.parametrize("text", ["-5", "nan", "inf", "-inf", "1e999", "", "many", "0x10"])
def test_a_rate_is_what_the_command_line_takes(text: str) -> None:
    """What it refuses, a form refuses too."""
    with pytest.raises(ValueError, match=r"not|could"):
        not_negative(text)


def test_no_limit_and_fractions_are_rates() -> None:
    """As they are on the command line."""
    assert [not_negative(text) for text in ("0", "0.5", " 50 ", "1e12")] == [0.0, 0.5, 50.0, 1e12]


@pytest.mark.parametrize("text", ["-1", "0", "101", "1.5", "", "nan", "9" * 5000])
def test_a_number_of_letters_has_bounds(text: str) -> None:
    """None is guessed for one that is no number, or out of them."""
    assert whole("100", least=1, most=100) == 100
    with pytest.raises(ValueError, match=r"bounds|invalid|Exceeds"):
        whole(text, least=1, most=100)


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        ("", "It goes on elsewhere"),
        ("interrupted", "It was interrupted"),
        ("done", "did not carry"),
    ],
)
def test_a_run_of_another_process_is_told_as_the_journal_has_it(outcome: str, told: str) -> None:
    """Neither as going on here, nor as nothing."""
    deed = Deed(
        run="0123456789ab",
        verb="replay",
        began="2026-05-01T12:00:00+00:00",
        by="guest",
        who="anna",
        meant=80,
        done=25,
        outcome=outcome,
    )
    visitor = SimpleNamespace(name="otto", role="operator", may_act=True)
    page = VIEW.part(
        "run_past.html", deed=deed, group="default", path="/runs/x", visitor=visitor, token=""
    )
    assert told in page
    assert "of 80 letters closed" in page


class _Running:
    """Goes on until it is stopped."""

    def __init__(self, run: str) -> None:
        self.action = SimpleNamespace(who="ada", verb=Verb.REPLAY, run=run)
        self.progress = Progress(run=run, verb="replay", total=1, phase=Phase.WORKING)
        self._stopped = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Progress]:
        """Tell how it goes, when it is over."""
        await self._stopped.wait()
        yield self.progress

    def stop(self, _who: str) -> None:
        """Have it end."""
        self._stopped.set()


async def test_a_run_that_goes_on_is_never_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """It can be looked at and stopped however many were begun after it."""
    monkeypatch.setattr(module, "MOST", 2)
    runs = Runs()
    going = runs.begin(cast("Running", _Running("going")), "default")
    for name in ("a", "b", "c"):
        one = runs.begin(cast("Running", _Running(name)), "default")
        one.running.stop("the test")
        await eventually(lambda run=one: run.over)
    assert runs.find("going") is going
    assert runs.find("a") is None
    await runs.leave()
