"""Data → page: templates in which every text is a stranger's until shown otherwise."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from workers.console.charts import spark
from workers.console.doors.cookies import with_cookie
from workers.console.doors.doors import TOKEN
from workers.console.doors.entry import Refused, entry_of
from workers.console.letters.chosen import brief
from workers.console.unseen import UNSEEN
from workers.version import leveret_version

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from starlette.requests import Request

    from workers.deadletters import Survey

HERE: Final = Path(__file__).parent
#: Stands where nobody knows a number.
UNKNOWN: Final = "\N{EN DASH}"
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_KIB: Final = 1024
_THOUSAND: Final = 1000


class View:
    """Makes pages; one for the whole console."""

    def __init__(self, *, guarded: bool, prefix: str, pages: Sequence[tuple[str, str]]) -> None:
        self._env = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=visible,
            # Templates change with the program only.
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._env.filters |= {
            "ago": ago,
            "brief": brief,
            "number": number,
            "quantity": quantity,
            "seconds": seconds,
            "size": size,
            "spark": spark,
            "when": when,
        }
        self._env.globals |= {
            "guarded": guarded,
            "pages": pages,
            "prefix": prefix,
            "token_field": TOKEN,
            "version": leveret_version(),
        }

    def page(
        self, request: Request, template: str, *, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """Return a page for whoever asks."""
        entry = entry_of(request)
        html = self._env.get_template(template).render(
            visitor=entry.visitor,
            token=entry.form_token,
            path=request.url.path,
            query=request.url.query,
            **values,
        )
        response = HTMLResponse(html, status)
        with_cookie(request, response)
        return response

    def away(self, request: Request, title: str, error: Exception) -> HTMLResponse:
        """Return the page of something that cannot be had from the broker now."""
        return self.page(request, "away.html", status=503, title=title, trouble=str(error))

    def waiting(
        self, request: Request, survey: Survey, reading: int | None, **values: Any
    ) -> HTMLResponse:
        """Return the page of a look that takes longer than a moment; it goes on by itself.

        `reading` is how many letters the first look has met, None when it is over.
        """
        return self.page(request, "waiting.html", survey=survey, reading=reading, **values)

    def part(self, template: str, **values: Any) -> str:
        """Return a part of a page, the same for everybody."""
        return self._env.get_template(template).render(**values)

    def refused(self, request: Request, refused: Refused) -> Response:
        """Return the page of a request that gets none."""
        html = self._env.get_template("refused.html").render(
            status=refused.status, line=refused.line, path=request.url.path
        )
        return HTMLResponse(html, refused.status, headers=refused.headers)


def visible(value: Any) -> Any:
    """Return a text with its invisible and misleading characters spelled out."""
    if value is None:
        return ""
    if not isinstance(value, str) or (value.isascii() and value.isprintable()):
        return value
    safe = UNSEEN.sub(_escaped, value)
    return Markup(safe) if isinstance(value, Markup) else safe  # noqa: S704 - it was markup before


def number(value: float | None) -> str:
    """Return a number as people read it: 12,345 · 3.4 · 0.02."""
    if value is None:
        return UNKNOWN
    if value == int(value):
        return f"{int(value):,}"
    if abs(value) >= 100:  # noqa: PLR2004 - three digits say enough
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 1 else f"{value:.2f}"


def quantity(value: int, one: str, many: str = "") -> str:
    """Return `1 letter`, `1,204 letters`."""
    return f"{value:,} {one if value == 1 else many or one + 's'}"


def seconds(value: float | None) -> str:
    """Return a duration: 4.2 ms · 1.5 s · 3 min."""
    if value is None:
        return UNKNOWN
    if value < 1:
        return f"{value * _THOUSAND:.3g} ms"
    if value < _MINUTE:
        return f"{value:.3g} s"
    if value < _HOUR:
        return f"{value / _MINUTE:.3g} min"
    return f"{value / _HOUR:.3g} h" if value < _DAY else f"{value / _DAY:.3g} d"


def size(value: int) -> str:
    """Return bytes: 512 B · 1.5 KiB · 2 MiB."""
    for unit in ("B", "KiB", "MiB"):
        if value < _KIB:
            return f"{value:.4g} {unit}"
        value = value // _KIB if value % _KIB == 0 else value / _KIB  # type: ignore[assignment] # shown, not counted
    return f"{value:.4g} GiB"


def when(text: str | None) -> str:
    """Return an instant without its fractions, in UTC: 2026-03-01 12:00:05."""
    instant = _instant(text)
    return "unknown" if instant is None else f"{instant:%Y-%m-%d %H:%M:%S}"


def ago(text: str | None) -> str:
    """Return how long ago that was: `3 min ago`."""
    instant = _instant(text)
    if instant is None:
        return "unknown"
    passed = max(0.0, (datetime.now(UTC) - instant).total_seconds())
    if passed < 1:
        return "just now"
    if passed < _MINUTE:
        return f"{passed:.0f} s ago"
    if passed < _HOUR:
        return f"{passed / _MINUTE:.0f} min ago"
    return f"{passed / _HOUR:.0f} h ago" if passed < 2 * _DAY else f"{passed / _DAY:.0f} days ago"


def _instant(text: str | None) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _escaped(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape", "surrogatepass").decode("ascii")
