"""The values below a place that say something. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.deadletters.spans import Node

#: What is shown of hidden objects: what decides what a message is, and names it.
SHOWN: Final = frozenset({"message_type", "task_type", "task_id", "document_id", "jsonrpc"})
#: What gives nothing away; a form is easier to mend with it.
_HARMLESS: Final = frozenset({b"null", b"true", b"false"})


def is_text(node: Node, body: bytes) -> bool:
    """Whether a value is a string."""
    return body[node.start : node.start + 1] == b'"'


def leaves(place: Node, body: bytes) -> Iterator[Node]:
    """Yield the values to hide so that the form of a place stays and its content does not."""
    left = [place]
    while left:
        node = left.pop()
        if node.form:
            left += (
                one for key, one in node.parts if not (key in SHOWN and _named(node, one, body))
            )
        elif node.of(body) not in _HARMLESS:
            yield node


def _named(holder: Node, one: Node, body: bytes) -> bool:
    return holder.form == b"{" and is_text(one, body)
