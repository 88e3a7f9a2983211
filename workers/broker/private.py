"""A RabbitMQ of one's own: one node or a cluster on the loopback, gone without a trace."""

import contextlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from workers.broker import ownership
from workers.broker.errors import INSTALL_ADVICE, BrokerStartError, NoBrokerError
from workers.broker.installation import find_installation, lay_out_lean
from workers.broker.layout import BrokerLayout, epmd_environment, lay_out, node_files
from workers.broker.leftovers import PREFIX, remove_leftovers
from workers.broker.management import ManagementApi
from workers.broker.node import Node
from workers.broker.ports import free_ports
from workers.broker.processes import end_processes, marked_processes

#: A port may be taken between our look and the broker's; the third time it is something else.
_ATTEMPTS = 3
#: One for AMQP, the HTTP API, Prometheus and Erlang's distribution each.
_PORTS_A_NODE = 4
#: Seconds epmd gets to listen; it takes 0.01.
_EPMD_TIMEOUT = 10.0
#: The longest path of a unix socket is 107 bytes; ours adds ``/tNN/ready`` to the directory's.
LONGEST_DIRECTORY = 95


class PrivateBroker:
    """A running RabbitMQ that belongs to this process; leaving the ``with`` removes all of it.

    Should this process be killed, the next ``start`` finds what is left and ends it.
    """

    def __init__(self, layout: BrokerLayout) -> None:
        self._layout = layout
        self._epmd: subprocess.Popen[bytes] | None = None
        self.nodes = tuple(Node(layout, node) for node in layout.nodes)

    @classmethod
    def start(cls, nodes: int = 1, *, settings: tuple[str, ...] = ()) -> Self:
        """Return a broker that serves, in 3 to 6 s, its nodes joined into one cluster.

        ``settings`` are further lines of ``rabbitmq.conf``, for every node. Raises NoBrokerError
        when no server is installed, BrokerStartError with the log's tail when it does not serve.
        """
        remove_leftovers()
        directory = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        owner = ownership.this_process()
        return cls.start_in(directory, nodes=nodes, owner=owner, settings=settings)

    @classmethod
    def start_in(
        cls, directory: Path, *, nodes: int, owner: str, settings: tuple[str, ...] = ()
    ) -> Self:
        """As ``start``, in an empty directory of the caller's, with an owner of the caller's."""
        installation = find_installation()
        if installation is None:
            shutil.rmtree(directory, ignore_errors=True)
            raise NoBrokerError(f"No RabbitMQ server is installed here. {INSTALL_ADVICE}")
        for attempt in range(1, _ATTEMPTS + 1):
            ports = free_ports(1 + _PORTS_A_NODE * nodes)
            broker = cls(replace(lay_out(directory, owner, installation, ports), settings=settings))
            try:
                broker._serve()
            except BrokerStartError as error:
                if attempt == _ATTEMPTS or not _was_port_taken(error):
                    raise
                directory.mkdir(mode=0o700)
            else:
                return broker
        raise AssertionError("unreachable: the last attempt returns or raises")

    @property
    def directory(self) -> Path:
        """Where everything of this broker lives; removed by ``close``."""
        return self._layout.directory

    @property
    def amqp_url(self) -> str:
        """Where clients connect: the first node, virtual host ``/``."""
        return self.nodes[0].amqp_url

    @property
    def management_url(self) -> str:
        """The first node's HTTP API, with the login in it."""
        return self.nodes[0].management_url

    @property
    def pids(self) -> tuple[int, ...]:
        """The process ids of the nodes that are up, and epmd's last."""
        processes = [node.pid for node in self.nodes]
        processes.append(self._epmd.pid if self._epmd is not None else None)
        return tuple(pid for pid in processes if pid is not None)

    def ended(self) -> str:
        """How a node ended that was not asked to; empty while all are up."""
        codes = (node.exit_code for node in self.nodes)
        return next((exit_words(code) for code in codes if code is not None), "")

    def close(self) -> None:
        """End every process and remove the directory; a second call does nothing.

        The nodes are killed: their data go too, so an orderly shutdown would only take time.
        """
        for node in self.nodes:
            node.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None
        end_processes(marked_processes(self.directory))
        shutil.rmtree(self.directory, ignore_errors=True)

    def disown(self) -> None:
        """Let the broker live on when this process ends; only for one whose owner is ``KEPT``."""
        for node in self.nodes:
            node.disown()
        if self._epmd is not None:
            # Else Python warns of a process that nobody waited for.
            self._epmd.returncode = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _serve(self) -> None:
        """Start everything and return when all nodes serve; whatever prevents it undoes it all."""
        with contextlib.ExitStack() as undo:
            undo.callback(self.close)
            self._write_files()
            self._start_epmd()
            first, *others = self.nodes
            first.start()
            for node in others:
                node.launch()
            for node in others:
                node.await_ready()
            self._check_formed()
            undo.pop_all()

    def _check_formed(self) -> None:
        """Raise unless the nodes are one cluster: serving alone, they would all look well."""
        names = tuple(sorted(node.name for node in self.nodes))
        joined = ManagementApi(self.management_url).running_nodes() if self.nodes[1:] else names
        if joined != names:
            raise BrokerStartError(
                f"The nodes serve but are not one cluster: {', '.join(joined)} of"
                f" {', '.join(names)}; start it again, and report it if it stays so"
            )

    def _write_files(self) -> None:
        layout = self._layout
        # The owner first: a directory without one looks like somebody's who died at once.
        (layout.directory / ownership.OWNER_FILE).write_text(layout.owner, encoding="ascii")
        layout.home.mkdir()
        (layout.directory / "tmp").mkdir()
        cookie = layout.home / ".erlang.cookie"
        cookie.touch(mode=0o600)
        cookie.write_text(secrets.token_hex(16), encoding="ascii")
        cookie.chmod(0o400)
        lay_out_lean(layout.installation, layout.server)
        for node in layout.nodes:
            node.log.parent.mkdir(parents=True)
            (node.directory / "mnesia").mkdir()
            for name, text in node_files(layout, node).items():
                (node.directory / name).write_text(text, encoding="utf-8")

    def _start_epmd(self) -> None:
        """Start our own epmd in the foreground: one that Erlang starts would survive everything."""
        layout = self._layout
        epmd = layout.installation.command(layout.installation.epmd, layout.directory)
        self._epmd = subprocess.Popen(  # noqa: S603  # Erlang's own, by its path
            [*epmd, "-port", str(layout.epmd_port), "-address", "127.0.0.1"],
            env=epmd_environment(layout),
            cwd=layout.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        give_up = time.monotonic() + _EPMD_TIMEOUT
        while time.monotonic() < give_up and self._epmd.poll() is None:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", layout.epmd_port), timeout=1).close()
                return
            time.sleep(0.01)
        raise BrokerStartError(
            f"epmd, Erlang's port mapper, does not listen on 127.0.0.1:{layout.epmd_port}"
            " (eaddrinuse); is the loopback up?"
        )


def exit_words(code: int) -> str:
    """Return an exit code as a shell would tell it, with the signal's name where it was one."""
    if code >= 0:
        return f"exit {code}"
    return f"exit {128 - code}, {signal.Signals(-code).name}"


def _was_port_taken(error: BrokerStartError) -> bool:
    """Tell from the log whether another process was quicker on one of the ports."""
    text = str(error).lower()
    return "eaddrinuse" in text or "address already in use" in text
