"""Opens the inbox that the settings name, and says which guarantee each processor has with it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from workers.inbox.once import Once
from workers.inbox.port import Inbox, InboxError, Transactional
from workers.inbox.sqlite import SqliteInbox
from workers.registration import RegistrationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from workers.registry import Registry
    from workers.settings import Settings

log = logging.getLogger("leveret.inbox")


async def open_inbox(url: str) -> Inbox:
    """Return the inbox at `sqlite:///…` or `postgresql://…`; raises InboxError."""
    if url.startswith("sqlite:"):
        path = Path(url.removeprefix("sqlite:///"))
        if not path.parent.is_dir():
            raise InboxError(
                f"the inbox cannot be made: there is no directory {path.parent}; make it, or name "
                "another file in LEVERET_INBOX"
            )
        return await SqliteInbox.open(path)
    from workers.inbox.postgresql import PostgresqlInbox  # noqa: PLC0415 - psycopg is optional

    return await PostgresqlInbox.open(url)


async def open_once(
    settings: Settings,
    registry: Registry,
    counted: Callable[[str], None],
) -> Once | None:
    """Return what stands before the work, or None where the settings name no inbox.

    Raises RegistrationError when a processor needs a transaction that there is not.
    """
    inbox = None
    if settings.inbox is not None:
        inbox = await open_inbox(settings.inbox.get_secret_value())
    wanting = [route.name for route in registry.routes if route.limits.transaction]
    if wanting and not isinstance(inbox, Transactional):
        if inbox is not None:
            await inbox.close()
        raise RegistrationError(
            f"{', '.join(wanting)} asks for transaction=True, which only an inbox in PostgreSQL "
            "has; set LEVERET_INBOX=postgresql://user:password@host/database"
        )
    for line in guarantees(registry, kept=inbox is not None):
        log.info(line)
    if inbox is None:
        return None
    return Once(inbox, retention=settings.inbox_retention, counted=counted)


def guarantees(registry: Registry, *, kept: bool) -> Iterable[str]:
    """Yield a line for each guarantee, with the types that have it."""
    groups: dict[str, list[str]] = {}
    for route in registry.routes:
        if not kept:
            what = (
                "at-least-once: every message is done; after a crash or a lost connection one may "
                "be done a second time"
            )
        elif route.limits.transaction:
            what = (
                "transactional: what it writes and the mark that the message is done commit "
                "together, once"
            )
        else:
            what = (
                "effect-once: a message is not done again, but for a crash between its effect and "
                "its mark"
            )
        groups.setdefault(what, []).append(route.name)
    for what, names in groups.items():
        yield f"guarantee of {', '.join(sorted(names))}: {what}"
