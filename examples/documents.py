"""`document` → `document_receipt`: proves to the sender which content arrived."""

from __future__ import annotations

import hashlib
from typing import Annotated
from uuid import UUID

from pydantic import Field

from messages import DocumentPayload, Payload
from workers import Context, Registry

registry = Registry()


class DocumentReceipt(Payload, type="document_receipt"):
    """Says which document was received, and the SHA-256 of its content in UTF-8.

    The content itself is not repeated: an answer may pass places that the document may not.
    """

    document_id: UUID
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    characters: int
    lines: int


@registry.processor(DocumentPayload)
async def receive_document(received: DocumentPayload, _context: Context) -> DocumentReceipt:
    """Answer with a receipt that the sender can check against its own copy."""
    document = received.document
    return DocumentReceipt(
        document_id=document.document_id,
        sha256=hashlib.sha256(document.content.encode()).hexdigest(),
        characters=len(document.content),
        lines=len(document.content.splitlines()),
    )
