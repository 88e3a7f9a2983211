"""The content of a message; its type name is the discriminator that decides the model."""

from __future__ import annotations

import re
from typing import Any, ClassVar, Final, Literal

from messages.model import ProtocolModel

_NAME: Final = re.compile(r"[a-z0-9_-]{1,100}", re.ASCII)
#: Types that are questions, whatever they hold.
_QUESTIONS: Final = frozenset({"request", "query"})


def type_name(text: str) -> str:
    """Return a text that could be the name of a message or task type; of another one, nothing."""
    return text if _NAME.fullmatch(text) else ""


class Payload(ProtocolModel):
    """Subclass it with its type name: `class ResizeImage(Payload, type="resize_image")`.

    `needs_answer=True` refuses a message of this type that names no reply address. Two more matter
    to JSON-RPC only: `rest="values"` names the list that takes the positional parameters no other
    field takes, and `bare="value"` the field that is a call's whole `result`.
    """

    #: Set by the subclass; the default lets type checkers know that nobody has to give it.
    message_type: str = ""
    needs_answer: ClassVar[bool] = False
    rest: ClassVar[str | None] = None
    bare: ClassVar[str | None] = None

    def __init_subclass__(
        cls,
        *,
        type: str | None = None,  # noqa: A002 - as users write it
        needs_answer: bool | None = None,
        rest: str | None = None,
        bare: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Give the subclass its discriminator; raises TypeError for a name no message can have."""
        super().__init_subclass__(**kwargs)
        if type is None:
            return
        if not type_name(type):
            raise TypeError(
                f"{type!r} cannot be a message type: "
                "use 1-100 lower-case letters, digits, '_' or '-'",
            )
        cls.__annotations__["message_type"] = Literal[type]
        cls.message_type = type
        cls.needs_answer = type in _QUESTIONS if needs_answer is None else needs_answer
        cls.rest, cls.bare = rest, bare

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Refuse a `rest` or `bare` that is no field; raises TypeError."""
        super().__pydantic_init_subclass__(**kwargs)
        for name in (cls.rest, cls.bare):
            if name is not None and name not in cls.model_fields:
                raise TypeError(f"{cls.__qualname__} has no field {name!r}; name one it has")

    @classmethod
    def message_type_name(cls) -> str:
        """Return the type name; raises TypeError for a class that was given none."""
        field = cls.model_fields["message_type"]
        if not field.default or not isinstance(field.default, str):
            raise TypeError(
                f'{cls.__qualname__} has no message type: write type="..." behind Payload'
            )
        return field.default
