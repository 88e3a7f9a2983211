"""Replay and discard of many letters: what it would touch first, then, once, what was shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import RedirectResponse
from starlette.routing import Route

from workers.console.doors.entry import Refused, entry_of
from workers.console.doors.forms import not_negative
from workers.console.letters.asked import Asked
from workers.console.letters.plans import Plans
from workers.console.pages.acting import LONGEST_WHY, operator
from workers.deadletters import Ambiguous, Pace, Survey
from workers.deadletters.pacing import DEFAULT_RATE
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from workers.console.letters.benches import Benches
    from workers.console.letters.plans import Plan
    from workers.console.letters.runs import Runs
    from workers.console.letters.surveys import Surveys
    from workers.console.pages.acting import Once
    from workers.console.view import View
    from workers.deadletters import Meant, Proposal

#: What can be done with many letters.
VERBS: Final = ("replay", "discard")
_TOO_OLD: Final = "That plan is too old; this is how it stands now. Nothing was done yet."
_GOING_ON: Final = "Another action is going on, one at a time. Nothing was done yet."
_SAY_WHY: Final = "Say why nobody needs these letters; it stands in the history."
_NO_RATE: Final = "Give 0 (no limit) or a finite number of messages a second. Nothing was done yet."
_NONE_PASSES: Final = "None of these would pass now. Fix what fails first, or tick the box."


class PlanPages:
    """What is about to be done, and the yes to it."""

    def __init__(
        self, view: View, benches: Benches, runs: Runs, surveys: Surveys, once: Once
    ) -> None:
        self._view = view
        self._benches = benches
        self._runs = runs
        self._surveys = surveys
        self._once = once
        self._plans = Plans()

    def routes(self) -> list[Route]:
        """Return its addresses; they come before those of single letters."""
        return [
            *(Route(f"/letters/{verb}", self._plan, methods=["GET"]) for verb in VERBS),
            *(Route(f"/letters/{verb}", self._do, methods=["POST"]) for verb in VERBS),
        ]

    async def _plan(self, request: Request) -> Response:
        operator(request)
        return await self._planned(request, Asked(request, self._benches))

    async def _planned(
        self, request: Request, asked: Asked, *, status: int = 200, trouble: str = ""
    ) -> Response:
        """Show a plan as it stands now, or how far the look for it is."""
        verb = _verb(request)
        try:
            bench = self._benches.bench(asked.group)
            selection = asked.selection
            look = bench.preview if verb == "replay" else bench.meant

            async def made(survey: Survey) -> Proposal | Meant:
                return await look(selection, survey=survey)

            found = await self._surveys.ask((verb, asked.group, selection), made)
        except Ambiguous as error:
            raise Refused(400, str(error)) from error
        except LinkError as error:
            return self._view.away(request, "Dead letters", error)
        if isinstance(found, Survey):
            return self._view.waiting(
                request,
                found,
                bench.reading,
                title=verb.capitalize(),
                back=asked.query(),
                described=selection.described,
                trouble=trouble,
            )
        plan = self._plans.keep(self._once.key(), operator(request), verb, asked.group, found)
        return self._show(request, asked, plan, status=status, trouble=trouble)

    def _show(
        self, request: Request, asked: Asked, plan: Plan, *, status: int = 200, trouble: str = ""
    ) -> Response:
        return self._view.page(
            request,
            "act.html",
            status=status,
            verb=plan.verb,
            group=plan.group,
            back=asked.query(),
            here=asked.chosen_query,
            meant=plan.meant,
            proposal=plan.proposal,
            going_on=self._runs.going_on(plan.group),
            once=plan.once,
            rate=int(DEFAULT_RATE),
            trouble=trouble,
            given=entry_of(request).form,
        )

    async def _do(self, request: Request) -> Response:
        who = operator(request)
        asked = Asked(request, self._benches)
        verb, form = _verb(request), entry_of(request).form
        async with self._runs.turn(asked.group):
            if led := self._once.led(request):
                return RedirectResponse(led, 303)
            plan = self._plans.find(form.get("once", ""), who, verb, asked.group)
            if plan is None:
                return await self._planned(request, asked, status=409, trouble=_TOO_OLD)
            if self._runs.going_on(asked.group):
                return self._show(request, asked, plan, status=409, trouble=_GOING_ON)
            why = form.get("why", "").strip()[:LONGEST_WHY]
            if verb == "discard" and not why:
                return self._show(request, asked, plan, status=422, trouble=_SAY_WHY)
            if plan.proposal and not plan.proposal.passing and "all" not in form:
                return self._show(request, asked, plan, status=422, trouble=_NONE_PASSES)
            try:
                pace = Pace(rate=not_negative(form.get("rate", str(DEFAULT_RATE))))
            except ValueError:
                return self._show(request, asked, plan, status=422, trouble=_NO_RATE)
            bench = self._benches.bench(asked.group).for_person(who)
            running = (
                bench.replay(plan.proposal, pace, why=why, anyway="all" in form)
                if plan.proposal
                else bench.discard(plan.meant, why=why)
            )
            run = self._runs.begin(running, asked.group)
            self._plans.drop(plan)
            return RedirectResponse(self._once.leads(request, run.address), 303)


def _verb(request: Request) -> str:
    return request.url.path.rpartition("/")[2]
