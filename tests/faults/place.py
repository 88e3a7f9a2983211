"""A virtual host of its own on a broker of ours, and what can be seen in its queues."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from faults.raw import Gone, Raw
from faults.requests import AGENT, MAILBOX
from waiting import until

from topology import Names
from workers.broker import ManagementApi, ManagementError, with_vhost
from workers.link.ground import stand
from workers.settings import Settings

if TYPE_CHECKING:
    from faults.raw import Found

    from workers.broker import Node, PrivateBroker

NAMES: Final = Names()
#: Short rungs, so that a retry does not take a row's whole time.
RUNGS: Final = "200ms,400ms,800ms"
#: Seconds until the HTTP API of a node that came back answers.
API_WITHIN: Final = 60.0
#: Where the answers to the harness go.
ANSWERS: Final = NAMES.mailbox(AGENT, MAILBOX)
WORK: Final = NAMES.work("default")
#: The queues of the retry ladder, and all in which a request can wait.
RETRIES: Final = tuple(f"{NAMES.retries}.{rung}" for rung in RUNGS.split(","))
WAITING_ROOMS: Final = (WORK, NAMES.urgent("default"), *RETRIES)


@dataclass(frozen=True, slots=True)
class Place:
    """One virtual host."""

    broker: PrivateBroker
    vhost: str

    @property
    def up(self) -> list[Node]:
        """The nodes that are up."""
        return [node for node in self.broker.nodes if node.pid is not None]

    @property
    def api(self) -> ManagementApi:
        """The HTTP API of a node that is up."""
        return ManagementApi(self.up[0].management_url)

    @property
    def url(self) -> str:
        """Where clients connect, at a node that is up."""
        return with_vhost((self.up or [self.broker.nodes[0]])[0].amqp_url, self.vhost)

    async def prepare(self) -> None:
        """Declare the topology and the mailbox of the answers."""
        await asyncio.to_thread(self.api.create_vhost, self.vhost)
        await stand(Settings(amqp_url=self.url, retry_delays=RUNGS), patience=30)
        await asyncio.to_thread(self._make_mailbox)

    def _make_mailbox(self) -> None:
        with Raw(self.url) as raw:
            raw.declare(ANSWERS, {"x-queue-type": "quorum"})
            raw.bind(ANSWERS, NAMES.replies, NAMES.mailbox_key(AGENT, MAILBOX))
            # RabbitMQ 3.10 and 4.0: the quorum queue that was declared last, less than 5 s before
            # the node is killed, has no leader after its restart. Let it be one that nobody needs.
            raw.declare("sacrifice", {"x-queue-type": "quorum"})

    async def remove(self) -> None:
        """Delete the virtual host, where its broker still runs."""
        if all(node.pid for node in self.broker.nodes):
            await until(self._removed, within=API_WITHIN)

    async def _removed(self) -> bool:
        """Whether it is deleted: a node that was paused serves AMQP again before its HTTP API."""
        try:
            await asyncio.to_thread(self.api.delete_vhost, self.vhost)
        except ManagementError:
            return False
        return True

    def look(self, queue: str) -> tuple[int, int]:
        """Return how many messages are ready in a queue, and who consumes it; -1 where unknown."""
        try:
            with Raw(self.url, confirms=False) as raw:
                return raw.look(queue)
        except Gone:
            return -1, -1

    def take(self, queue: str) -> list[Found]:
        """Take out all that is ready in a queue; nothing where it cannot be asked."""
        try:
            with Raw(self.url, confirms=False) as raw:
                ready, _ = raw.look(queue)
                return raw.take(queue, ready) if ready else []
        except Gone:
            return []
