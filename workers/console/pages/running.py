"""An action on its way: how far it is, a button that stops it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import RedirectResponse
from starlette.routing import Route

from workers.console.doors.entry import Refused
from workers.console.live import Stream
from workers.console.pages.acting import operator

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from workers.console.letters.runs import Run, Runs
    from workers.console.view import View

log = logging.getLogger("leveret.console")

#: How an action on its way can be steered.
STEERS: Final = ("pause", "resume", "stop")
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

    def __init__(self, view: View, runs: Runs) -> None:
        self._view = view
        self._runs = runs

    def routes(self) -> list[Route]:
        """Return its addresses."""
        return [
            Route("/runs/{run}", self._show),
            Route("/runs/{run}/events", self._events),
            *(Route(f"/runs/{{run}}/{verb}", self._steer, methods=["POST"]) for verb in STEERS),
        ]

    async def _show(self, request: Request) -> Response:
        return self._view.page(request, "run.html", **_told(self._run(request)))

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
                404, "This console knows no such run; the history tells what was done and by whom."
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
