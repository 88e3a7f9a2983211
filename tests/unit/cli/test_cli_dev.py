"""`leveret dev` plays where nobody else's messages are, and says where that is."""

from __future__ import annotations

import pytest

from workers.cli.dev import _place, _prefix
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
