"""What was posted: one kind of form, of a bounded size, read before anything believes it."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from workers.console.doors.entry import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

#: Bytes of a form: a letter of the default size limit, each byte percent-encoded, and some.
LONGEST_FORM: Final = 4 * 2**20
MOST_FIELDS: Final = 200
#: Seconds for it to arrive.
READ_WITHIN: Final = 60.0
_FORM: Final = "application/x-www-form-urlencoded"


async def posted(request: Request) -> dict[str, tuple[str, ...]]:
    """Return the values of each field; raises Refused for what is no form of ours."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Refused(415, "Send a form (application/x-www-form-urlencoded).")
    body = bytearray()
    try:
        async with asyncio.timeout(READ_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LONGEST_FORM:
                    raise Refused(
                        413, "That form is larger than any letter could be; nothing was done."
                    )
    except TimeoutError:
        raise Refused(408, "That form took too long to arrive; nothing was done.") from None
    fields: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="strict",
        )
    except ValueError as error:  # too many fields, or no form at all
        raise Refused(400, "That is no form of this console; nothing was done.") from error
    for name, value in pairs:
        # Browsers send every line break of a text as two characters; nobody typed the first.
        fields.setdefault(name, []).append(value.replace("\r\n", "\n"))
    return {name: tuple(values) for name, values in fields.items()}


def first(form: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return the first value of each field."""
    return {name: values[0] for name, values in form.items()}


def not_negative(text: str) -> float:
    """Return the number in a field; raises ValueError for what the CLI refuses too."""
    value = float(text)
    if not 0 <= value < math.inf:  # nan is neither
        raise ValueError("not finite, or below 0")
    return value


def whole(text: str, *, least: int, most: int) -> int:
    """Return the whole number a field holds; raises ValueError for any other, and out of bounds."""
    value = int(text)
    if not least <= value <= most:
        raise ValueError("out of bounds")
    return value
