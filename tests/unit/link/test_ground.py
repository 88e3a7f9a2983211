"""A broker that never comes is waited for so long, and then given up in so many words."""

from __future__ import annotations

import pytest

from workers.link.ground import connected
from workers.link.supervisor import BrokerUnreachable
from workers.settings import Settings

NOBODY = "amqp://127.0.0.1:1"


async def test_who_gives_up_says_so() -> None:
    """After all those lines that it tries again, the last one says that it does not."""
    with pytest.raises(BrokerUnreachable, match=r"^gave up after 0\.1 s: no broker answers"):
        async with connected(Settings.model_validate({"amqp_url": NOBODY}), patience=0.1):
            pass


async def test_who_does_not_wait_gives_nothing_up() -> None:
    """A command that asks once says only what is the matter."""
    with pytest.raises(BrokerUnreachable, match=r"^no broker answers"):
        async with connected(Settings.model_validate({"amqp_url": NOBODY})):
            pass
