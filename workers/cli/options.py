"""The options that every verb shares, and how they become settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

if TYPE_CHECKING:
    from workers.settings import Settings


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
