"""What would fail at each message is refused where it is registered."""

from __future__ import annotations

import pytest

from messages import ProtocolModel
from workers import Context, RegistrationError, Registry


class Words(ProtocolModel):
    """Parameters nobody looks at."""


def test_a_processor_without_a_context_is_refused() -> None:
    """It would fail at each message, with words that point elsewhere."""
    with pytest.raises(RegistrationError, match=r"write `async def lonely\(given, context\)`"):

        @Registry().task("lonely", parameters=Words)  # type: ignore[arg-type] # what is refused
        async def lonely(_words: Words) -> None: ...


def test_a_number_is_no_retry_policy() -> None:
    """Whoever writes it means `retries`."""
    with pytest.raises(RegistrationError, match="retry=2 is no RetryPolicy"):

        @Registry().task("again", parameters=Words, retry=2)  # type: ignore[arg-type] # what is refused
        async def again(_words: Words, _context: Context) -> None: ...


def test_a_result_that_is_no_answer_is_refused() -> None:
    """Before the work is done for nothing, attempt after attempt."""
    with pytest.raises(RegistrationError, match="returns int; an answer is"):

        @Registry().task("five", parameters=Words)  # type: ignore[type-var] # what is refused
        async def five(_words: Words, _context: Context) -> int:
            return 5
