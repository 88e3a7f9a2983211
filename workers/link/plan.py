"""What a link connects to and consumes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yarl import URL

from topology import Role

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkPlan:
    """What the link connects to and consumes."""

    amqp_url: str
    #: Queue → how many of its messages may be with us unsettled.
    queues: Mapping[str, int]
    name: str
    #: Queue → arguments of its consumer, such as where in a stream to begin.
    arguments: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)
    #: Whose work is done here, which is told where the user may not do it.
    role: Role = Role.WORKER
    #: Seconds.
    heartbeat: int = 15
    connect_timeout: float = 10.0
    #: Whether to begin with a small prefetch, because a message may have ended our predecessor.
    careful: bool = False

    @property
    def user(self) -> str:
        """The broker user we log in as, which our own copies are known by."""
        return URL(self.amqp_url).user or "guest"

    @property
    def address(self) -> str:
        """The address as it may be shown."""
        url = URL(self.amqp_url)
        return str(url.with_query(None).with_user(None)) if url.user else str(url.with_query(None))

    def consumers(self, turn: int = 0) -> Iterator[tuple[str, tuple[str, int]]]:
        """Return the tag of each consumer, with its queue and prefetch.

        Each turn of consuming on a channel needs tags of its own. A quorum queue of RabbitMQ 3.10
        goes on counting where a cancelled consumer of the same tag left deliveries unsettled; the
        channel then takes the first ones for missing, and crashes when it fetches them.
        """
        return ((f"leveret-{turn}-{n}", queue) for n, queue in enumerate(self.queues.items()))
