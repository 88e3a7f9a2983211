"""What a message is checked against besides itself: who asks, for what, and what is allowed now.

The worker makes one for every delivery, from its queue's configuration and from what the broker
vouches for. Nothing in it ever comes from the message.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from pydantic import ValidationInfo

#: Words that must not stand in fields named financial, where nothing else is configured.
FORBIDDEN_WORDS: Final = ("bribe", "fraud", "insider", "kickback", "launder")


class SecurityLevel(StrEnum):
    """How carefully a document must be handled."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    SECRET = "secret"  # noqa: S105 - a level, not one


class ValidationContext(NamedTuple):
    """Hand it to `Catalog.decode` or to a model's `model_validate` as `context`."""

    #: What a document must be classified as; None where its sender is cleared for none.
    security_level: SecurityLevel | None = None
    #: The broker's word for who sent it, never the message's own; None where it says nothing.
    requesting_agent_id: str | None = None
    #: What is being done with the message: `process`, `retry` or `replay`.
    operation_type: str = "process"
    #: When the check is made, UTC; None for now.
    timestamp: datetime | None = None
    #: Create, update and delete are refused for the time being.
    maintenance: bool = False
    #: This sender may move more than `LARGE_AMOUNT`.
    high_value_approved: bool = False
    forbidden_words: tuple[str, ...] = FORBIDDEN_WORDS
    #: What the worker knows, by kind (`user`, `agent` …): is there one of this name?
    known: Mapping[str, Callable[[str], bool]] = {}


def context_of(info: ValidationInfo) -> ValidationContext | None:
    """Return the context a validation was given; None where it was given none."""
    context = info.context
    return context if isinstance(context, ValidationContext) else None
