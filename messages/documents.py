"""Documents, which may only be where their classification belongs."""

from __future__ import annotations

from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from messages.context import SecurityLevel, context_of
from messages.model import ProtocolModel
from messages.payload import Payload

#: Characters below which content is no real content of its level.
SHORTEST: Final = {SecurityLevel.CONFIDENTIAL: 16, SecurityLevel.SECRET: 32}


class SecureDocument(ProtocolModel):
    """A document and how carefully it must be handled.

    It is valid only in a place of its own classification, so it cannot be made without saying where
    it is: `DocumentPayload.model_validate({"document": {…}}, context=ValidationContext(…))`.
    """

    document_id: UUID
    title: Annotated[str, Field(min_length=1, max_length=1_000)]
    content: str
    classification: SecurityLevel

    @model_validator(mode="after")
    def _in_its_place(self, info: ValidationInfo) -> Self:
        context = context_of(info)
        if context is None:
            raise PydanticCustomError(
                "security_context_missing",
                "a document is only valid in a place with a security level, and none is given",
            )
        if context.security_level is None:
            raise PydanticCustomError(
                "sender_not_cleared",
                "this sender is not cleared for documents here; log in at the broker as a user "
                "that is, and set the AMQP property user_id",
            )
        if self.classification != context.security_level:
            raise PydanticCustomError(
                "classification_mismatch",
                "documents here must be classified {level}",
                {"level": context.security_level.value},
            )
        _fit_for(self.classification, self.content)
        return self


def _fit_for(level: SecurityLevel, content: str) -> None:
    least = SHORTEST.get(level, 0)
    if len(content) < least:
        raise PydanticCustomError(
            "content_too_short_for_level",
            "{level} content has at least {least} characters",
            {"level": level.value, "least": least},
        )
    if level is SecurityLevel.SECRET and not any(map(str.isupper, content)):
        raise PydanticCustomError(
            "secret_needs_upper_case", "secret content has at least one upper-case letter"
        )


class DocumentPayload(Payload, type="document"):
    """Carries a document."""

    document: SecureDocument
