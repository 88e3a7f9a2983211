"""What is wrong with a message, told so that its sender can mend it - and nothing of its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson

from messages.places import path_of, place_in
from messages.wording import cut, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError

    from messages.codes import ErrorCode
    from messages.places import Place
    from messages.salvage import Salvage

#: Errors told of one message, and bytes they may have together; the true count is always told.
MOST_ERRORS: Final = 20
MOST_BYTES: Final = 8_192
#: Errors that the same message may be free of another time.
PASSING: Final = frozenset({"maintenance_mode_restriction"})


class FieldError(NamedTuple):
    """One thing that is wrong, and where."""

    #: `payload.request.priority`; empty for the document itself.
    field_path: str
    #: The same as a JSON pointer, `/payload/request/priority`.
    pointer: str
    error_type: str
    message: str


class InvalidMessage(ValueError):
    """A message that cannot be done as it is: why, where, and whom to tell."""

    def __init__(
        self,
        code: ErrorCode,
        reason: str,
        errors: tuple[FieldError, ...] = (),
        *,
        error_count: int | None = None,
        salvage: Salvage | None = None,
    ) -> None:
        super().__init__(reason)
        self.code = code
        #: One line for people, without any value of the sender's.
        self.reason = reason
        self.errors = errors
        self.error_count = len(errors) if error_count is None else error_count
        self.salvage = salvage

    @property
    def retryable(self) -> bool:
        """Whether the same message may pass another time."""
        return bool(self.errors) and all(error.error_type in PASSING for error in self.errors)


def format_errors(
    error: ValidationError, *, document: Any = None, prefix: Place = ()
) -> tuple[tuple[FieldError, ...], int]:
    """Return the errors of a validation as they are told, and how many there are in all.

    `document` is what was validated, where it is at hand; `prefix` where it stands in the message.
    For whole messages use a catalog, whose errors stay cheap in any number.
    """
    rows = error.errors(include_url=False, include_input=False)
    placed = (((*prefix, *place_in(document, row)), row) for row in rows)
    return told(placed), error.error_count()


def told(rows: Iterable[tuple[Place, Any]]) -> tuple[FieldError, ...]:
    """Return the first of the library's errors as they are told, within bounds.

    No value of the sender's is told, and keys are escaped and cut.
    """
    room = MOST_BYTES - 2  # the brackets of the list
    few: list[FieldError] = []
    for place, row in rows:
        error = FieldError(*path_of(place), cut(row["type"]), words(row))
        room -= len(orjson.dumps(error._asdict())) + 1
        if room < 0 or len(few) == MOST_ERRORS:
            break
        few.append(error)
    return tuple(few)


def one(place: Place, error_type: str, message: str) -> tuple[FieldError]:
    """Return a single error at a place."""
    return (FieldError(*path_of(place), error_type, message),)


def summary(what: str, errors: tuple[FieldError, ...], count: int, *, exact: bool = True) -> str:
    """Return one line about a message that does not fit: its first error, and how many more."""
    if not errors:
        return f"{what} does not fit"
    first = errors[0]
    more = f" (and {count - 1} more)" if count > 1 else ""
    more = more if exact else " (and many more)"
    return f"{what} does not fit: {first.field_path or 'the document'}: {first.message}{more}"
