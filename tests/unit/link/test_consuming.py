"""The line that deliveries come in on rests with nothing of the broker's in hand."""

from __future__ import annotations

from types import SimpleNamespace

from unit.link.test_intake import Taking, settled

from workers.link.consuming import Consuming
from workers.link.plan import LinkPlan

PLAN = LinkPlan(amqp_url="amqp://guest@h", queues={"work": 2}, name="w")


async def test_what_came_while_the_cancel_was_slow_goes_back_once_it_is_confirmed() -> None:
    """Sooner it would come straight back, and later it would take up the prefetch."""
    taking = Taking()
    consuming = Consuming(PLAN, taking.intake)
    taking.intake.shut()
    before: list[str] = []

    async def none() -> None:
        taking.bring(1, 2)
        before.extend(await settled(taking))

    await consuming._rest(SimpleNamespace(consumers=SimpleNamespace(none=none)))  # type: ignore[arg-type] # all that it needs of a life
    assert before == []
    assert await settled(taking) == ["nack 1", "nack 2"]
    assert taking.intake.in_hand == 0
