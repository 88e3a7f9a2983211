"""How small and how large each number may be, and why."""

from __future__ import annotations

from typing import Final

from workers.settings.bounds import Bounds
from workers.settings.durations import show_duration, show_size


def _size(count: float) -> str:
    return show_size(int(count))


BODY: Final = Bounds(
    least=256,
    most=128 * 2**20,
    below="no envelope fits into that",
    above="brokers take no message that large (16 MiB from RabbitMQ 4 on, 128 MiB before)",
    show=_size,
)
ANSWER: Final = Bounds(
    least=2**16,
    most=128 * 2**20,
    below="an error answer that names twenty mistakes would not fit into that",
    above="brokers take no message that large (16 MiB from RabbitMQ 4 on, 128 MiB before)",
    show=_size,
)
#: A delivery also waits in our own queue, settles and is confirmed within the broker's 30 minutes.
TIME_LIMIT: Final = Bounds(
    least=0.001,
    most=29 * 60,
    below="no attempt would ever finish",
    above="the broker closes the channel of a consumer that settles nothing for 30 minutes, and "
    "gives all its deliveries to another; split the work or hand it to something that runs longer",
    show=show_duration,
)
DRAIN_GRACE: Final = Bounds(
    least=0,
    most=3_600,
    below="no time is less than none",
    above="whoever stops a worker will have killed it before",
    show=show_duration,
)
RETENTION: Final = Bounds(
    least=60,
    most=366 * 86_400,
    below="a message can wait longer than that on a retry rung, and would take effect again",
    above="nobody sends a duplicate that late, and the inbox would only grow",
    show=show_duration,
)
PORT: Final = Bounds(
    least=0, most=65_535, below="ports begin at 0 (pick a free one)", above="that is no port"
)
HEARTBEAT: Final = Bounds(
    least=0.1,
    most=300,
    below="heartbeats would cost more than work",
    above="a worker that is gone would be shown as present for a quarter of an hour",
    show=show_duration,
)
AMQP_HEARTBEAT: Final = Bounds(
    least=1,
    most=300,
    below="the connection would be taken for dead at the first pause",
    above="a dead broker would not be noticed for a quarter of an hour",
    show=show_duration,
)
CONNECT: Final = Bounds(
    least=0.1,
    most=300,
    below="no handshake is that quick",
    above="a dead address would hold up the next attempt",
    show=show_duration,
)
PATIENCE: Final = Bounds(
    least=1,
    most=3_600,
    below="the first hiccup of the line would end the worker",
    above="nobody would notice for an hour that this worker does nothing",
    show=show_duration,
)
PROCESSES: Final = Bounds(
    least=1,
    most=256,
    below="somebody has to do the work",
    above="one machine has no use for more; start replicas on another",
)


def processes(value: object) -> object:
    """Return the number of processes or `auto`, or raise ValueError, which names both."""
    if lower(value) == "auto":
        return "auto"
    try:
        number = int(str(value))
    except ValueError:
        raise ValueError(
            f"{value!r} is neither a whole number nor auto; give {PROCESSES.least} to "
            f"{PROCESSES.most}, or auto"
        ) from None
    return PROCESSES.number(number)


def lower(value: object) -> object:
    """Return a text in lower case, anything else as it is."""
    return value.strip().lower() if isinstance(value, str) else value


def upper(value: object) -> object:
    """Return a text in upper case, anything else as it is."""
    return value.strip().upper() if isinstance(value, str) else value
