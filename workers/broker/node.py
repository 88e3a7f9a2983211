"""One node of a private broker: started, awaited, stopped, killed and started again."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from workers.broker.errors import BrokerStartError
from workers.broker.layout import USER, BrokerLayout, NodeLayout, node_environment

#: Seconds until a node must serve. It takes 3 to 6; a loaded two-core machine ten times as long.
START_TIMEOUT = 90.0
#: Seconds SIGTERM may take before SIGKILL: RabbitMQ 3.10 needs 6 with its plugins.
STOP_TIMEOUT = 20.0
#: Seconds for one command of ``rabbitmqctl``; it takes 2, most of them to start.
CONTROL_TIMEOUT = 60.0
#: Lines of each log that an error shows.
_TAIL_LINES = 15


class Node:
    """A RabbitMQ process with its own data, which survive ``stop`` and ``kill`` until ``start``."""

    def __init__(self, broker: BrokerLayout, layout: NodeLayout) -> None:
        self._broker = broker
        self._layout = layout
        self._process: subprocess.Popen[bytes] | None = None
        self._ready: socket.socket | None = None

    @property
    def name(self) -> str:
        """The Erlang name, as the HTTP API shows it: ``t1@localhost``."""
        return self._layout.name

    @property
    def pid(self) -> int | None:
        """The Erlang VM's process id, or None while the node is down."""
        if self._process is None or self._process.poll() is not None:
            return None
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """What the Erlang VM ended with, -9 for SIGKILL; None while it runs or never ran."""
        return None if self._process is None else self._process.poll()

    @property
    def amqp_url(self) -> str:
        """Where clients connect; virtual host ``/``.

        No slash at its end: librabbitmq and others take one for the virtual host without a name.
        """
        return f"amqp://{USER}:{USER}@127.0.0.1:{self._layout.ports.amqp}"

    @property
    def management_url(self) -> str:
        """The HTTP API and its web pages, with the login in it."""
        return f"http://{USER}:{USER}@127.0.0.1:{self._layout.ports.management}"

    @property
    def prometheus_url(self) -> str:
        """The broker's own metrics."""
        return f"http://127.0.0.1:{self._layout.ports.prometheus}/metrics"

    @property
    def log(self) -> Path:
        """RabbitMQ's log file."""
        return self._layout.log

    def start(self) -> None:
        """Return when the node serves; raise BrokerStartError with its log's tail if it does not.

        A node of a cluster may wait for the others: launch those first and await them together.
        """
        self.launch()
        self.await_ready()

    def launch(self) -> None:
        """Start the process and return at once; one that runs already is left as it is."""
        if self.pid is not None:
            return
        self._layout.ready_socket.unlink(missing_ok=True)
        self._close_ready()
        self._ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ready.bind(str(self._layout.ready_socket))
        with self._layout.output.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal is for us, who then stop it in order.
            self._process = subprocess.Popen(  # noqa: S603  # the installed server, by its path
                self._command("rabbitmq-server"),
                env=node_environment(self._broker, self._layout),
                cwd=self._layout.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def await_ready(self, timeout: float = START_TIMEOUT) -> None:
        """Return when the launched node has said that it serves; timeout in seconds."""
        if self._process is None or self._ready is None:
            raise BrokerStartError(f"{self.name} was not launched; call launch() first")
        try:
            self._listen_for_ready(self._process, self._ready, time.monotonic() + timeout)
        finally:
            self._close_ready()

    def stop(self, timeout: float = STOP_TIMEOUT) -> None:
        """Shut the node down in order (SIGTERM), as an operator would; killed after the timeout."""
        if self._process is not None and self.pid is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.kill()
        self._close_ready()

    def kill(self) -> None:
        """End the node as a crash would (SIGKILL); returns when it is gone, in 0.02 s."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._close_ready()

    def freeze(self) -> None:
        """Stop the node's clock (SIGSTOP): connections stay open and nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen node go on."""
        self._signal(signal.SIGCONT)

    def control(self, *arguments: str, timeout: float = CONTROL_TIMEOUT) -> str:
        """Return what ``rabbitmqctl`` prints; raise BrokerStartError with it when it fails."""
        done = subprocess.run(  # noqa: S603  # the installed server's own, by its path
            [*self._command("rabbitmqctl"), "-n", self.name, *arguments],
            env=node_environment(self._broker, self._layout),
            cwd=self._layout.directory,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise BrokerStartError(
                f"rabbitmqctl {' '.join(arguments)} failed at {self.name}:"
                f" {(done.stderr or done.stdout).strip()}"
            )
        return done.stdout

    def _command(self, script: str) -> list[str]:
        """Return what runs one of the server's scripts."""
        broker = self._broker
        return broker.installation.command(broker.server / "sbin" / script, broker.directory)

    def disown(self) -> None:
        """Let the process live on after us: nobody waits for it any more."""
        if self._process is not None:
            # Else Python warns of a process that nobody waited for.
            self._process.returncode = 0
            self._process = None

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.pid is not None:
            self._process.send_signal(number)

    def _listen_for_ready(
        self, process: subprocess.Popen[bytes], ready: socket.socket, until: float
    ) -> None:
        """Return on READY=1; raise when the process ends before or the time is over."""
        with _exit_of(process) as gone:
            while (left := until - time.monotonic()) > 0:
                readable, _, _ = select.select([ready.fileno(), gone], [], [], left)
                if ready.fileno() in readable and b"READY=1" in ready.recv(4096).splitlines():
                    return
                if gone in readable:
                    raise BrokerStartError(
                        f"RabbitMQ {self.name} ended with code {process.wait()} before it served."
                        f"\n{self._tail()}"
                    )
        raise BrokerStartError(
            f"RabbitMQ {self.name} did not serve in time; is the machine overloaded or out of"
            f" memory?\n{self._tail()}"
        )

    def _tail(self) -> str:
        """Return the last lines of the node's logs, each under its path."""
        logs = (path for path in (self._layout.output, self._layout.log) if path.is_file())
        return "\n".join(f"--- {path}\n{_last_lines(path)}" for path in logs)

    def _close_ready(self) -> None:
        if self._ready is not None:
            self._ready.close()
            self._ready = None


@contextlib.contextmanager
def _exit_of(process: subprocess.Popen[bytes]) -> Iterator[int]:
    """Give a descriptor that becomes readable when the process ends."""
    gone = os.pidfd_open(process.pid)
    try:
        yield gone
    finally:
        os.close(gone)


def _last_lines(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-_TAIL_LINES:])
