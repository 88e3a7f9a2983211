"""What a delivery is, and what became of it: plain data, decided once, acted on once.

`pipeline.handle` turns a `Delivery` into exactly one `Outcome`; `settle` carries it out at the
broker; `metrics` counts it. Nothing here does anything, so a test can assert an outcome without a
broker. Tuples rather than dataclasses: a worker makes a dozen of these a message, and a frozen
dataclass pays for each field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from messages import ErrorCode, FieldError
    from topology import Delay

#: Makes a tuple of a kind from all its values, in their order, at half of what its own constructor
#: takes: for those of which each message has one.
made: Final = tuple.__new__
#: Stands for every type that nobody registered: names of senders would be labels without end.
UNREGISTERED: Final = "unknown"


class Properties(NamedTuple):
    """The AMQP properties of a message, decoded so that nothing a sender wrote can raise.

    Strings that were not UTF-8 hold replacement characters; values that make no sense (a timestamp
    past year 9999, a header table 600 deep) are None or left out, and `damaged` names them.
    """

    content_type: str | None = None
    content_encoding: str | None = None
    headers: Mapping[str, object] = {}
    delivery_mode: int | None = None
    priority: int | None = None
    correlation_id: str | None = None
    reply_to: str | None = None
    expiration: str | None = None
    message_id: str | None = None
    #: Seconds since 1970, UTC.
    timestamp: int | None = None
    type: str | None = None
    #: Who the broker says the sender is; the only proof of identity there is.
    user_id: str | None = None
    app_id: str | None = None
    damaged: tuple[str, ...] = ()


class Delivery(NamedTuple):
    """One attempt by the broker to hand us a message.

    `tag` and `session` say where it must be settled: a tag means nothing once its session (one life
    of the consuming channel) is over. `received` is monotonic seconds.
    """

    body: bytes
    properties: Properties = Properties()
    exchange: str = ""
    routing_key: str = ""
    queue: str = ""
    redelivered: bool = False
    tag: int = 0
    session: int = 0
    received: float = 0.0


class Subject(NamedTuple):
    """What the message was about, as far as it could be told; safe as metric labels and log fields.

    Types come from the registry, never from the sender: an unregistered one is `unknown`. Only
    `asked` is the sender's word: for dead letters, never for a label.
    """

    message_type: str = UNREGISTERED
    task_type: str = ""
    envelope_id: UUID | None = None
    correlation_id: UUID | None = None
    sender_id: str | None = None
    #: What stood where `unknown` stands, if it could be a type's name; empty where all is known.
    asked: str = ""

    @property
    def told(self) -> tuple[str, str]:
        """The message's type and its task's, as its dead letter tells them: those asked for.

        An operator sees which types are missing, and each is a kind of failure of its own.
        """
        if not self.asked:
            return self.message_type, self.task_type
        if self.message_type == UNREGISTERED:
            return self.asked, self.task_type
        return self.message_type, self.asked


class Answer(NamedTuple):
    """A whole answer, ready for the wire: where it goes and the bytes that go there.

    `direct` marks RabbitMQ's direct reply-to, which must be published without `mandatory`, at most
    once, and never on the connection whose confirms others depend on.
    """

    exchange: str
    routing_key: str
    correlation_id: str
    message_type: str
    body: bytes
    direct: bool = False
    content_type: str = "application/json"
    #: Only where the context of a trace travels with it.
    headers: Mapping[str, object] = {}


class Attempt(NamedTuple):
    """One earlier try, as the history header of a retry copy or a dead letter tells it."""

    attempt: int
    error_code: str
    reason: str
    #: ISO 8601, UTC.
    failed_at: str
    worker: str


class ProcessUse(NamedTuple):
    """What an attempt in a process of its own used, and how that process ended."""

    #: By the clock.
    seconds: float
    #: Of the processors, in its own code and in the system's for it.
    user_seconds: float
    system_seconds: float
    max_rss_bytes: int
    #: What killed it, as `SIGSEGV`; empty where nothing did.
    signal: str = ""


class Failure(NamedTuple):
    """Why a message could not be done: for the program that asked and the person who looks."""

    code: ErrorCode
    #: One line for people, without any value of the sender's.
    reason: str
    errors: tuple[FieldError, ...] = ()
    #: How many errors there truly were; `errors` holds at most 20.
    error_count: int = 0
    #: Whether the same message could pass later.
    retryable: bool = False
    #: The exception's type, for the fingerprint; empty where nothing was raised.
    exception: str = ""
    #: For an attempt in a process of its own.
    process: ProcessUse | None = None


class Replied(NamedTuple):
    """The work is done; `answer` is None where nobody asked for one."""

    subject: Subject
    answer: Answer | None = None


class Retried(NamedTuple):
    """Not now: a copy waits on a rung of the retry ladder, then comes back."""

    subject: Subject
    failure: Failure
    #: The rung it waits on; None sends the copy back to its queue at once.
    delay: Delay | None
    #: Attempts made so far, this one included.
    attempt: int
    history: tuple[Attempt, ...] = ()
    #: It was put off through no fault of its own: no attempt was made.
    held: bool = False
    #: Starts of it that ended with the death of the process, as far as they are proven.
    starts: int = 0


class DeadLettered(NamedTuple):
    """It cannot be done: the body goes to the dead letters byte for byte, with the reason."""

    subject: Subject
    failure: Failure
    #: Becomes `leveret-id`; known before settling so that the error answer can name it.
    letter_id: str
    attempts: int = 1
    history: tuple[Attempt, ...] = ()
    answer: Answer | None = None


class Expired(NamedTuple):
    """Its ttl or deadline passed before work began: a dead letter `expired`, answer `timeout`."""

    subject: Subject
    failure: Failure
    letter_id: str
    attempts: int = 1
    history: tuple[Attempt, ...] = ()
    answer: Answer | None = None


class Requeued(NamedTuple):
    """Given back unharmed, because this worker is leaving or the broker brings it again anyhow.

    Not a failure and not an attempt.
    """

    subject: Subject
    reason: str


class End(NamedTuple):
    """What became of one message inside a delivery that held several; `delivery` is it alone."""

    delivery: Delivery
    outcome: Replied | Retried | DeadLettered | Expired


class Batched(NamedTuple):
    """A delivery that held several messages: an end for each, settled together, acked once."""

    subject: Subject
    #: Dead letters among them are published one by one; their answers stand in `answer`.
    ends: tuple[End, ...]
    answer: Answer | None = None
    #: What waits on a rung to be tried again, as one copy.
    rest: End | None = None
    #: Answers that go out by themselves, not in `answer`.
    answers: tuple[Answer, ...] = ()

    @property
    def all_ends(self) -> tuple[End, ...]:
        """Every end, what waits included, once."""
        return self.ends if self.rest is None else (*self.ends, self.rest)


Outcome: TypeAlias = Replied | Retried | DeadLettered | Expired | Requeued | Batched
