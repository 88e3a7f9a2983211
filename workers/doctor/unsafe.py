"""Configurations with which a promise would not hold. Pure; `run` refuses to start with one.

What can be told from one setting alone is refused when it is read (`workers.settings`); here is
what takes two of them, the processors, or what the broker has.
"""

from __future__ import annotations

import ipaddress
from math import ceil
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from topology import Names
from topology.plan import Mismatch
from topology.traps import CONSUMER_TIMEOUT, Circumstances
from workers.doctor.finding import Finding, State, note, wrong
from workers.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from topology import Plan
    from workers.registry import Limits, Registry
    from workers.settings import Settings

#: Seconds between a time limit and the broker's consumer timeout: a delivery also waits in our own
#: queue, and settles.
ROOM: Final = 60.0
#: Seconds, a day: a message that still matters after that is rare; ttl ends at five minutes.
LONGEST_WAIT: Final = 86_400.0
#: Starts without an end before we ourselves call a message a crash loop; the broker's limit must
#: be above it, or it would dead-letter first and say less.
CRASHES: Final = 3
#: Arguments of a work queue on which the promise rests.
_RESTS_ON: Final = frozenset(
    {
        "x-queue-type",
        "x-dead-letter-exchange",
        "x-dead-letter-routing-key",
        "x-dead-letter-strategy",
        "x-overflow",
        "x-message-ttl",
        "durable",
        "auto_delete",
        "exclusive",
    }
)


def refuse(settings: Settings, registry: Registry) -> None:
    """Return when a worker may start with these; raises SettingsError with a line for each why."""
    found = [one for one in checks(settings, registry) if one.state is State.WRONG]
    if found:
        raise SettingsError(f"{one.told}: {one.advice}" for one in found)


def checks(settings: Settings, registry: Registry | None) -> tuple[Finding, ...]:
    """Return what is unsafe in the settings and processors, and what should be known of them."""
    found = (
        long_processors(registry, settings.time_limit),
        long_lines(registry, settings),
        plain_line(settings),
        open_http(settings),
        open_answers(settings),
        late_rungs(settings),
        more_retries_than_rungs(registry, len(settings.retry_delays)),
    )
    return tuple(one for one in found if one is not None)


def circumstances(settings: Settings) -> Circumstances:
    """Return what decides which of the broker's traps bite."""
    return Circumstances(
        names=Names(settings.prefix),
        groups=tuple(group.name for group in settings.group_specs()),
        max_body_bytes=settings.max_body_bytes,
        max_answer_bytes=settings.max_answer_bytes,
        time_limit=settings.time_limit,
    )


def long_processors(registry: Registry | None, time_limit: float) -> Finding | None:
    """Refuse a time limit at which the broker would take the message away first."""
    most = CONSUMER_TIMEOUT - ROOM
    long = {
        route.task_type or route.message_type: limit
        for route in (registry.routes if registry is not None else ())
        if (limit := route.limits.time_limit or time_limit) > most
    }
    if not long:
        return None
    told = ", ".join(f"{name} ({limit:g} s)" for name, limit in sorted(long.items()))
    return wrong(
        "time_limits",
        f"processors with a time limit beyond the broker's consumer timeout: {told}",
        f"give them at most {most:g} s; a delivery unsettled for {CONSUMER_TIMEOUT:g} s ends the "
        "channel, and all in flight comes again; split work that takes longer",
    )


def long_lines(registry: Registry | None, settings: Settings) -> Finding | None:
    """Tell of processors before which a full prefetch waits until the broker takes it away."""
    prefetch = settings.prefetch_of(settings.group)
    most = CONSUMER_TIMEOUT - ROOM
    long = {
        route.task_type or route.message_type: seconds
        for route in (registry.routes if registry is not None else ())
        if (seconds := _through(route.limits, prefetch)) > most
    }
    if not long:
        return None
    told = ", ".join(f"{name} ({seconds:,.0f} s)" for name, seconds in sorted(long.items()))
    return note(
        "prefetch",
        f"a prefetch of {prefetch} may wait for its place or turn beyond the broker's consumer "
        f"timeout: {told}",
        f"a delivery unsettled for {CONSUMER_TIMEOUT:g} s ends the channel, and all in flight "
        "comes again; lower LEVERET_PREFETCH, give the type a group of its own, or a shorter "
        "time_limit, more concurrency, a higher rate",
    )


def _through(limits: Limits, prefetch: int) -> float:
    """Return the seconds in which a full prefetch is done at the worst, without other work.

    Only a time limit of its own says how long a type may take: the setting is far above most.
    """
    places = 0.0
    if limits.concurrency is not None and limits.time_limit is not None:
        places = ceil(prefetch / limits.concurrency) * limits.time_limit
    return max(places, prefetch / limits.rate if limits.rate else 0.0)


def plain_line(settings: Settings) -> Finding | None:
    """Tell of passwords and messages that travel in the open."""
    url = settings.amqp_url
    if url is None or url.scheme == "amqps":
        return None
    host = urlsplit(url.get_secret_value()).hostname or ""
    if is_local(host):
        return None
    return note(
        "tls",
        f"the line to {host} is not encrypted: whoever is in between reads password and messages",
        "use amqps:// with ?cafile=… for the broker's CA, unless the network is trusted",
    )


def open_http(settings: Settings) -> Finding | None:
    """Tell of pages that others can see."""
    if is_local(settings.http_host):
        return None
    return note(
        "http_host",
        f"metrics and health are served on {settings.http_host} to whoever reaches it",
        "keep the port inside (NetworkPolicy, firewall), or set LEVERET_HTTP_HOST=127.0.0.1",
    )


def open_answers(settings: Settings) -> Finding | None:
    """Tell of answers that a sender can have written into anybody's queue."""
    if "*" not in settings.reply_to_allow:
        return None
    return note(
        "reply_to_allow",
        "any address is answered: a sender can have its answer written into another's queue",
        "where others share the virtual host, set LEVERET_REPLY_TO_ALLOW="
        "'agent://{user}/*,amq.rabbitmq.reply-to.*' (docs/security.md)",
    )


def late_rungs(settings: Settings) -> Finding | None:
    """Tell of a retry that would come later than most messages live."""
    if settings.retry_delays[-1].seconds <= LONGEST_WAIT:
        return None
    return note(
        "retry_delays",
        f"the last rung waits {settings.retry_delays[-1]}: nearly every message will have expired",
        "shorten LEVERET_RETRY_DELAYS, or switch ttl off for the group",
    )


def more_retries_than_rungs(registry: Registry | None, rungs: int) -> Finding | None:
    """Tell of processors that ask for more retries than the ladder has rungs."""
    many = sorted(
        route.task_type or route.message_type
        for route in (registry.routes if registry is not None else ())
        if (route.limits.retries or 0) > rungs
    )
    if not many:
        return None
    return note(
        "retries",
        f"more retries than LEVERET_RETRY_DELAYS has rungs ({rungs}): {', '.join(many)}",
        "the last rung is used again for the rest; add rungs if they should wait longer",
    )


def unsafe_differences(plan: Plan) -> tuple[Mismatch, ...]:
    """Return the mismatches with which a message could be lost; sizes alone are not among them."""
    return tuple(
        one for one in plan.mismatches if any(_unsafe(d.argument, d.found) for d in one.differences)
    )


def _unsafe(argument: str, found: object) -> bool:
    if argument == "x-delivery-limit":
        return isinstance(found, int) and 0 <= found <= CRASHES
    return argument in _RESTS_ON


def is_local(host: str) -> bool:
    """Whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def worst(findings: Iterable[Finding]) -> State:
    """Return how it stands altogether."""
    states = {one.state for one in findings}
    return next((one for one in (State.WRONG, State.NOTE) if one in states), State.OK)
