"""Lends a desk for settling on each of the stages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from contract.desk import Desk
from contract.paper import OnPaper
from contract.real import OnTheBroker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture(params=["paper", pytest.param("broker", marks=pytest.mark.broker)])
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    """Lend a desk on each of the stages."""
    if request.param == "paper":
        async with OnPaper() as paper:
            yield Desk(paper)
        return
    url, management = map(request.getfixturevalue, ("amqp_url", "management_url"))
    async with OnTheBroker(url, management) as real:
        yield Desk(real)
