"""What is wrong with a message, told so that its sender can mend it - and nothing of its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from pydantic import ValidationError

    from messages.codes import ErrorCode

#: Errors told of one message, and bytes they may have together; the true count is always told.
MOST_ERRORS: Final = 20
MOST_BYTES: Final = 8_192
#: Characters of one key, of a path and of a text.
MOST_KEY: Final = 80
MOST_PATH: Final = 300
MOST_TEXT: Final = 300

#: What people are told in place of the library's own words; `{}` names come from its context.
_TEXTS: Final[dict[str, str]] = {
    "missing": "this field is required",
    "extra_forbidden": "this field is not known here; leave it out",
    "string_too_long": "at most {max_length} characters are allowed",
    "string_too_short": "at least {min_length} characters are needed",
    "too_long": "at most {max_length} entries are allowed",
    "too_short": "at least {min_length} entries are needed",
    "greater_than_equal": "must be {ge} or more",
    "less_than_equal": "must be {le} or less",
    "greater_than": "must be more than {gt}",
    "less_than": "must be less than {lt}",
    "value_error": "the value is not allowed here",
    "assertion_error": "the value is not allowed here",
    "union_tag_invalid": "this type is not known here; known are: {expected_tags}",
    "union_tag_not_found": "the type that decides the rest is missing or is no text",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "string_pattern_mismatch": "must match {pattern}",
    "json_invalid": "this is not one JSON document in UTF-8",
}


class FieldError(NamedTuple):
    """One thing that is wrong, and where."""

    #: `payload.request.priority`; empty for the document itself.
    field_path: str
    #: The same as a JSON pointer, `/payload/request/priority`.
    pointer: str
    error_type: str
    message: str


class Salvage(NamedTuple):
    """What a refused document still tells, as far as it has the right form."""

    envelope_id: UUID | None = None
    correlation_id: UUID | None = None
    reply_to: str | None = None
    sender_id: str | None = None
    message_type: str | None = None
    task_type: str | None = None


class InvalidMessage(ValueError):
    """A message that can never be done as it is: why, where, and whom to tell."""

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


def format_errors(
    error: ValidationError,
    *,
    prefix: tuple[str | int, ...] = (),
) -> tuple[tuple[FieldError, ...], int]:
    """Return the first errors, within bounds, and how many there are in all.

    `prefix` is where the validated value stands in the message. No value of the sender's is told,
    and keys are escaped and cut.
    """
    rows = error.errors(include_url=False, include_input=False, include_context=True)
    room = MOST_BYTES
    told = []
    for row in rows[:MOST_ERRORS]:
        one = _field_error((*prefix, *_plain(row["loc"], row["type"])), row)
        room -= sum(len(text.encode()) for text in one) + 80
        if room < 0:
            break
        told.append(one)
    return tuple(told), error.error_count()


def path_of(place: Iterable[str | int]) -> tuple[str, str]:
    """Return a place as a dotted path and as a JSON pointer, keys escaped and cut."""
    keys = [_key(key) for key in place]
    pointer = "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)
    return ".".join(keys)[:MOST_PATH], pointer[:MOST_PATH]


def _field_error(place: tuple[str | int, ...], row: Any) -> FieldError:
    return FieldError(*path_of(place), row["type"], _text(row))


def _text(row: Any) -> str:
    kind = row["type"]
    template = _TEXTS.get(kind)
    context = row.get("ctx") or {}
    if template is None:
        # Our own error types and the library's: neither quotes the input.
        return _cut(row["msg"])
    try:
        return _cut(template.format_map(context))
    except (KeyError, IndexError, ValueError):
        return _cut(row["msg"]) if kind not in _QUOTING else "the value is not allowed here"


#: Library texts that repeat what the sender or a validator wrote.
_QUOTING: Final = frozenset({"value_error", "assertion_error", "union_tag_invalid"})


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def _key(key: str | int) -> str:
    if isinstance(key, int):
        return str(key)
    text = key if len(key) <= MOST_KEY else key[: MOST_KEY - 1] + "…"
    if text.isprintable():
        return text
    return text.encode("unicode_escape", "backslashreplace").decode("ascii")


def _plain(place: tuple[str | int, ...], kind: str) -> tuple[str | int, ...]:
    """Return where it is in the document: a tagged union puts the tag's name into the place."""
    if len(place) > 1 and place[0] == "payload" and isinstance(place[1], str):
        place = (place[0], *place[2:])
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        place = (*place, "message_type")
    return place
