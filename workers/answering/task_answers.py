"""The answer to a task, written straight from what its processor returned.

The same document as the models write, at a fifth of their cost: nothing in it needs validating, for
all but the result is ours. What does not go this way - a whole TaskResult, a payload, a result with
values only the models can write - goes theirs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import orjson
from pydantic import BaseModel
from pydantic_core import from_json, to_json

from messages import TaskRequestPayload, TaskResponsePayload, TaskResult
from messages.payload import Payload
from messages.tasks import PRIVATE, SERIALIZER_VERSION, without_private
from workers.answering.forms import GAP, IN_UTC, Ids, form
from workers.answering.unsayable import MOST_DIGITS, refuse_unsayable

if TYPE_CHECKING:
    from datetime import datetime

    from messages import AgentMetadata, Envelope

#: The type of the answer to a task.
TASK_ANSWER: Final = TaskResponsePayload.message_type_name()
#: What orjson would write otherwise than the models do is left to the models.
_PLAIN: Final = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS
#: How a key that must not leave the worker begins in JSON, and the end of that, which is found in
#: a quarter of the time.
_PRIVATE_KEY: Final = b'"' + PRIVATE.encode()
_PRIVATE_END: Final = _PRIVATE_KEY[-4:]
#: What is written in the place of NaN and the infinities: null, or by models that are told so their
#: names. Only where one of these stands need the values be looked at. All is searched by `find`:
#: `in` tries first whether it was given a number.
_NULL: Final = b"null"
_NO_NUMBERS: Final = (_NULL, b"NaN", b"nity")
#: And digits in a row that no reader takes as a number. Of so many, one in every few bytes is seen.
_STEP: Final = 64
_DIGITS: Final = re.compile(rb"\d{%d}" % (MOST_DIGITS // _STEP))
_PAYLOAD: Final = {
    "message_type": TASK_ANSWER,
    "response": {
        "task_id": GAP,
        "status": "completed",
        "completion_time": GAP,
        "processing_cost": "0",
        "result_data": GAP,
        "error_details": None,
        "_meta": {"serialized_at": GAP, "serializer_version": SERIALIZER_VERSION},
    },
    "execution_metadata": {},
}


class TaskAnswers:
    """Writes answers of one worker."""

    def __init__(self, source: AgentMetadata) -> None:
        self._form = form(source, TASK_ANSWER, _PAYLOAD)
        self._ids = Ids()

    def write(self, request: Envelope, result: object, now: datetime) -> bytes | None:
        """Return the whole answer as JSON; None where the models must write it.

        Raises Unsayable for a result with a number that JSON has no word for.
        """
        written = _written(result)
        if written is None:
            return None
        told = request.__dict__  # at a tenth of what reading a model's attribute costs
        payload, own = told["payload"], told["envelope_id"]
        task_id = payload.request.task_id if isinstance(payload, TaskRequestPayload) else own
        stamp = orjson.dumps(now, option=IN_UTC)
        return self._form % (
            self._ids.next(),
            orjson.dumps(told["correlation_id"] or own),
            orjson.dumps(told["source_agent"].agent_id),
            stamp,
            orjson.dumps(task_id),
            stamp,
            written,
            stamp,
        )


def _written(result: object) -> bytes | None:
    """Return a result as the JSON object it is; None where it is none, or not plainly one."""
    if result is None:
        return b"{}"
    # Dictionaries first: whether something is a model costs as much as writing a small one.
    if isinstance(result, dict):
        try:
            written = orjson.dumps(result, option=_PLAIN)
        except TypeError:
            return None
        if written.find(_NULL) >= 0:
            refuse_unsayable(result)
    elif isinstance(result, BaseModel):
        if isinstance(result, Payload | TaskResult):
            return None
        written = type(result).__pydantic_serializer__.to_json(result)
        if _may_be_unsayable(written):
            refuse_unsayable(result)
    else:
        return None
    if not written.startswith(b"{"):
        return None
    if written.find(_PRIVATE_END) >= 0 and written.find(_PRIVATE_KEY) >= 0:
        # Not orjson: to it whole numbers of more than 64 bits are floats.
        return to_json(without_private(from_json(written)))
    return written


def _may_be_unsayable(written: bytes) -> bool:
    return any(written.find(name) >= 0 for name in _NO_NUMBERS) or (
        len(written) > MOST_DIGITS and _DIGITS.search(written[::_STEP]) is not None
    )
