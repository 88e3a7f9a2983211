"""Replay, edit, discard: what it would touch first, then, once, what was shown."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from starlette.responses import RedirectResponse
from starlette.routing import Route

from workers.console.doors.doors import Refused, entry_of
from workers.console.letters.asked import Asked
from workers.console.letters.text import editable, posted
from workers.console.pages.acting import Once, operator
from workers.console.pages.letters import shown_letter
from workers.deadletters import Ambiguous, Meant, NoSuchLetter, Pace
from workers.deadletters.pacing import DEFAULT_RATE
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

    from workers.console.letters.benches import Benches
    from workers.console.letters.runs import Runs
    from workers.console.view import View
    from workers.deadletters import Proposal, Running, Workbench

#: What can be done with many letters.
VERBS: Final = ("replay", "discard")
#: Plans that were shown and wait for a yes, and seconds for which they do.
MOST_PLANS: Final = 50
GOOD_FOR: Final = 1800.0
#: Letters a second that may be asked for.
MOST_RATE: Final = 100_000
#: Characters of a reason.
LONGEST_WHY: Final = 300


class _Shown(NamedTuple):
    """A plan as somebody saw it: what they say yes to is this, and not what came since."""

    who: str
    verb: str
    group: str
    plan: Proposal | Meant
    until: float


class ActionPages:
    """What changes something."""

    def __init__(self, view: View, benches: Benches, runs: Runs, once: Once) -> None:
        self._view = view
        self._benches = benches
        self._runs = runs
        self._once = once
        self._plans: OrderedDict[str, _Shown] = OrderedDict()

    def routes(self) -> list[Route]:
        """Return its addresses; they come before those of single letters."""
        return [
            *(Route(f"/letters/{verb}", self._plan, methods=["GET"]) for verb in VERBS),
            *(Route(f"/letters/{verb}", self._do, methods=["POST"]) for verb in VERBS),
            Route("/letters/{id}/edit", self._edit, methods=["GET"]),
            Route("/letters/{id}/edit", self._send, methods=["POST"]),
            Route("/letters/{id}/check", self._check, methods=["POST"]),
        ]

    # -- many letters --

    async def _plan(self, request: Request) -> Response:
        operator(request)
        return await self._planned(request)

    async def _planned(self, request: Request, *, status: int = 200, trouble: str = "") -> Response:
        asked = Asked(request, self._benches)
        verb = _verb(request)
        try:
            bench = self._benches.bench(asked.group)
            plan: Proposal | Meant
            if verb == "replay":
                plan = proposal = await bench.preview(asked.selection)
                meant = proposal.meant
            else:
                plan = meant = await bench.meant(asked.selection)
        except Ambiguous as error:
            raise Refused(400, str(error)) from error
        except LinkError as error:
            return self._away(request, error)
        once = self._once.key()
        self._keep(once, _Shown(operator(request), verb, asked.group, plan, _now() + GOOD_FOR))
        return self._view.page(
            request,
            "act.html",
            status=status,
            verb=verb,
            group=asked.group,
            back=asked.query(),
            here=asked.chosen_query,
            meant=meant,
            proposal=plan if verb == "replay" else None,
            going_on=self._runs.going_on(asked.group),
            once=once,
            rate=int(DEFAULT_RATE),
            trouble=trouble,
        )

    async def _do(self, request: Request) -> Response:
        who = operator(request)
        asked = Asked(request, self._benches)
        verb, form = _verb(request), entry_of(request).form
        async with self._runs.turn(asked.group):
            if led := self._once.led(request):
                return RedirectResponse(led, 303)
            shown = self._plans.get(form.get("once", ""))
            if shown is None or shown[:3] != (who, verb, asked.group) or shown.until < _now():
                told = "That plan is too old; this is how it stands now. Nothing was done yet."
                return await self._planned(request, status=409, trouble=told)
            if self._runs.going_on(asked.group):
                told = "Another action is going on, one at a time. Nothing was done yet."
                return await self._planned(request, status=409, trouble=told)
            why = form.get("why", "").strip()[:LONGEST_WHY]
            if verb == "discard" and not why:
                told = "Say why nobody needs these letters; it stands in the history."
                return await self._planned(request, status=422, trouble=told)
            if not isinstance(shown.plan, Meant) and not shown.plan.passing and "all" not in form:
                told = "None of these would pass now. Fix what fails first, or tick the box."
                return await self._planned(request, status=422, trouble=told)
            running = _running(self._benches.bench(asked.group).for_person(who), shown, form, why)
            run = self._runs.begin(running, asked.group)
            self._plans.pop(form.get("once", ""), None)
            return RedirectResponse(self._once.leads(request, run.address), 303)

    def _keep(self, once: str, shown: _Shown) -> None:
        self._plans[once] = shown
        while len(self._plans) > MOST_PLANS:
            self._plans.popitem(last=False)

    # -- one letter --

    async def _edit(self, request: Request) -> Response:
        operator(request)
        return await self._editing(request)

    async def _editing(self, request: Request, *, status: int = 200, **given: Any) -> Response:
        asked = Asked(request, self._benches)
        try:
            shown = await shown_letter(request, self._benches, asked.group)
        except LinkError as error:
            return self._away(request, error)
        text = editable(shown.editable)
        if text is None:
            raise Refused(
                422,
                "This body is no text, so no page can hold it; `leveret dlq edit` can.",
            )
        values = {"text": text, "why": "", "trouble": "", "verdict": shown.foreseen} | given
        return self._view.page(
            request,
            "edit.html",
            status=status,
            group=asked.group,
            shown=shown,
            letter=shown.letter,
            masked=self._benches.masked(asked.group),
            once=self._once.key(),
            **values,
        )

    async def _check(self, request: Request) -> Response:
        operator(request)
        asked = Asked(request, self._benches)
        body = posted(entry_of(request).form.get("body", ""))
        try:
            bench = self._benches.bench(asked.group)
            verdict = await bench.preview_edit(request.path_params["id"], body)
        except (LinkError, NoSuchLetter, Ambiguous) as error:
            raise Refused(409, str(error)) from error
        return self._view.page(request, "verdict.html", verdict=verdict)

    async def _send(self, request: Request) -> Response:
        who = operator(request)
        asked = Asked(request, self._benches)
        form, letter_id = entry_of(request).form, request.path_params["id"]
        text, why = form.get("body", ""), form.get("why", "").strip()[:LONGEST_WHY]
        async with self._runs.turn(asked.group):
            if led := self._once.led(request):
                return RedirectResponse(led, 303)
            if self._runs.going_on(asked.group):
                told = "Another action is going on, one at a time. Nothing was sent; try again."
                return await self._editing(request, status=409, text=text, why=why, trouble=told)
            try:
                bench = self._benches.bench(asked.group).for_person(who)
                verdict = await bench.preview_edit(letter_id, posted(text))
                if verdict is not None and not verdict.passes:
                    return await self._editing(
                        request, status=422, text=text, why=why, verdict=verdict
                    )
                running = await bench.edit(letter_id, posted(text), why=why)
            except (NoSuchLetter, Ambiguous) as error:
                raise Refused(409, f"Nothing was sent: {error}") from error
            except LinkError as error:
                return await self._editing(
                    request, status=503, text=text, why=why, trouble=str(error)
                )
            run = self._runs.begin(running, asked.group)
            return RedirectResponse(self._once.leads(request, run.address), 303)

    def _away(self, request: Request, error: LinkError) -> Response:
        return self._view.page(
            request, "away.html", status=503, title="Dead letters", trouble=str(error)
        )


def _running(bench: Workbench, shown: _Shown, form: Mapping[str, str], why: str) -> Running:
    if isinstance(shown.plan, Meant):
        return bench.discard(shown.plan, why=why)
    rate = form.get("rate", "")
    pace = Pace(rate=float(min(int(rate), MOST_RATE)) if _whole(rate) else DEFAULT_RATE)
    return bench.replay(shown.plan, pace, why=why, anyway="all" in form)


def _verb(request: Request) -> str:
    return request.url.path.rpartition("/")[2]


def _whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 0 < len(text) < 8 and int(text) > 0  # noqa: PLR2004 - far above the most


def _now() -> float:
    return time.monotonic()
