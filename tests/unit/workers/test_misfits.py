"""What would fail at each message is refused where it is registered."""

from __future__ import annotations

from datetime import timedelta
from math import inf, nan
from typing import TYPE_CHECKING, Any

import pytest

from messages import Payload, ProtocolModel
from workers import Context, RegistrationError, Registry, Retry
from workers.testing import Rehearsal

if TYPE_CHECKING:
    from pathlib import Path as OnlyForTypeCheckers


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


@pytest.mark.parametrize("name", ["time_limit", "concurrency", "rate", "retries"])
@pytest.mark.parametrize("value", [nan, inf, -1, "5", True, timedelta(seconds=1)])
def test_a_limit_that_limits_nothing_is_refused(name: str, value: Any) -> None:
    """It would never stop anything, or fail at each message."""
    with pytest.raises(RegistrationError, match=f"^{name}=.*; give "):
        Registry().task("limited", parameters=Words, **{name: value})


@pytest.mark.parametrize("name", ["concurrency", "retries"])
def test_half_an_attempt_is_refused(name: str) -> None:
    """What is counted is counted in whole numbers."""
    with pytest.raises(RegistrationError, match=f"{name}=1.5 is not a whole number; give"):
        Registry().task("limited", parameters=Words, **{name: 1.5})  # type: ignore[arg-type] # what is refused


@pytest.mark.parametrize("batch", [0, 1.5, "3", nan])
def test_a_batch_of_no_whole_number_is_refused(batch: Any) -> None:
    """And says what to give."""
    with pytest.raises(RegistrationError, match=f"batch={batch!r} .*; give 1 or more"):
        Registry().processor(Sent, batch=batch)


@pytest.mark.parametrize("parameters", [int, dict, Words(), None, "Words"])
def test_parameters_that_are_no_model_are_refused(parameters: Any) -> None:
    """No message would fit them."""
    with pytest.raises(RegistrationError, match=r"parameters= of task type 'odd' is .* no model"):
        Registry().task("odd", parameters=parameters)


def test_a_task_type_that_is_no_text_is_refused() -> None:
    """With the same words as one of the wrong letters."""
    with pytest.raises(RegistrationError, match="task type 5 must be 1-100 letters"):
        Registry().task(5, parameters=Words)  # type: ignore[arg-type] # what is refused


@pytest.mark.parametrize("payload", [Words, int, print, None])
def test_a_processor_of_no_payload_is_refused(payload: Any) -> None:
    """A decorator without its brackets included."""
    with pytest.raises(RegistrationError, match=r"write @registry.processor\(Model\)"):
        Registry().processor(payload)


@pytest.mark.parametrize("waits", [{"keep": nan}, {"keep": -1}, {"patience": 0}, {"keep": "1"}])
def test_a_check_that_would_be_asked_too_often_or_not_at_all_is_refused(waits: Any) -> None:
    """As limits are."""
    with pytest.raises(RegistrationError, match=f"^{next(iter(waits))}=.*; give "):
        Registry().check("odd", "field", **waits)


async def _asks(_name: str) -> bool:
    return False


def test_what_asks_elsewhere_and_what_knows_are_told_apart() -> None:
    """A coroutine is true, so whoever asked for one would hear yes for everything."""
    with pytest.raises(RegistrationError, match=r"is an @registry.check"):
        Registry().know("user", _asks)  # type: ignore[arg-type] # what is refused
    with pytest.raises(RegistrationError, match="must be an `async def`"):
        Registry().check("odd", "field")(bool)  # type: ignore[type-var] # what is refused


class Sent(Payload, type="sent"):
    """A payload nobody looks at."""


class Missing(ProtocolModel):
    """Parameters of which one is known to type checkers only."""

    where: OnlyForTypeCheckers


class Early(ProtocolModel):
    """Parameters that name a class which stands below them."""

    late: Late | None = None


registry = Registry()


@registry.task("early", parameters=Early)
async def early(_early: Early, _context: Context) -> None:
    """Stand above what it needs."""


class Late(ProtocolModel):
    """Stands below."""


def test_a_model_that_names_what_is_not_there_is_refused() -> None:
    """Before the first message that cannot be read, with what is missing and where."""
    missing = Registry()

    @missing.task("missing", parameters=Missing)
    async def process(_missing: Missing, _context: Context) -> None: ...

    words = r"Missing, the model of the processor of missing, names 'OnlyForTypeCheckers', which"
    with pytest.raises(RegistrationError, match=words):
        Registry.of([missing])
    with pytest.raises(RegistrationError, match=words):
        Rehearsal(missing)


async def test_a_model_may_name_what_stands_below_it() -> None:
    """All that counts is that it is there in the end."""
    outcome = await Rehearsal(Registry.of([registry])).task("early", {"late": {}})
    assert outcome.answer is not None  # type: ignore[union-attr] # it is replied


@pytest.mark.parametrize("after", [nan, "5s", timedelta(seconds=5)])
def test_a_wait_that_is_no_number_of_seconds_fails_where_it_is_written(after: Any) -> None:
    """In the processor, whose failure it is."""
    with pytest.raises(TypeError, match="so many seconds"):
        Retry("later", after=after)
