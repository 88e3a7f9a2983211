"""What a replay would do now: the worker's own first steps, on the message as it would come.

Nothing is processed. Where a letter was the processor's doing, only a run can tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from messages import ErrorCode
from workers.deadletters.replaying import publication
from workers.outcome import Delivery, Properties
from workers.pipeline import Pipeline
from workers.policy import policy_of
from workers.presence.heartbeat import describe

if TYPE_CHECKING:
    from messages import FieldError
    from workers.deadletters.letter import Letter, Summary
    from workers.registry import Registry
    from workers.settings import Settings

#: What only says that the processors that were asked do not have it.
_UNKNOWN: Final = frozenset({ErrorCode.UNKNOWN_TASK_TYPE, ErrorCode.UNKNOWN_MESSAGE_TYPE})
#: Reasons that lie with the processor or its surroundings, which reading the message cannot judge.
_AFTERWARDS: Final = frozenset(
    {
        ErrorCode.REJECTED,
        ErrorCode.PROCESSING_FAILED,
        ErrorCode.TIMEOUT,
        ErrorCode.CRASH_LOOP,
        ErrorCode.BROKER_REJECTED,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """Whether today's worker would take the message, and why not."""

    passes: bool
    #: Whether the processor has the last word: it was it, or the broker, that gave the message up.
    undecided: bool = False
    error_code: str = ""
    reason: str = ""
    errors: tuple[FieldError, ...] = ()


class Foresight:
    """Judges letters as a worker with this registry would; `user` is who replays.

    `assumed` where nobody said that the workers have these processors: then nothing is said of
    types that are not among them.
    """

    def __init__(self, pipeline: Pipeline, *, user: str, assumed: bool = False) -> None:
        self._pipeline = pipeline
        self._user = user
        self._assumed = assumed

    @classmethod
    def of(
        cls, settings: Settings, registry: Registry, *, user: str, assumed: bool = False
    ) -> Foresight:
        """Return what the settings and processors of a worker foresee."""
        source = describe(settings, registry, load_factor=0.0)
        pipeline = Pipeline(registry, policy_of(settings, source, user=user))
        return cls(pipeline, user=user, assumed=assumed)

    def letter(self, letter: Letter, queue: str, *, body: bytes | None = None) -> Foreseen | None:
        """Return what would become of a letter, or of another body in its place.

        None where nobody can tell: the processors are only assumed, and do not have its type.
        """
        failure = self._pipeline.foresee(self._delivery(letter, queue, body))
        if failure is not None and self._assumed and failure.code in _UNKNOWN:
            return None
        if failure is not None:
            return Foreseen(
                passes=False,
                error_code=failure.code.value,
                reason=failure.reason,
                errors=failure.errors,
            )
        return Foreseen(passes=True, undecided=_undecided(letter))

    def _delivery(self, letter: Letter, queue: str, body: bytes | None) -> Delivery:
        message = publication(letter, queue, body=body)
        properties = Properties(
            content_type=message.content_type,
            content_encoding=message.content_encoding,
            headers=message.headers,
            correlation_id=message.correlation_id,
            reply_to=message.reply_to,
            type=message.type,
            timestamp=message.timestamp,
            user_id=self._user,
        )
        return Delivery(
            message.body,
            properties,
            message.exchange,
            message.routing_key,
            queue,
        )


def _undecided(letter: Summary) -> bool:
    return letter.error_code in _AFTERWARDS
