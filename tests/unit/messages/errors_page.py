"""Writes docs/errors.md: twenty real messages that are refused, in our words and in pydantic's own.

python tests/unit/messages/errors_page.py > docs/errors.md
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final, Union

from pydantic import Field, TypeAdapter, ValidationError, create_model
from writing import agent, batch, compact, document, envelope, result, task, without, written

from messages import (
    SHIPPED_PAYLOADS,
    Catalog,
    Envelope,
    InvalidMessage,
    SecurityLevel,
    ValidationContext,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

CATALOG: Final = Catalog(SHIPPED_PAYLOADS)
CONTEXT: Final = ValidationContext(SecurityLevel.PUBLIC)
#: The same models without anything of ours around them.
PLAIN: Final = TypeAdapter(
    create_model(
        "Envelope",
        __base__=Envelope,
        payload=(Union[SHIPPED_PAYLOADS], Field(discriminator="message_type")),  # noqa: UP007 - made of a tuple
    )
)
#: Characters of pydantic's own text that are shown.
SHOWN: Final = 400

HEAD: Final = """# What a sender is told

Every refused message is dead-lettered with its errors, and answered with them where there is an
allowed address. Each error says *where* (`field_path`, and `pointer`, a JSON pointer), *what kind*
(`error_type`, for programs) and *what was expected* (`message`, for people). `error_code` says what
to do about the whole message, and `retryable` whether sending the same again can help.

At most 20 errors and 8 KiB are told; `error_count` is how many there are. A list or mapping in
which very many entries are wrong is told by its first one; where counting them would keep others
waiting, `error_count` is how many were found until then, and the line says *and many more*. Values
of the sender never appear: they may be secrets, and end up in logs. Of an unknown field the name is
told, escaped and cut.

Below are twenty real ones. On the left is what the sender gets; on the right what pydantic says
by itself about the same bytes. This page is made by `tests/unit/messages/errors_page.py`, and a
test fails when it is out of date.

"""

EXAMPLES: Final[tuple[tuple[str, bytes], ...]] = (
    ("A number in quotes", written(task(priority="5"))),
    ("A number out of its bounds", written(task(priority=11))),
    ("A required field is missing", written(without(task(), "source_agent"))),
    ("A misspelt field", written(task(priorty=5))),
    ("A task type that cannot be one", written(task(task_type="re-train the model"))),
    ("A type nobody knows", written(envelope({"message_type": "hunter2-TOP-secret"}))),
    ("No type at all", written(envelope({"request": {}}, message_type="task_request"))),
    ("Two types in one message", written(task() | {"message_type": "heartbeat"})),
    ("An id that is no UUID", written(task() | {"envelope_id": "hunter2-TOP-secret"})),
    ("A time in words", written(task(deadline="next Tuesday"))),
    ("A deadline out of every calendar", written(task(deadline="9999-12-31T23:59:59-14:00"))),
    ("An amount in words", written(task(budget="a lot"))),
    ("Urgent, and not worth it", written(task(priority=9, budget="10.00"))),
    ("A callback that is none", written(task(callback_url="javascript:alert(1)"))),
    ("A text that is too long, deep in the parameters",
     written(task(parameters={"chapters": [{"text": "x" * 10_001}]}))),
    ("A role without its abilities", written(task() | {"source_agent": agent(role="gateway")})),
    ("A status that is none", written(result(status="done"))),
    ("A document in the wrong place", written(document(classification="secret"))),
    ("Several wrong entries", written(batch(compact(), compact(msg_type="?"), 7))),
    ("One key twice", written(task()).replace(b'"text":', b'"text":"first","text":')),
)  # fmt: skip


def page() -> str:
    """Return the whole page."""
    return HEAD + "\n".join(line for title, body in EXAMPLES for line in section(title, body))


def section(title: str, body: bytes) -> Iterator[str]:
    """Yield the lines about one example."""
    invalid = ours(body)
    yield f"## {title}\n"
    yield f"`{invalid.code.value}`: {cell(invalid.reason)}\n"
    yield "| ours | pydantic's own |"
    yield "|---|---|"
    own = plain(body)
    rows = [
        f"`{one.pointer or '(the document)'}` `{one.error_type}`<br>{cell(one.message)}"
        for one in invalid.errors
    ]
    for number in range(max(len(rows), len(own))):
        left = rows[number] if number < len(rows) else ""
        right = cell(own[number]) if number < len(own) else ""
        yield f"| {left} | {right} |"
    yield ""


def ours(body: bytes) -> InvalidMessage:
    """Return why the project refuses a body."""
    try:
        CATALOG.decode(body, context=CONTEXT)
    except InvalidMessage as invalid:
        return invalid
    raise AssertionError("an example of an error must be one")


def plain(body: bytes) -> list[str]:
    """Return what pydantic says of a body by itself: place, text and input."""
    try:
        PLAIN.validate_json(body, context=CONTEXT)
    except ValidationError as error:
        return [
            f"{'.'.join(map(str, row['loc']))}: {row['msg']} "
            f"[type={row['type']}, input_value={row['input']!r}]"
            for row in error.errors(include_url=False)
        ]
    return ["(nothing: the last one wins)"]


def cell(text: str) -> str:
    """Return a text that fits into one cell of a table."""
    short = text if len(text) <= SHOWN else text[:SHOWN] + " …"
    return short.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


if __name__ == "__main__":
    sys.stdout.write(page())
