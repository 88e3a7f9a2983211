"""The fault matrix in its short forms: nothing is lost, and each row keeps its own promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from faults.crew import Crew
from faults.matrix import ROWS, run_row
from faults.scales import Size

from workers.broker import NoBrokerError, PrivateBroker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from faults.row import Row

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def crew() -> AsyncIterator[Crew]:
    """Lend a nursery of processes."""
    async with Crew() as crew:
        yield crew


@pytest.fixture(scope="module")
def broker_of() -> Iterator[Callable[[int], PrivateBroker]]:
    """Lend brokers of our own, by their number of nodes: these tests kill them."""
    started: dict[int, PrivateBroker] = {}

    def lend(nodes: int) -> PrivateBroker:
        if nodes not in started:
            try:
                started[nodes] = PrivateBroker.start(nodes)
            except NoBrokerError as error:
                pytest.skip(str(error))
        return started[nodes]

    yield lend
    for broker in started.values():
        broker.close()


@pytest.mark.parametrize(
    "row",
    ROWS,
    ids=lambda row: row.name.replace(" ", "-"),
)
async def test_a_row_of_the_matrix_keeps_its_promises(
    row: Row,
    crew: Crew,
    broker_of: Callable[[int], PrivateBroker],
    tmp_path: Path,
) -> None:
    """Lost 0, unexpected 0, and what the row itself promises."""
    if lack := row.lacks():
        pytest.skip(lack)
    figure = await run_row(
        row,
        row.scales.of(Size.SHORT),
        broker=broker_of(row.nodes),
        crew=crew,
        directory=tmp_path,
        seed=1,
    )
    assert not figure.broken, figure.line()
    assert figure.messages
