"""One letter mended and sent: judged while one types, and once more before it goes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import RedirectResponse
from starlette.routing import Route

from workers.console.doors.entry import Refused, entry_of
from workers.console.letters.asked import Asked
from workers.console.letters.text import editable, posted
from workers.console.pages.acting import LONGEST_WHY, operator
from workers.console.pages.letters import shown_letter
from workers.console.unseen import json_escaped
from workers.deadletters import Ambiguous, NoSuchLetter, Unrestored
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from workers.console.letters.benches import Benches
    from workers.console.letters.runs import Runs
    from workers.console.pages.acting import Once
    from workers.console.view import View


class EditPages:
    """The form, its verdict, and the sending."""

    def __init__(self, view: View, benches: Benches, runs: Runs, once: Once) -> None:
        self._view = view
        self._benches = benches
        self._runs = runs
        self._once = once

    def routes(self) -> list[Route]:
        """Return its addresses."""
        return [
            Route("/letters/{id}/edit", self._edit, methods=["GET"]),
            Route("/letters/{id}/edit", self._send, methods=["POST"]),
            Route("/letters/{id}/check", self._check, methods=["POST"]),
        ]

    async def _edit(self, request: Request) -> Response:
        operator(request)
        return await self._editing(request)

    async def _editing(self, request: Request, *, status: int = 200, **given: Any) -> Response:
        asked = Asked(request, self._benches)
        try:
            shown = await shown_letter(request, self._benches, asked.group)
        except LinkError as error:
            return self._view.away(request, "Dead letter", error)
        text = editable(shown.editable)
        if text is None:
            raise Refused(
                422,
                "This body is no text, or no JSON and with characters that cannot be seen, so no "
                "page can hold it; `leveret dlq edit` can.",
            )
        if "text" in given:
            given["text"] = json_escaped(given["text"])
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
        except Unrestored as error:
            return self._view.page(request, "verdict.html", verdict=None, unrestored=str(error))
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
            except Unrestored as error:
                return await self._editing(
                    request, status=422, text=text, why=why, verdict=None, unrestored=str(error)
                )
            except LinkError as error:
                return await self._editing(
                    request, status=503, text=text, why=why, trouble=str(error)
                )
            run = self._runs.begin(running, asked.group)
            return RedirectResponse(self._once.leads(request, run.address), 303)
