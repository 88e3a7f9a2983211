"""What a RabbitMQ of this version does that one would not expect, and what to do about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from topology.names import Names
    from topology.version import BrokerVersion

#: The oldest version whose quorum queues dead-letter at least once and which has streams.
OLDEST: Final = (3, 10)
#: Bytes of one message that a broker takes by default, before 4.0 and since.
LARGEST_3: Final = 128 * 2**20
LARGEST_4: Final = 16 * 2**20
#: Seconds a delivery may stay unsettled by the broker's default before it ends the channel.
CONSUMER_TIMEOUT: Final = 1_800.0


class Trap(NamedTuple):
    """One thing to know about the broker."""

    name: str
    #: What happens, for people.
    what: str
    #: What to do about it.
    advice: str
    #: Whether it bites here and now, as configured.
    bites: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What decides whether a trap bites."""

    names: Names
    groups: tuple[str, ...]
    #: Bytes of the largest body the worker takes.
    max_body_bytes: int
    #: Bytes of the largest answer it sends.
    max_answer_bytes: int
    #: Seconds a processor may take.
    time_limit: float


def traps(version: BrokerVersion, here: Circumstances) -> tuple[Trap, ...]:
    """Return what to know about a broker of this version, that which bites first."""
    found = (*_of_any(version, here), *_of_three(version, here), *_of_four(version, here))
    return tuple(sorted(found, key=lambda trap: not trap.bites))


def _of_any(version: BrokerVersion, here: Circumstances) -> Iterator[Trap]:
    if version < OLDEST:
        yield Trap(
            "too_old",
            f"RabbitMQ {version} has no quorum queues that dead-letter at least once",
            "upgrade to 3.10 or later; the topology cannot be declared here",
            bites=True,
        )
    largest = LARGEST_4 if version >= (4,) else LARGEST_3
    if here.max_body_bytes > largest:
        yield Trap(
            "message_size",
            f"the broker takes {largest} bytes in one message by default, the worker "
            f"{here.max_body_bytes}: larger ones never get here",
            "lower LEVERET_MAX_BODY_BYTES, or raise max_message_size in rabbitmq.conf",
            bites=True,
        )
    if here.max_answer_bytes > largest:
        yield Trap(
            "answer_size",
            f"the broker takes {largest} bytes in one message by default, the worker answers with "
            f"{here.max_answer_bytes}: larger answers never get to their askers",
            "lower LEVERET_MAX_ANSWER_BYTES, or raise max_message_size in rabbitmq.conf",
            bites=True,
        )
    ends = "that consumer (basic.cancel)" if version >= (4, 3) else "the whole channel"
    yield Trap(
        "consumer_timeout",
        f"a delivery unsettled for {CONSUMER_TIMEOUT:g} s ends {ends}, and everything in flight "
        "comes again",
        f"keep time limits far below it (LEVERET_TIME_LIMIT is {here.time_limit:g} s), or raise "
        "consumer_timeout in rabbitmq.conf",
        bites=here.time_limit >= CONSUMER_TIMEOUT,
    )


def _of_three(version: BrokerVersion, here: Circumstances) -> Iterator[Trap]:
    if not OLDEST <= version < (4,):
        return
    yield Trap(
        "forged_x_death",
        "an x-death header that a client forged is believed: the broker may drop such a message at "
        "its next dead-lettering, or crash the queue's process",
        "nothing while the worker takes it: it refuses such messages and publishes its own copies; "
        "give the right to publish to requests to known users only, and upgrade to 4.x",
    )
    yield Trap(
        "no_delivery_limit",
        "quorum queues have no delivery limit of their own",
        "declare ours with `leveret topology apply`: the work queues carry x-delivery-limit 20",
    )
    yield Trap(
        "unlimited_is_no_number",
        "x-delivery-limit -1 makes messages vanish at their first requeue on 3.x; only on 4.x does "
        "it mean no limit",
        "leave the argument out on 3.x, as `leveret topology apply` does, and never import "
        "definitions that were exported for 4.x",
    )
    dead = " ".join(here.names.dead_queue(group) for group in here.groups)
    yield Trap(
        "upgrade_to_4",
        "after an upgrade to 4.x, dead-letter queues declared now have its default limit: a letter "
        "is gone after 21 looks",
        f"set a policy with delivery-limit -1 right after the upgrade ({dead}; `leveret topology "
        "plan` prints it), and before it enable all feature flags: rabbitmqctl enable_feature_flag "
        "all",
    )


def _of_four(version: BrokerVersion, here: Circumstances) -> Iterator[Trap]:
    if version < (4,):
        return
    dead = " ".join(here.names.dead_queue(group) for group in here.groups)
    yield Trap(
        "default_delivery_limit",
        "a quorum queue without x-delivery-limit drops a message after 20 deliveries, dead letters "
        "that are only looked at too",
        f"see that {dead} have x-delivery-limit -1, by declaration or policy: `leveret topology "
        "plan` says",
    )
    if version < (4, 3):
        yield Trap(
            "requeue_counts",
            "every requeue counts towards the delivery limit, that of a worker that leaves too",
            "nothing up to 20 restarts in the life of one message; behind them it is dead-lettered "
            "as broker_rejected and can be replayed",
        )
        yield Trap(
            "transient_queues",
            "transient queues that are not exclusive, and a global prefetch, are deprecated",
            "nothing here uses them; look for other clients: rabbitmq-diagnostics "
            "list_deprecated_features --used",
        )
        return
    yield Trap(
        "reject_counts",
        "only basic.reject counts towards the delivery limit, basic.nack does not",
        "nothing: the worker gives back with nack and fails by publishing",
    )
    yield Trap(
        "transient_queues",
        "transient queues that are not exclusive, and a global prefetch, are refused",
        "nothing here uses them; other clients of this broker may have to change",
    )
