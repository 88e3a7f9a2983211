"""One question that is asked elsewhere before a message is dispatched, as its author wrote it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


@dataclass(frozen=True, slots=True, eq=False)
class Check:
    """One question about one field, as its author wrote it down."""

    #: `user_id`, or `order.owner` for a field of a field.
    field: str
    ask: Callable[[Any], Awaitable[bool]]
    #: Seconds for which an answer is believed, and for which one is waited.
    keep: float
    patience: float
    #: What the sender is told on a no.
    refusal: str

    @property
    def name(self) -> str:
        """What the check is called in logs and reasons."""
        return getattr(self.ask, "__qualname__", "a check")

    def value_in(self, argument: object) -> Any:
        """Return the value of the field; None where it is absent."""
        at: Any = argument
        for part in self.field.split("."):
            if at is None:
                return None
            at = at.get(part) if isinstance(at, dict) else getattr(at, part)
        return at
