"""Topology: a picture of exchanges, queues and bindings, and how the broker differs from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from topology import summary
from topology.explain import explain_step
from topology.plan import Assure, Keep
from workers.console.picture import picture

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from workers.console.ground import Looking
    from workers.console.view import View


class TopologyPages:
    """The picture, and the same as a table."""

    def __init__(
        self,
        view: View,
        looking: Looking,
        depths: Callable[[], Mapping[str, tuple[int, int]]],
    ) -> None:
        self._view = view
        self._looking = looking
        self._depths = depths

    def routes(self) -> list[Route]:
        """Return its addresses."""
        return [Route("/topology", self._show), Route("/topology/picture", self._part)]

    async def _show(self, request: Request) -> Response:
        return await self._page(request, "topology.html")

    async def _part(self, request: Request) -> Response:
        return await self._page(request, "topology_picture.html")

    async def _page(self, request: Request, template: str) -> Response:
        ground = await self._looking.look()
        steps = ground.plan.steps if ground.plan else ()
        quiet = sum(isinstance(step, Assure) for step in steps)
        return self._view.page(
            request,
            template,
            trouble=ground.trouble,
            broker=ground.version,
            picture=(
                picture(ground.topology, ground.plan, self._depths()) if ground.topology else None
            ),
            summary=summary(ground.plan) if ground.plan else "",
            fine=ground.plan is not None and ground.plan.nothing_to_do,
            drift=[
                explain_step(step)
                for step in steps
                if not isinstance(step, Assure) and not (isinstance(step, Keep) and not step.note)
            ],
            unseen_bindings=quiet,
            topology=ground.topology,
        )
