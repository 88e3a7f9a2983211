"""What tests of several pages here lend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from broker.users import Users

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def users(management_url: str, amqp_url: str) -> Iterator[Users]:
    """Lend users that are gone after the test."""
    made = Users(management_url, amqp_url)
    yield made
    made.forget()
