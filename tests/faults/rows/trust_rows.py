"""Faults of trust: a password or permissions changed, a certificate nobody should believe."""

from __future__ import annotations

import asyncio
import shutil
import time
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from faults.certificates import Authority
from faults.proxy import Proxy
from faults.row import Figure, Row
from faults.wiretap import Wiretap

from workers.broker.ports import free_ports

if TYPE_CHECKING:
    from faults.crew import Child
    from faults.rig import Rig
    from faults.scales import Scale

EVERYTHING: Final = {"configure": ".*", "write": ".*", "read": ".*"}
NOTHING: Final = {"configure": "^$", "write": "^$", "read": "^$"}
USER: Final = "hare"
#: The most attempts to log in that a refused worker may make in a minute, on each of its two lines.
MOST_ATTEMPTS: Final = 40
#: The longest back-off and what a connection takes.
RECOVERY_WITHIN: Final = 13.0
#: Seconds beyond the fault in which a worker does not leave for want of anything to do.
PATIENCE: Final = 60.0


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
        (worker,) = await rig.work(url=url, patience=scale.seconds + PATIENCE)
        await rig.consuming(1)
        await rig.publish(scale.messages, rate=scale.messages / scale.seconds, endless=True)
        await rig.effects_after(time.monotonic())
        permit(rig, NOTHING) if permissions else user(rig, "changed")
        proxy.reset()
        made, began = proxy.made, time.monotonic()
        await rig.until(lambda: not rig.ready(worker)[0], what="a worker that says it is shut out")
        await rig.lasts(scale.seconds)
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


def listener(rig: Rig, certificate: tuple[str, str], authority: str) -> int:
    """Have the broker itself listen with a certificate and its key; return the port."""
    (port,) = free_ports(1)
    files = {"cacertfile": authority, "certfile": certificate[0], "keyfile": certificate[1]}
    options = ", ".join(f'{{{name}, "{path}"}}' for name, path in files.items())
    rig.node.control(
        "eval",
        f'rabbit_networking:start_ssl_listener({{"127.0.0.1", {port}}}, '
        f"[{options}, {{verify, verify_none}}], 2).",
    )
    return port


def says(worker: Child, *words: bytes) -> bool:
    """Whether a worker's log has all of these words."""
    told = worker.log.read_bytes().lower() if worker.log.exists() else b""
    return all(word in told for word in words)


async def distrusted(rig: Rig, scale: Scale) -> Figure:
    """Meet brokers whose certificates must not be believed, and then one whose may."""
    figure = Figure()
    ours = await asyncio.to_thread(Authority.make, rig.directory, "ours")
    theirs = await asyncio.to_thread(Authority.make, rig.directory, "theirs")
    doubtful = {
        "wrong CA": (theirs.sign("stranger"), b"certificate verify failed"),
        "expired": (ours.sign("old", days=-1), b"expired"),
        "wrong host": (ours.sign("elsewhere", host="elsewhere.example"), b"mismatch"),
    }
    calls = 0
    for why, (certificate, word) in doubtful.items():
        port = await asyncio.to_thread(listener, rig, certificate, ours.certificate)
        async with Wiretap(port) as tap:
            (worker,) = await rig.work(url=tap.url(rig.url, ours.certificate), patience=5)
            code = await worker.wait()
            figure.must(code == 1, f"{why}: it ended with {code}")
            figure.must(says(worker, b"cannot be trusted", word), f"{why}: it does not say so")
            figure.must(tap.said, f"{why}: it never called")
            figure.must(not tap.in_the_open(), f"{why}: it spoke in the open")
            calls += len(tap.said)
        rig.workers.clear()
    port = await asyncio.to_thread(listener, rig, ours.sign("good"), ours.certificate)
    async with Wiretap(port) as tap:
        await rig.work(url=tap.url(rig.url, ours.certificate))
        await rig.consuming(1)
        await rig.publish(scale.messages)
        figure.count(await rig.reckon())
        figure.must(not tap.in_the_open(), "it spoke in the open")
    figure.told |= {"refused": ", ".join(doubtful), "calls_refused": calls}
    return figure


async def renewed(rig: Rig, scale: Scale) -> Figure:
    """Let the broker's certificate expire under a worker, and renew it."""
    figure = Figure()
    ours = await asyncio.to_thread(Authority.make, rig.directory, "ours")
    good, old = ours.sign("good"), ours.sign("old", days=-1)
    shown = (f"{rig.directory}/shown.pem", f"{rig.directory}/shown.key")

    def show(certificate: tuple[str, str]) -> None:
        for source, place in zip(certificate, shown, strict=True):
            shutil.copyfile(source, place)
        rig.node.control("eval", "ssl:clear_pem_cache().")

    await asyncio.to_thread(show, good)
    port = await asyncio.to_thread(listener, rig, shown, ours.certificate)
    async with Wiretap(port) as tap:
        url = tap.url(rig.url, ours.certificate)
        (worker,) = await rig.work(url=url, patience=scale.seconds + PATIENCE)
        await rig.consuming(1)
        await rig.publish(scale.messages, rate=scale.messages / scale.seconds, endless=True)
        await rig.effects_after(time.monotonic())
        await asyncio.to_thread(show, old)
        calls, began = len(tap.said), time.monotonic()
        tap.reset()
        await rig.until(
            lambda: "cannot be trusted" in rig.ready(worker)[1], what="a worker that says why"
        )
        await rig.lasts(scale.seconds)
        figure.told["says"] = rig.ready(worker)[1]
        tries = (len(tap.said) - calls) / (time.monotonic() - began) * 60
        await asyncio.to_thread(show, good)
        back = time.monotonic()
        figure.recovered_within(await rig.effects_after(back))
        figure.count(await rig.reckon())
        figure.must(not tap.in_the_open(), "it spoke in the open")
    figure.told["attempts_a_minute"] = round(tries)
    figure.must((figure.recovery or 0) < RECOVERY_WITHIN, "recovery took too long")
    figure.must(figure.dead == 0, "healthy work was dead-lettered")
    return figure


ROWS: Final = (
    Row(
        name="certificate of a wrong CA, expired, of another host",
        run=distrusted,
    ),
    Row(
        name="certificate expired under a worker, and renewed",
        run=renewed,
    ),
    Row(
        name="password changed and changed back",
        run=partial(refused, permissions=False),
    ),
    Row(
        name="permissions taken and given back",
        run=partial(refused, permissions=True),
    ),
)
