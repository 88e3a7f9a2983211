"""The settings, as what they say about every message of a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

from messages import SecurityLevel
from topology import Names
from workers.answering.asking import Answerable
from workers.lanes import Lane
from workers.recovery import Ladder
from workers.request import Policy
from workers.security import Security

if TYPE_CHECKING:
    from collections.abc import Callable

    from messages import AgentMetadata
    from workers.settings import Settings


def policy_of(
    settings: Settings,
    source: AgentMetadata,
    *,
    user: str,
    maintenance: Callable[[], bool] = lambda: False,
) -> Policy:
    """Return the policy of a worker that logs in at the broker as `user`.

    `maintenance` says whether there is maintenance just now.
    """
    group = settings.group_settings()
    return Policy(
        source=source,
        user=user,
        ladder=Ladder(settings.retry_delays),
        answerable=Answerable(settings.reply_to_allow, Names(settings.prefix)),
        max_body_bytes=settings.max_body_bytes,
        max_answer_bytes=settings.max_answer_bytes,
        time_limit=settings.time_limit,
        ttl=settings.ttl_of(settings.group),
        operators=settings.replaying_users,
        security=Security(
            level=SecurityLevel(group.security_level),
            cleared=frozenset(group.cleared_senders),
            approved=frozenset(group.high_value_senders),
            forbidden_words=group.forbidden_words,
            maintenance=maintenance,
        ),
        lane=Lane(group.lane, frozenset(group.trusted_senders)),
    )
