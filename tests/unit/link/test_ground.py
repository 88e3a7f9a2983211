"""What a worker says of the ground it stands on: a broker that never comes, a group that is new."""

from __future__ import annotations

import pytest

from topology import Names
from workers.link.ground import another_group, connected
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


@pytest.mark.parametrize(
    ("settings", "missing", "told"),
    [
        ({"group": "imgaes"}, {"leveret.work.imgaes"}, True),
        ({"group": "images", "groups": {"images": {}}}, {"leveret.work.images"}, False),
        ({"group": "images"}, {"leveret.work.images", Names().requests}, False),
        ({"group": "images"}, {"leveret.retry.1s"}, False),
    ],
)
def test_a_group_beside_others_that_only_the_command_line_names_is_told(
    settings: dict[str, object], missing: set[str], *, told: bool
) -> None:
    """With what removes it; the first on an empty broker, and one with a table, are meant."""
    said = another_group(Settings.model_validate(settings), missing)
    assert bool(said) is told
    assert ("rabbitmqctl delete_queue leveret.work.imgaes" in said) is told
