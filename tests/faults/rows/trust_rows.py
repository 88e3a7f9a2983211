"""Faults of trust: a password or permissions changed, a certificate nobody should believe."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from faults.certificates import Authority
from faults.proxy import Proxy
from faults.row import Figure, Row, Scale

if TYPE_CHECKING:
    from faults.rig import Rig

EVERYTHING: Final = {"configure": ".*", "write": ".*", "read": ".*"}
NOTHING: Final = {"configure": "^$", "write": "^$", "read": "^$"}
USER: Final = "hare"
#: The most attempts to log in that a refused worker may make in a minute, on each of its two lines.
MOST_ATTEMPTS: Final = 40
#: The longest back-off and what a connection takes.
RECOVERY_WITHIN: Final = 13.0


def user(rig: Rig, password: str) -> None:
    """Make the worker's user, or change its password."""
    rig.api._request("PUT", f"/api/users/{USER}", {"password": password, "tags": ""})


def permit(rig: Rig, permissions: dict[str, str]) -> None:
    """Let it do so much, and no more."""
    rig.api._request("PUT", f"/api/permissions/{rig.vhost}/{USER}", permissions)


async def refused(rig: Rig, scale: Scale, *, permissions: bool) -> Figure:
    """Take a worker's password or permissions away while it works, and give them back."""
    figure = Figure()
    user(rig, "right")
    permit(rig, EVERYTHING)
    async with Proxy(rig.url) as proxy:
        parts = urlsplit(proxy.url)
        url = parts._replace(netloc=f"{USER}:right@{parts.hostname}:{parts.port}").geturl()
        (worker,) = await rig.work(url=url)
        await rig.consuming(1)
        await rig.publish(scale.messages, rate=scale.messages / scale.seconds, endless=True)
        await rig.effects_after(time.monotonic())
        permit(rig, NOTHING) if permissions else user(rig, "changed")
        proxy.reset()
        made, began = proxy.made, time.monotonic()
        await rig.until(lambda: not rig.ready(worker)[0], what="a worker that says it is shut out")
        await asyncio.sleep(scale.seconds)
        figure.told["says"] = rig.ready(worker)[1]
        tries = (proxy.made - made) / (time.monotonic() - began) * 60
        permit(rig, EVERYTHING) if permissions else user(rig, "right")
        back = time.monotonic()
        figure.recovered_within(await rig.effects_after(back))
        figure.count(await rig.reckon())
    figure.told["attempts_a_minute"] = round(tries)
    if scale.seconds > RECOVERY_WITHIN:  # in a shorter time there are only the first, quick ones
        figure.must(tries <= 2 * MOST_ATTEMPTS, "it knocks too often")
    figure.must((figure.recovery or 0) < RECOVERY_WITHIN, "recovery took too long")
    figure.must(figure.dead == 0, "healthy work was dead-lettered")
    return figure


async def distrusted(rig: Rig, scale: Scale) -> Figure:
    """Meet brokers whose certificates must not be believed, and then one whose may."""
    figure = Figure()
    ours = await asyncio.to_thread(Authority.make, rig.directory, "ours")
    theirs = await asyncio.to_thread(Authority.make, rig.directory, "theirs")
    doubtful = {
        "wrong CA": theirs.sign("stranger"),
        "expired": ours.sign("old", days=-1),
        "wrong host": ours.sign("elsewhere", host="elsewhere.example"),
    }
    for why, certificate in doubtful.items():
        async with Proxy(rig.url, certificate=certificate) as proxy:
            (worker,) = await rig.work(url=f"{proxy.url}?cafile={ours.certificate}")
            await rig.until(
                lambda log=worker.log: log.exists() and b"certificate" in log.read_bytes().lower(),
                what=f"{why}: a worker that says what is wrong",
            )
            await asyncio.sleep(scale.seconds)
            figure.must(not proxy.made, f"{why}: it spoke with a broker it must not believe")
            await worker.kill()
            rig.workers.clear()
    async with Proxy(rig.url, certificate=ours.sign("good")) as proxy:
        await rig.work(url=f"{proxy.url}?cafile={ours.certificate}")
        await rig.consuming(1)
        await rig.publish(scale.messages)
        figure.count(await rig.reckon())
    figure.told["refused"] = ", ".join(doubtful)
    return figure


ROWS: Final = (
    Row(
        name="certificate of a wrong CA, expired, of another host",
        run=distrusted,
        full=Scale(1_000, 3, 4),
        short=Scale(50, 3, 0.2),
    ),
    Row(
        name="password changed and changed back",
        run=partial(refused, permissions=False),
        full=Scale(2_000, 1, 20),
        short=Scale(100, 1, 1),
    ),
    Row(
        name="permissions taken and given back",
        run=partial(refused, permissions=True),
        full=Scale(2_000, 1, 20),
        short=Scale(100, 1, 1),
    ),
)
