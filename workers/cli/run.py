"""`leveret run`: the worker, alone or as several replicas under one roof."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from functools import partial
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from workers.bookkeeping import Watch
from workers.cli import DONE, FAILED
from workers.cli.living import live
from workers.cli.options import NOWHERE, Where, needed_url, settings
from workers.console.beside import beside
from workers.doctor.unsafe import refuse
from workers.link.ground import stand
from workers.loading import load
from workers.logs import LogPlan, configure
from workers.metrics.exposition import merge, page
from workers.metrics.metrics import Metrics
from workers.probes.health import Health
from workers.probes.systemd import VARIABLES, notifying
from workers.probes.web import Server, application
from workers.replicas.line import Supervised
from workers.replicas.overseeing import oversee
from workers.replicas.replicas import Replicas, Start
from workers.replicas.scaling import Limits
from workers.service import Service
from workers.version import leveret_version

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp

    from workers.registry import Registry
    from workers.settings import Settings

log = logging.getLogger("leveret.run")


def run(
    *modules: str,
    group: Annotated[str | None, Parameter(name=["--group", "-g"])] = None,
    processes: str | None = None,
    prefetch: str | None = None,
    where: Where = NOWHERE,
    supervised: Annotated[int | None, Parameter(show=False)] = None,
) -> int:
    """Take messages, do what they ask, answer, until told to leave (Ctrl-C or SIGTERM).

    Metrics and probes are at LEVERET_HTTP_PORT (9464); `leveret config show` has every setting.

    Example: `leveret run my_package:registry --group images --prefetch 50`

    Parameters
    ----------
    modules
        Where processors are, as `package.module:registry`. Without any, what LEVERET_PROCESSORS
        names, installed packages or modules; by default the examples.
    group
        The group whose queues are taken from.
    processes
        Worker processes to supervise; 1 runs here. `auto` begins with one and follows the load, up
        to LEVERET_PROCESSES_MAX (as many as there are processor cores).
    prefetch
        Messages a worker holds unsettled.
    where
        Which broker and which names.
    supervised
        The line to a supervisor, which gives it.

    """
    chosen = settings(where, group=group, processes=processes, prefetch=prefetch)
    configure(LogPlan(form=chosen.log_format, level=chosen.log_level, worker=chosen.agent_id))
    registry = load(modules, offered=chosen.processors)
    refuse(chosen, registry)
    needed_url(chosen)  # before any replica is started, and started again
    if chosen.processes == "auto" or chosen.processes > 1:
        return asyncio.run(_supervise(chosen, registry, modules))
    with Supervised(supervised) as line:
        return live(_work(chosen, registry, modules, line))


async def _work(
    chosen: Settings, registry: Registry, modules: tuple[str, ...], line: Supervised
) -> int:
    metrics = Metrics(
        group=chosen.group,
        version=leveret_version(),
        task_types=registry.task_types,
    )
    watch = Watch(metrics, Health())
    patience = chosen.patience
    async with notifying(watch.health, serving=f"consuming {chosen.group}", patience=patience):
        await stand(chosen, patience=patience)
        service = Service(chosen, registry, watch)
        _on_signals(service.leave)
        line.watch(partial(_abandoned, service))
        async with beside(chosen, registry, modules) as console:
            app = application(
                lambda accept: page(watch.metrics.registry, accept), watch.health, console
            )
            await _serve(service, app, chosen, line)
    return DONE


async def _serve(service: Service, app: ASGIApp, chosen: Settings, line: Supervised) -> None:
    async with Server(app, host=chosen.http_host, port=chosen.http_port) as server:
        line.serving(server.port)
        if line.is_alone:
            _tell_port(chosen, server)
        await service.run()
        line.left()


def _tell_port(chosen: Settings, server: Server) -> None:
    """Say where the pages are, where the system chose the port and nobody else knows it."""
    if chosen.http_port == 0:
        log.info("metrics and probes are at http://%s:%d", chosen.http_host, server.port)


def _abandoned(service: Service) -> None:
    log.warning("the supervisor of this replica is gone: it finishes what it began, and leaves")
    service.leave()


async def _supervise(chosen: Settings, registry: Registry, modules: tuple[str, ...]) -> int:
    flags = ["--group", chosen.group, "--processes", "1"]
    if chosen.sources.get("prefetch") == "--prefetch":  # else they find it where it was found
        flags += ["--prefetch", str(chosen.prefetch)]
    environment = {
        # systemd hears one of us, the supervisor.
        **{name: value for name, value in os.environ.items() if name not in VARIABLES},
        "LEVERET_HTTP_PORT": "0",
        "LEVERET_HTTP_HOST": "127.0.0.1",
        "LEVERET_PREFIX": chosen.prefix,
        "LEVERET_CONSOLE": "off",  # one for all of them, here
    }
    if chosen.amqp_url is not None:  # not as a flag: everybody may read those
        environment["LEVERET_AMQP_URL"] = chosen.amqp_url.get_secret_value()
    start = Start(
        ["run", *modules, *flags], environment, chosen.drain_grace, called=chosen.replica_id
    )
    limits = _limits(chosen)
    replicas = Replicas(start, limits.least)
    health = Health()

    def leave() -> None:
        health.draining()
        replicas.leave()

    _on_signals(leave)
    prefetch = chosen.prefetch_of(chosen.group)

    async def pages(accept: str) -> tuple[bytes, str]:
        return merge(await replicas.pages("/metrics", accept), accept, wanted=replicas.wanted)

    async with (
        notifying(health, serving="", patience=chosen.patience),
        beside(chosen, registry, modules) as console,
        Server(
            application(pages, health, console), host=chosen.http_host, port=chosen.http_port
        ) as server,
    ):
        _tell_port(chosen, server)
        watching = oversee(
            replicas, health, prefetch=prefetch, limits=limits, patience=chosen.patience
        )
        watch = asyncio.create_task(watching)
        try:
            return DONE if await replicas.run() else FAILED
        finally:
            watch.cancel()


def _limits(chosen: Settings) -> Limits:
    """Return between how many replicas there may be: one number, or what `auto` may choose from."""
    if chosen.processes == "auto":
        return Limits(most=chosen.processes_max or len(os.sched_getaffinity(0)))
    return Limits(least=chosen.processes, most=chosen.processes)


def _on_signals(leave: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        # `nohup` has it ignored, so that a worker outlives its terminal.
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
            loop.add_signal_handler(number, leave)
