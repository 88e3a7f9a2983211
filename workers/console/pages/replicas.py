"""One replica: what it says of itself, and for operators pause, resume and drain."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from starlette.routing import Route

from topology import Names
from workers.console.doors.entry import Refused
from workers.console.now import replica_row
from workers.console.pages.acting import operator
from workers.control.asking import Asking, NotConfirmed
from workers.control.commands import Command, Verb
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from workers.console.feed import Feed
    from workers.console.view import View
    from workers.control.commands import Told
    from workers.presence.roster import Replica
    from workers.settings import Settings

log = logging.getLogger("leveret.console")

#: What can be asked of a replica here; `leveret ctl` has more.
VERBS: Final = {"pause": Verb.PAUSE, "resume": Verb.RESUME, "drain": Verb.DRAIN}
_ALARM: Final = "The broker did not confirm the command; is it in alarm?"
_SILENT: Final = "It did not answer. It may be gone; Now shows who is heard."


class ReplicaPages:
    """A page for each replica that is heard."""

    def __init__(self, view: View, feed: Feed, settings: Settings) -> None:
        self._view = view
        self._feed = feed
        self._settings = settings

    def routes(self) -> list[Route]:
        """Return its addresses."""
        return [
            Route("/replicas/{replica}", self._show),
            *(
                Route(f"/replicas/{{replica}}/{verb}", self._ask, methods=["POST"])
                for verb in VERBS
            ),
        ]

    async def _show(self, request: Request) -> Response:
        return self._page(request, self._replica(request))

    async def _ask(self, request: Request) -> Response:
        """Ask what is wanted of the replica, and show what it says."""
        who = operator(request)
        replica = self._replica(request)
        verb = request.url.path.rpartition("/")[2]
        url = self._settings.amqp_url
        if url is None:
            raise Refused(503, "No broker is configured; set LEVERET_AMQP_URL.")
        asking = Asking(Command(verb=VERBS[verb], replica=replica.agent.agent_id))
        trouble = ""
        try:
            await asking.ask(
                url.get_secret_value(),
                Names(self._settings.prefix),
                connect_timeout=self._settings.connect_timeout,
            )
        except NotConfirmed:
            trouble = _ALARM
        except LinkError as error:
            trouble = str(error)
        told = asking.answered.get(replica.agent.agent_id)
        log.info("%s asks %s to %s: %s", who, replica.agent.agent_id, verb, told or trouble)
        if told is None:
            trouble = trouble or _SILENT
        return self._page(request, replica, told, trouble=trouble)

    def _page(
        self, request: Request, replica: Replica, told: Told | None = None, *, trouble: str = ""
    ) -> Response:
        return self._view.page(
            request,
            "replica.html",
            replica=replica_row(replica, time.monotonic(), most=None),
            totals=replica.figures,
            told=told,
            trouble=trouble,
        )

    def _replica(self, request: Request) -> Replica:
        wanted = request.path_params["replica"]
        for one in self._feed.picture.replicas if self._feed.picture else ():
            if one.agent.agent_id == wanted:
                return one
        raise Refused(404, "No replica of that name is heard; it may have left. See Now.")
