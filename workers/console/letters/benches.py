"""A workbench for each group of workers, kept as long as the console, so that looks are quick."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from topology import Names
from workers.deadletters import Desk, Foresight, Masking, Operator, Workbench
from workers.link.supervisor import BrokerUnreachable

if TYPE_CHECKING:
    from workers.registry import Registry
    from workers.settings import Settings

#: Seconds to hang up in good order when the console leaves.
CLOSED_WITHIN: Final = 10.0
#: Seconds for which the line to the journal stays open after a look.
KEEP: Final = 60.0


class Benches:
    """Makes a bench when its group is first asked for."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        self._settings = settings
        self._registry = registry
        self._names = Names(settings.prefix)
        self._made: dict[str, Workbench] = {}

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups there are, the console's own first."""
        own = self._settings.group
        return (own, *sorted(set(self._settings.groups) - {own}))

    @property
    def processors(self) -> tuple[str, ...]:
        """Under which names installed packages offer their processors."""
        return tuple(self._settings.processors)

    def level(self, group: str) -> str:
        """Return how carefully the group's messages must be handled."""
        return self._settings.group_settings(group).security_level

    def masked(self, group: str) -> bool:
        """Whether anything in the group's letters is hidden."""
        return self._masking(group).hides

    def bench(self, group: str) -> Workbench:
        """Return the group's bench; raises LinkError where no broker is configured."""
        if group not in self._made:
            url = self._settings.amqp_url
            if url is None:
                raise BrokerUnreachable("no broker is configured; set LEVERET_AMQP_URL")
            desk = Desk(
                amqp_url=url.get_secret_value(),
                names=self._names,
                group=group,
                connect_timeout=self._settings.connect_timeout,
            )
            judged = self._settings.model_copy(update={"group": group})
            operator = Operator(
                who="console",
                masking=self._masking(group),
                foresight=Foresight.of(judged, self._registry, user=desk.user),
            )
            self._made[group] = Workbench(desk, operator, keep=KEEP)
        return self._made[group]

    async def close(self) -> None:
        """Hang up, as far as that can be done in good order within some seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSED_WITHIN):
                await asyncio.gather(*(bench.close() for bench in self._made.values()))

    def _masking(self, group: str) -> Masking:
        return Masking(pointers=self._settings.mask, level=self.level(group))
