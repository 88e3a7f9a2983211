"""An action on its way: how far it is, a button that stops it; later what the journal has of it."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import RedirectResponse
from starlette.routing import Route

from workers.console.doors.entry import Refused
from workers.console.live import Stream
from workers.console.pages.acting import operator
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from workers.console.letters.benches import Benches
    from workers.console.letters.runs import Run, Runs
    from workers.console.view import View

log = logging.getLogger("leveret.console")

#: How an action on its way can be steered.
STEERS: Final = ("pause", "resume", "stop")
#: What a run may be called; no journal is read for anything else.
_NAME: Final = re.compile(r"[0-9a-f]{8,32}")
#: Verb → how it is called while it goes on, and when it is done.
_WORDS = {
    "replay": ("Replay", "replayed"),
    "edit": ("Edit", "sent"),
    "discard": ("Discard", "discarded"),
}
_PHASES = {
    "beginning": "Getting hold of the letters",
    "canary": "One letter of each kind goes first",
    "working": "The rest follows",
    "watching": "Watching whether letters come back",
    "over": "Over",
}


class RunPages:
    """A page for each run."""

    def __init__(self, view: View, runs: Runs, benches: Benches) -> None:
        self._view = view
        self._runs = runs
        self._benches = benches

    def routes(self) -> list[Route]:
        """Return its addresses."""
        return [
            Route("/runs/{run}", self._show),
            Route("/runs/{run}/events", self._events),
            *(Route(f"/runs/{{run}}/{verb}", self._steer, methods=["POST"]) for verb in STEERS),
        ]

    async def _show(self, request: Request) -> Response:
        run = self._runs.find(request.path_params["run"])
        if run is not None:
            return self._view.page(request, "run.html", **_told(run))
        return await self._past(request, request.path_params["run"])

    async def _past(self, request: Request, run: str) -> Response:
        """Show what the journal has of a run that another process carried out."""
        groups = self._benches.groups if _NAME.fullmatch(run) else ()
        try:
            for group in groups:
                for deed in await self._benches.bench(group).history():
                    if deed.run == run:
                        return self._view.page(request, "run_past.html", deed=deed, group=group)
        except LinkError as error:
            return self._view.away(request, "Run", error)
        return self._view.page(
            request, "run_past.html", status=404, deed=None, group=self._benches.groups[0]
        )

    async def _events(self, request: Request) -> Response:
        run = self._run(request)
        return Stream(
            run.listeners,
            "run",
            lambda: self._view.part("run_part.html", **_told(run)),
            lambda: run.over,
        )

    async def _steer(self, request: Request) -> Response:
        who = operator(request)
        run = self._run(request)
        verb = request.url.path.rpartition("/")[2]
        match verb:
            case "pause":
                run.running.pause(who)
            case "resume":
                run.running.resume(who)
            case _:
                run.running.stop(who)
        log.info("%s asks run %s to %s", who, run.id, verb)
        return RedirectResponse(run.address, 303)

    def _run(self, request: Request) -> Run:
        run = self._runs.find(request.path_params["run"])
        if run is None:
            raise Refused(
                404,
                "This console carries out no such run, so nothing was done; the run's own page and "
                "the history show what the journal has of it.",
            )
        return run


def _told(run: Run) -> dict[str, Any]:
    action, progress = run.running.action, run.progress
    what, past = _WORDS.get(action.verb.value, (action.verb.value, "done"))
    phase = "Could not begin" if run.trouble else _PHASES.get(progress.phase.value, "Going on")
    if progress.paused and not run.over:
        phase = "Paused"
    return {
        "run": run,
        "action": action,
        "progress": progress,
        "what": what,
        "past": past,
        "phase": phase,
        "ending": "failed" if run.trouble else (progress.ending.value if progress.ending else ""),
        "trouble": run.trouble or progress.why,
    }
