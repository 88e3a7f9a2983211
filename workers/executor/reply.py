"""What comes back from a child process: two frames, how it ended and what the processor returned.

Exceptions travel as their names and place; `Reject` and `Retry` with the reason they give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from pydantic import BaseModel
from pydantic_core import from_json, to_json

from messages import ErrorCode, Payload, TaskResult, ValidationContext
from workers.answering.unsayable import Unsayable, refuse_unsayable
from workers.executor.ends import Afar
from workers.executor.named import known, name_of
from workers.executor.spent import Spent
from workers.outcome import Failure
from workers.recovery import failure_of
from workers.verdicts import Reject, Retry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workers.outcome import ProcessUse

READY = "ready"


def write_result(result: object, spent: Spent) -> tuple[bytes, bytes]:
    """Return a result's frames; raises Unsayable for what can be no answer."""
    facts: dict[str, Any] = {"end": "returned", "spent": [*spent], "model": None}
    if result is None:
        return orjson.dumps(facts), b"null"
    if isinstance(result, Payload | TaskResult):
        facts["model"] = name_of(type(result))
        body = result.model_dump_json(round_trip=True, by_alias=True).encode()
    elif isinstance(result, BaseModel):
        body = type(result).__pydantic_serializer__.to_json(result)
    elif isinstance(result, dict):
        body = to_json(result)
    else:
        raise Unsayable(
            f"a processor returned a {type(result).__name__}; return a payload, a model, a dict or "
            "None"
        )
    # Here, because what arrives of it is another number, or nothing.
    refuse_unsayable(result)
    return orjson.dumps(facts), body


def write_raised(error: BaseException, spent: Spent) -> tuple[bytes, bytes]:
    """Return the frames of what the processor, or its import, raised."""
    failure = failure_of(error)
    facts: dict[str, Any] = {"end": "raised", "spent": [*spent], "reason": failure.reason}
    if isinstance(error, Reject):
        facts |= {"end": "rejected", "reason": error.reason}
    elif isinstance(error, Retry):
        facts |= {"end": "retried", "reason": error.reason, "after": error.after}
    else:
        classes = (kind for kind in type(error).__mro__ if issubclass(kind, BaseException))
        facts |= {"exception": failure.exception, "lineage": [name_of(kind) for kind in classes]}
    return orjson.dumps(facts), b""


def write_ready(spent: Spent) -> tuple[bytes, bytes]:
    """Return the frames of a child that can be given errands."""
    return orjson.dumps({"end": READY, "spent": [*spent]}), b""


def spent_of(facts: Mapping[str, Any]) -> Spent:
    """Return what the child had used when it wrote this."""
    return Spent(*facts["spent"])


def result_of(facts: Mapping[str, Any], body: bytes, use: ProcessUse) -> object:
    """Return what the processor returned, or raise what it raised: Reject, Retry, else Afar."""
    match facts["end"]:
        case "returned":
            return _model(facts["model"], body)
        case "rejected":
            raise Reject(facts["reason"])
        case "retried":
            raise Retry(facts["reason"], after=facts["after"])
        case _:
            failure = Failure(
                ErrorCode.PROCESSING_FAILED,
                facts["reason"],
                retryable=True,
                exception=facts["exception"],
                process=use,
            )
            raise Afar(failure, facts["lineage"])


def _model(name: str | None, body: bytes) -> object:
    if name is None:
        return from_json(body)
    model = known(name)
    if not (isinstance(model, type) and issubclass(model, Payload | TaskResult)):
        raise Unsayable(
            f"a processor returned a {name}, which its worker does not know: import it at the top "
            "of the processor's module"
        )
    return model.model_validate_json(body, context=ValidationContext())
