"""Each row of the matrix has its scales, and the full one is what is promised of it."""

from __future__ import annotations

import pytest
from faults.matrix import ROWS
from faults.scales import SCALES, Size

#: Row → messages, strikes and seconds that are promised at least.
PROMISED = {
    "worker kill -9": (100_000, 200, 0),
    "with the inbox: worker kill -9": (100_000, 200, 0),
    "rolling SIGTERM, grace longer than the work": (0, 150, 0),
    "rolling SIGTERM, grace shorter than the work": (0, 150, 0),
    "broker kill -9": (0, 30, 0),
    "quorum leader kill -9": (0, 30, 0),
    "half-open line": (0, 3, 300),
    "poison frames": (100_000, 1_000, 0),
    "everything fails in passing, then nothing": (0, 1, 600),
    "replicas 1 → 8 → 1": (0, 8, 0),
}


def test_each_row_has_scales_and_each_scale_a_row() -> None:
    """A misspelt name would leave a row without."""
    assert [row.name for row in ROWS] == list(SCALES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_larger_scale_is_larger(row: object) -> None:
    """In messages and in strikes; and it takes longer."""
    scales = row.scales  # type: ignore[attr-defined] # a row
    short, usual, full = (scales.of(size) for size in Size)
    assert short.messages <= usual.messages <= full.messages
    assert usual.faults <= full.faults
    assert scales.seconds(Size.USUAL) <= scales.seconds(Size.FULL)
    assert (short.size, usual.size, full.size) == tuple(Size)


@pytest.mark.parametrize("name", PROMISED)
def test_the_full_scale_is_what_is_promised(name: str) -> None:
    """What `make faults --full` is for."""
    full = SCALES[name].of(Size.FULL)
    assert all(has >= least for has, least in zip(full, PROMISED[name], strict=False))


def test_there_are_500_crashes_at_each_of_the_six_points() -> None:
    """After receive, effect, and each confirm, and before the ack."""
    crashes = [scales.full.faults for name, scales in SCALES.items() if name.startswith("crash ")]
    assert crashes == [500] * 6


def test_a_line_is_reset_every_five_seconds() -> None:
    """For five minutes."""
    full = SCALES["TCP reset"].full
    assert full.seconds / full.faults == 5
