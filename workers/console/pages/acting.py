"""What pages that change something share: who may, and doing it once."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from workers.console.doors.entry import Refused, entry_of

if TYPE_CHECKING:
    from starlette.requests import Request

#: The field that names one intention: however often it comes, it is done once.
ONCE: Final = "once"
#: Characters of a reason.
LONGEST_WHY: Final = 300
#: Intentions remembered.
MOST: Final = 10_000


def operator(request: Request) -> str:
    """Return the operator's name; raises Refused for whoever may only look."""
    visitor = entry_of(request).visitor
    if not visitor.may_act:
        raise Refused(
            403,
            "You may look, not act; nothing was done. Ask for the role operator if you need it.",
        )
    return visitor.name


def intention(request: Request) -> str:
    """Return what a form's key names, for this person and this address; raises Refused without."""
    entry = entry_of(request)
    given = entry.form.get(ONCE, "")
    if not given:
        raise Refused(400, "This form lacks its key; load the page again. Nothing was done.")
    return f"{entry.visitor.name} {request.url.path} {given}"


class Once:
    """Remembers where each intention led, so that a double click leads there too."""

    def __init__(self) -> None:
        self._led: OrderedDict[str, str] = OrderedDict()

    @staticmethod
    def key() -> str:
        """Return the name of a new intention, for a form."""
        return secrets.token_urlsafe(16)

    def led(self, request: Request) -> str | None:
        """Return the address an earlier sending of the same form led to, or None."""
        return self._led.get(intention(request))

    def leads(self, request: Request, address: str) -> str:
        """Remember and return where this form leads; call it before anything awaits."""
        self._led[intention(request)] = address
        while len(self._led) > MOST:
            self._led.popitem(last=False)
        return address
