"""What a security level hides without being told, in every form that a message may have. Pure.

Confidential hides the title and content of documents: in an envelope, a JSON-RPC call, a lean
message, a batch, an array of them, and where a sender put them without any of these. Secret hides
all but the types and what an envelope says of itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from workers.deadletters.pointers import EACH, places
from workers.deadletters.subtrees import is_text, leaves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workers.deadletters.spans import Node

_MESSAGES: Final = "messages"
#: Where a document's title and content may stand: in these, or in a `document` in these.
_PAYLOADS: Final = (("payload",), ("params",), ("data",))
_WHOLE: Final = ((), *_PAYLOADS)
_SINGLE: Final = (
    *_WHOLE,
    *((*one, _MESSAGES, EACH, *other) for one in _WHOLE for other in _WHOLE),
)
_HOLDERS: Final = (*_SINGLE, *((EACH, *one) for one in _SINGLE))
_DOCUMENT: Final = "document"
_FIELDS: Final = ("title", "content")
#: What these should be; of anything else in their place nobody knows what is in it.
_FORMS: Final = {_DOCUMENT: b"{", _MESSAGES: b"["}
#: All of that as places, for those who ask of one without a body: a list in the place of an object
#: is hidden whole.
_PLACES: Final = tuple(
    (*holder, *field)
    for holder in _HOLDERS
    for field in (
        *((one,) for one in _FIELDS),
        *((_DOCUMENT, one) for one in (*_FIELDS, EACH)),
        *(((EACH,),) if holder else ()),
    )
)
#: What a message says of itself, whatever it carries.
_ENVELOPE: Final = frozenset(
    {
        *("envelope_id", "message_type", "correlation_id", "reply_to", "ttl", "source_agent"),
        *("target_agent", "version", "timestamp", "jsonrpc", "method", "id", "leveret"),
        *("msg_id", "msg_type"),
    }
)


def confidential(document: Node, body: bytes) -> Iterator[Node]:
    """Yield what is hidden of a confidential message."""
    for holder in _HOLDERS:
        for place in places(document, holder):
            if (place.form == b"[" and holder) or is_text(place, body):
                # It should be an object: nobody knows what is in it.
                yield from leaves(place, body)
            elif place.form == b"{":
                yield from _of_document(place, body)


def _of_document(holder: Node, body: bytes) -> Iterator[Node]:
    for key, one in holder.parts:
        if key in _FIELDS or one.form != _FORMS.get(key, one.form):
            yield from leaves(one, body)
        elif key == _DOCUMENT:
            for name, field in one.parts:
                if name in _FIELDS:
                    yield from leaves(field, body)


def secret(document: Node, body: bytes) -> Iterator[Node]:
    """Yield what is hidden of a secret message."""
    if document.form != b"{":
        yield from leaves(document, body)
        return
    for key, one in document.parts:
        if key not in _ENVELOPE:
            yield from leaves(one, body)
        else:
            for _, inner in one.parts:
                if inner.form:
                    yield from leaves(inner, body)


def covered(level: str, keys: tuple[str, ...]) -> bool:
    """Whether a level hides what stands at a place, or something in it."""
    match level:
        case "secret":
            # Even an envelope's own field may hold others, which are hidden; a place cannot tell.
            return True
        case "confidential":
            return any(
                all(
                    one == other or (one == EACH and other.isdecimal())
                    for one, other in zip(place, keys, strict=False)
                )
                for place in _PLACES
            )
        case _:
            return False
