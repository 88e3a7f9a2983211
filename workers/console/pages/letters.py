"""Dead letters: groups and lists with filters, one letter whole, the history."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from workers.console.doors.entry import Refused
from workers.console.letters.asked import Asked
from workers.console.letters.text import editable
from workers.deadletters import Ambiguous, NoSuchLetter, Survey, TooShort
from workers.link.supervisor import LinkError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.responses import Response

    from workers.console.letters.benches import Benches
    from workers.console.letters.runs import Runs
    from workers.console.letters.surveys import Surveys
    from workers.console.view import View
    from workers.deadletters import Deed, Letter, Masking, Overview, Shown

#: Letters on a page.
PAGE = 50
#: Kinds of failure on a page.
MOST_GROUPS = 50
#: Values of a filter to choose from; any other one can stand in the address.
MOST_OFFERED = 100
#: Deeds on a page of history.
MOST_DEEDS = 200
#: Characters of a header's value.
LONGEST_VALUE = 300


class LetterPages:
    """What can be looked at."""

    def __init__(self, view: View, benches: Benches, runs: Runs, surveys: Surveys) -> None:
        self._view = view
        self._benches = benches
        self._runs = runs
        self._surveys = surveys

    def routes(self) -> list[Route]:
        """Return its addresses."""
        return [
            Route("/letters", self._list),
            Route("/letters/{id}", self._letter),
            Route("/history", self._history),
        ]

    async def _list(self, request: Request) -> Response:
        asked = Asked(request, self._benches)
        selection, page = asked.selection, asked.page
        try:
            bench = self._benches.bench(asked.group)

            async def look(survey: Survey) -> Overview:
                return await bench.overview(selection, limit=PAGE, page=page, survey=survey)

            found = await self._surveys.ask(("list", asked.group, selection, page), look)
            waiting = found if isinstance(found, Survey) else None
            if isinstance(found, Survey):
                if bench.reading is not None:
                    return self._reading(request, asked, found, bench.reading, title="Dead letters")
                # Bodies are being read; what needs none of them can be shown already.
                found = await bench.overview(selection.without_text(), limit=1)
        except LinkError as error:
            return self._view.away(request, "Dead letters", error)
        return self._page(
            request,
            "letters.html",
            asked.group,
            asked=asked,
            filters=asked.filters,
            waiting=waiting,
            listing=found.listing,
            groups=found.groups,
            most_groups=MOST_GROUPS,
            reasons={one.fingerprint: one.reason for one in found.groups},
            codes=_offered(one.error_code for one in found.all_groups),
            types=_offered(one.message_type for one in found.all_groups),
            tasks=_offered(one.task_type for one in found.all_groups),
        )

    def _reading(
        self, request: Request, asked: Asked, survey: Survey, reading: int | None, *, title: str
    ) -> Response:
        """Return the page of a look that reads the whole journal."""
        return self._view.waiting(
            request,
            survey,
            reading,
            title=title,
            back=asked.query(),
            described="",
            trouble="",
        )

    async def _letter(self, request: Request) -> Response:
        asked = Asked(request, self._benches)
        try:
            bench = self._benches.bench(asked.group)
            shown = await shown_letter(request, self._benches, asked.group)
        except LinkError as error:
            return self._view.away(request, "Dead letter", error)
        return self._page(
            request,
            "letter.html",
            asked.group,
            shown=shown,
            letter=shown.letter,
            is_text=editable(shown.editable) is not None,
            masked=self._benches.masked(asked.group),
            headers=_headers(shown.letter, bench.operator.masking),
        )

    async def _history(self, request: Request) -> Response:
        asked = Asked(request, self._benches)
        letter = asked.ids[0] if asked.ids else ""
        try:
            bench = self._benches.bench(asked.group)

            async def look(_survey: Survey) -> tuple[Deed, ...]:
                return await bench.history(letter)

            found = await self._surveys.ask(("history", asked.group, letter), look)
        except LinkError as error:
            return self._view.away(request, "History", error)
        if isinstance(found, Survey):
            return self._reading(request, asked, found, bench.reading, title="History")
        return self._page(
            request, "history.html", asked.group, deeds=found[:MOST_DEEDS], letter=letter
        )

    def _page(self, request: Request, template: str, group: str, **values: Any) -> Response:
        return self._view.page(
            request,
            template,
            group=group,
            groups_known=self._benches.groups,
            going_on=self._runs.going_on(group),
            **values,
        )


async def shown_letter(request: Request, benches: Benches, group: str) -> Shown:
    """Return the letter in the address; raises Refused where there is none of that name."""
    try:
        return await benches.bench(group).show(request.path_params["id"])
    except NoSuchLetter as error:
        raise Refused(
            404, "There is no such letter: its history may be too old to be kept."
        ) from error
    except (Ambiguous, TooShort) as error:
        raise Refused(404, str(error)) from error


def _offered(values: Iterable[str]) -> list[str]:
    """Return what a filter offers of the values of all groups, the largest of which come first.

    A sender may have asked for any number of types that nobody has.
    """
    different = dict.fromkeys(filter(None, values))
    return sorted(islice(different, MOST_OFFERED))


def _headers(letter: Letter, masking: Masking) -> list[tuple[str, str]]:
    """Return properties and headers as text, as they may be shown."""
    properties = letter.properties
    told = [
        (name, value)
        for name in ("content_type", "correlation_id", "reply_to", "type", "message_id", "user_id")
        if (value := getattr(properties, name, None)) is not None
    ]
    headers = masking.headers(properties.headers)
    told += [(name, _cut(str(value))) for name, value in sorted(headers.items())]
    return [(name, str(value)) for name, value in told]


def _cut(text: str) -> str:
    """Return a value of a readable length; one that is cut says so."""
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:LONGEST_VALUE]} … (cut: {len(text):,} characters in all)"
