"""One route: a processor, the model of what it is given, and what it may use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict

from pydantic import BaseModel, TypeAdapter

from messages import Payload
from workers.registration import RegistrationError, refuse_number
from workers.retry_policy import AS_SET, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from workers.context import Context

Process: TypeAlias = "Callable[[Any, Context], Awaitable[object]]"


class Options(TypedDict, total=False):
    """What a processor's author may say of its limits; what is left out is the worker's own."""

    time_limit: float | None
    concurrency: int | None
    rate: float | None
    retries: int | None
    transaction: bool
    executor: Literal["process"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a processor may use; None is the worker's own setting, or no limit."""

    #: Seconds an attempt may take.
    time_limit: float | None = None
    #: Attempts running at once in one worker process; with an executor the cores there are.
    concurrency: int | None = None
    #: Attempts started per second in one worker process.
    rate: float | None = None
    #: Retries after the first attempt.
    retries: int | None = None
    #: It writes in the inbox's transaction.
    transaction: bool = False
    #: Where it runs: in a child process, or in the worker itself.
    executor: Literal["process"] | None = None

    def __post_init__(self) -> None:
        """Refuse what could never work, where the author sees it."""
        if self.executor not in {None, "process"}:
            raise RegistrationError(
                f'executor={self.executor!r} is not known; give "process", or nothing'
            )
        if self.executor and self.transaction:
            raise RegistrationError(
                'transaction=True cannot go with executor="process": the inbox\'s transaction is '
                "the worker's own and cannot be used from another process; leave one of them away"
            )
        for name, least, whole in (
            ("time_limit", 0.001, False),
            ("concurrency", 1, True),
            ("rate", 0.001, False),
            ("retries", 0, True),
        ):
            value = getattr(self, name)
            if value is not None:
                refuse_number(name, value, least, whole=whole)
        if self.executor and self.concurrency is None:
            # As frozen dataclasses set themselves.
            object.__setattr__(self, "concurrency", os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """Where a message goes: its processor, the model of its parameters, its limits."""

    message_type: str
    #: Empty for a processor of a whole payload.
    task_type: str
    process: Process
    limits: Limits
    #: Validates the parameters of a task; None where the payload itself is the parameter.
    parameters: TypeAdapter[BaseModel] | None = None
    #: What the processor's answer looks like, for schemas; None where it is not annotated.
    result: type | None = None
    #: What its failures mean.
    retry: RetryPolicy = AS_SET
    #: Payloads handed to it at once, as a list; None for one that takes them one by one.
    batch: int | None = None
    #: The model of what it is given: its payload, or its parameters.
    model: type[BaseModel] = Payload

    @property
    def name(self) -> str:
        """What people call it: the task type, or the message type."""
        return self.task_type or self.message_type
