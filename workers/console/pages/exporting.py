"""Letters to take along: as lines of JSON, or as a pytest that fails until the code takes them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from workers.console.doors.entry import Refused, entry_of
from workers.console.doors.forms import whole
from workers.console.letters.asked import Asked
from workers.console.pages.acting import operator
from workers.deadletters import Ambiguous, Survey
from workers.deadletters.exporting import as_line, as_test
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from starlette.requests import Request

    from workers.console.letters.benches import Benches
    from workers.console.letters.surveys import Surveys
    from workers.console.view import View
    from workers.deadletters import Letter, Meant, Selection, Workbench

#: Letters in one written test, at the most: nobody reads a longer one.
MOST_TESTED: Final = 100
TESTED: Final = 20
#: Downloads at once, and seconds one may take; who reads slowly holds a line to the broker.
AT_ONCE: Final = 2
LONGEST: Final = 900.0


class ExportPages:
    """What would be written, and the file."""

    def __init__(
        self, view: View, benches: Benches, surveys: Surveys, modules: Sequence[str]
    ) -> None:
        self._view = view
        self._benches = benches
        self._surveys = surveys
        self._modules = modules
        self._turns = asyncio.Semaphore(AT_ONCE)

    def routes(self) -> list[Route]:
        """Return its addresses; they come before those of single letters."""
        return [
            Route("/letters/export", self._ask, methods=["GET"]),
            Route("/letters/export", self._write, methods=["POST"]),
        ]

    async def _ask(self, request: Request) -> Response:
        operator(request)
        asked = Asked(request, self._benches)
        selection = asked.selection
        try:
            bench = self._benches.bench(asked.group)

            async def look(survey: Survey) -> Meant:
                return await bench.meant(selection, survey=survey)

            found = await self._surveys.ask(("export", asked.group, selection), look)
        except Ambiguous as error:
            raise Refused(400, str(error)) from error
        except LinkError as error:
            return self._view.away(request, "Export", error)
        if isinstance(found, Survey):
            return self._view.waiting(
                request,
                found,
                bench.reading,
                title="Export",
                back=asked.query(),
                described=selection.described,
                trouble="",
            )
        return self._view.page(
            request,
            "export.html",
            meant=found,
            group=asked.group,
            back=asked.query(),
            here=asked.chosen_query,
            masked=self._benches.masked(asked.group),
            tested=TESTED,
            most_tested=MOST_TESTED,
        )

    async def _write(self, request: Request) -> Response:
        operator(request)
        asked = Asked(request, self._benches)
        if self._turns.locked():
            raise Refused(503, "Others are downloading just now; try again in a moment.")
        try:
            bench = self._benches.bench(asked.group)
            if entry_of(request).form.get("form") == "pytest":
                return await self._test(request, bench, asked)
            lines = self._lines(bench, asked.selection)
            first = await anext(lines, b"")  # what cannot begin is told as a page
        except Ambiguous as error:
            raise Refused(400, str(error)) from error
        except LinkError as error:
            return self._view.away(request, "Export", error)
        return StreamingResponse(
            _all(first, lines),
            media_type="application/x-ndjson",
            headers=_as_file(f"dead-letters-{asked.group}-{_now()}.jsonl"),
        )

    async def _lines(self, bench: Workbench, selection: Selection) -> AsyncGenerator[bytes]:
        masking = bench.operator.masking
        async with self._turns, aclosing(bench.whole(selection)) as found:
            async for handful in found:
                yield b"".join(as_line(letter, masking) for letter in handful)

    async def _test(self, request: Request, bench: Workbench, asked: Asked) -> Response:
        most = entry_of(request).form.get("most", str(TESTED))
        try:
            limit = whole(most, least=1, most=MOST_TESTED)
        except ValueError:
            raise Refused(
                422,
                f"Letters: give a number from 1 to {MOST_TESTED}. Nothing was written.",
            ) from None
        letters: list[Letter] = []
        async with self._turns:
            await bench.export(asked.selection, letters.append, limit=limit)
        offered = () if self._modules else self._benches.processors
        source = as_test(letters, bench.operator.masking, modules=self._modules, offered=offered)
        return Response(
            source, media_type="text/x-python", headers=_as_file("test_dead_letters.py")
        )


async def _all(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield all of it; whoever takes too long is hung up on."""
    async with asyncio.timeout(LONGEST), aclosing(rest):
        yield first
        async for more in rest:
            yield more


def _as_file(name: str) -> dict[str, str]:
    """Return headers that have a browser save it, whatever is in it."""
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}


def _now() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
