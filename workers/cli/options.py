"""The options that every verb shares, and how they become settings."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter, convert

from workers.cli import NO_BROKER, Failure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cyclopts import Token

    from workers.settings import Settings


def above_zero(_type: object, value: float | None) -> None:
    """Refuse what is no length of time and no rate; as an option's validator."""
    if value is not None and not 0 < value < math.inf:  # nan is neither
        raise ValueError("Give a finite number above 0.")


def not_negative(_type: object, value: float | None) -> None:
    """Refuse likewise, but for 0, which has a meaning of its own."""
    if value is not None and not 0 <= value < math.inf:
        raise ValueError("Give 0 or a finite number above it.")


def whole(kind: Any, tokens: Sequence[Token]) -> Any:
    """Take a whole number; the library would round one that is none, and say nothing."""
    if any("." in token.value for token in tokens):
        raise ValueError  # in the words of `misuse`, like any other that is no whole number
    return convert(kind, tokens)


Whole = Annotated[int, Parameter(converter=whole)]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Where:
    """Which broker and which names."""

    amqp_url: Annotated[str | None, Parameter(help="The broker; wins over LEVERET_AMQP_URL.")] = (
        None
    )
    prefix: Annotated[str | None, Parameter(help="What exchanges and queues are called after.")] = (
        None
    )


NOWHERE = Where()


def settings(where: Where, **flags: Any) -> Settings:
    """Return the settings with these flags over everything else; raises SettingsError."""
    from workers.settings import load  # noqa: PLC0415 - only verbs that run pay for it

    return load({"amqp_url": where.amqp_url, "prefix": where.prefix, **flags})


def needed_url(chosen: Settings) -> str:
    """Return the broker's address, or end the command: a verb that needs one never guesses it."""
    if chosen.amqp_url is None:
        raise Failure(
            "no broker is configured; set LEVERET_AMQP_URL=amqp://user:password@host/vhost, or "
            "start one with `leveret broker start`, which prints what to set",
            code=NO_BROKER,
        )
    return chosen.amqp_url.get_secret_value()


def quiet() -> None:
    """Have this command speak for itself: what libraries log of a failure, its own line tells."""
    from workers.logs import LogPlan, configure  # noqa: PLC0415 - only verbs that run pay for it

    configure(LogPlan(level="CRITICAL"))
    for library in ("leveret", "aiormq", "aio_pika"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
