"""Names of things the worker knows, checked against a registry handed in with the context."""

from __future__ import annotations

from pydantic import AfterValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from messages.context import context_of


def reference(kind: str) -> AfterValidator:
    """Return the annotation of a field that names something the worker knows.

    Written `owner: Annotated[str, reference("user")]`. The context's `known[kind]` says whether
    there is one. Without such a registry the field is refused: what cannot be checked must not pass
    as checked.
    """

    def known(name: str, info: ValidationInfo) -> str:
        context = context_of(info)
        exists = None if context is None else context.known.get(kind)
        if exists is None:
            raise PydanticCustomError(
                "reference_unchecked",
                "there is no registry of {kind}s here to check this against",
                {"kind": kind},
            )
        if not exists(name):
            raise PydanticCustomError(
                "unknown_reference", "no {kind} of this name is known here", {"kind": kind}
            )
        return name

    return AfterValidator(known)
