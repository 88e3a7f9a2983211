"""A worker with the example processors and no broker."""

from __future__ import annotations

import pytest

from examples import registry
from workers.testing import Rehearsal


@pytest.fixture
def rehearsal() -> Rehearsal:
    """Return a worker with the example processors and no broker."""
    return Rehearsal(registry)
