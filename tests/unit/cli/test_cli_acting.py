"""An action goes on to its end whoever reads what it tells, and its exit code says how it ended."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from workers.cli import DONE, FAILED
from workers.cli.acting import carried_out
from workers.deadletters import Ending, Phase, Progress

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from workers.deadletters import Running


class Steps:
    """An action of three letters that notes how far it came, and whether it was left in order."""

    def __init__(self, ending: Ending = Ending.DONE) -> None:
        self.progress = Progress(run="run", verb="replay", phase=Phase.WORKING, total=3)
        self._ending = ending
        self.left = False

    def stop(self) -> None:
        """Take no notice."""

    async def __aiter__(self) -> AsyncGenerator[Progress]:
        """Do one letter after the other."""
        try:
            for done in (1, 2, 3):
                self.progress = replace(self.progress, done=done)
                yield self.progress
            self.progress = replace(self.progress, phase=Phase.OVER, ending=self._ending)
            yield self.progress
        finally:
            self.left = True


def closed(*_lines: bytes) -> None:
    """Write to a reader who has left."""
    raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize(("ending", "code"), [(Ending.DONE, DONE), (Ending.FAILED, FAILED)])
async def test_a_reader_that_has_left_cuts_no_action_short(
    ending: Ending, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`leveret dlq replay --yes --json | head -1` sends all that was said yes to."""
    dropped: list[BaseException | None] = []
    monkeypatch.setattr("workers.cli.acting.write", closed)
    monkeypatch.setattr("workers.cli.acting.unwritten", dropped.append)
    steps = Steps(ending)
    assert await carried_out(cast("Running", steps), json=True) == code
    assert (steps.progress.done, steps.left) == (3, True)
    assert len(dropped) == 1
    said = capsys.readouterr().err
    assert said.count("the action goes on") == 1
    assert "Broken pipe" in said


async def test_an_action_that_cannot_be_followed_is_left_in_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is on its way any more when the command ends."""

    def mistaken(*_lines: bytes) -> None:
        raise ValueError

    monkeypatch.setattr("workers.cli.acting.write", mistaken)
    steps = Steps()
    with pytest.raises(ValueError):  # noqa: PT011 - the very one
        await carried_out(cast("Running", steps), json=True)
    assert steps.left
