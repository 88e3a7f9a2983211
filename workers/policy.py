"""The settings, as what they say about every message of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from topology import Names
from workers.asking import Answerable
from workers.recovery import Ladder
from workers.request import Policy

if TYPE_CHECKING:
    from messages import AgentMetadata
    from workers.settings import Settings


def policy_of(settings: Settings, source: AgentMetadata, *, user: str) -> Policy:
    """Return the policy of a worker that logs in at the broker as `user`."""
    return Policy(
        source=source,
        user=user,
        ladder=Ladder(settings.retry_delays),
        answerable=Answerable(settings.reply_to_allow, Names(settings.prefix)),
        max_body_bytes=settings.max_body_bytes,
        time_limit=settings.time_limit,
        ttl=settings.ttl_of(settings.group),
        operators=settings.replaying_users,
    )
