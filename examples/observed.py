"""`heartbeat`, `error` and `task_response`: messages that tell something and ask for nothing.

A worker whose queue they come to has them processed like any others: validated, counted, and at an
end. Their processors return None, which is an empty `task_response` to a sender that did ask.
"""

from __future__ import annotations

from messages import ErrorPayload, HeartbeatPayload, TaskResponsePayload
from workers import Context, Registry

registry = Registry()


@registry.processor(HeartbeatPayload)
async def see_heartbeat(heartbeat: HeartbeatPayload, context: Context) -> None:
    """Note that an agent is alive, and how busy it is."""
    status = heartbeat.agent_status
    context.log.debug("alive at load %.2f", status.load_factor, extra=context.ids)


@registry.processor(ErrorPayload)
async def see_error(error: ErrorPayload, context: Context) -> None:
    """Note which message another agent failed at; never its texts, which may hold secrets."""
    about = error.original_message_id
    context.log.debug("an agent failed at message %s", about, extra=context.ids)


@registry.processor(TaskResponsePayload)
async def see_response(answer: TaskResponsePayload, context: Context) -> None:
    """Note that a task is done."""
    result = answer.response
    context.log.debug("task %s: %s", result.task_id, result.status, extra=context.ids)
