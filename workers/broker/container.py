"""RabbitMQ in a container, for machines with a Docker engine and no installed server."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

from workers.broker.engine import ENGINE_TIMEOUT, find_image, owner_labels
from workers.broker.errors import BrokerStartError
from workers.broker.layout import USER

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

#: Seconds until the container must serve; it takes 10.
_START_TIMEOUT = 90.0
#: Seconds between two looks at whether it serves.
_LOOK_EVERY = 0.2
#: What a client says first, and how every broker's answer begins: a method frame on channel 0.
_GREETING, _ANSWER = b"AMQP\x00\x00\x09\x01", b"\x01\x00\x00"
#: The ports inside the container; outside they are whatever is free.
_AMQP_PORT, _MANAGEMENT_PORT = 5672, 15_672
#: Lines of the container's output that an error shows.
_TAIL_LINES = 15


class ContainerBroker:
    """A RabbitMQ in a container that belongs to this process; ``close`` removes it.

    Should this process be killed, the next ``start`` finds the container and removes it.
    """

    def __init__(self, container: "DockerContainer") -> None:
        self._container = container
        host = container.get_container_host_ip()
        # The port is published on IPv4; the name may lead to ::1 first.
        self._host = "127.0.0.1" if host == "localhost" else host
        self._amqp = container.get_exposed_port(_AMQP_PORT)
        self._management = container.get_exposed_port(_MANAGEMENT_PORT)

    @classmethod
    def start(cls) -> Self:
        """Return a broker that serves, in about 10 s and the time of a pull.

        Raises NoBrokerError when there is no engine or no image, BrokerStartError when the
        container does not serve.
        """
        # Only here: the library takes 0.2 s to load, and few machines need it.
        from testcontainers.core.container import DockerContainer  # noqa: PLC0415

        image = find_image()
        with _without_reaper(), ExitStack() as undo:
            container = DockerContainer(image, docker_client_kw={"timeout": ENGINE_TIMEOUT})
            undo.callback(container.stop)
            container.with_exposed_ports(_AMQP_PORT, _MANAGEMENT_PORT)
            container.with_envs(RABBITMQ_DEFAULT_USER=USER, RABBITMQ_DEFAULT_PASS=USER)
            container.with_kwargs(labels=owner_labels(), auto_remove=True)
            broker = cls(container.start())
            broker._await_serving(time.monotonic() + _START_TIMEOUT)
            undo.pop_all()
        return broker

    @property
    def amqp_url(self) -> str:
        """Where clients connect; virtual host ``/``, without a slash as `Node.amqp_url` says."""
        return f"amqp://{USER}:{USER}@{self._host}:{self._amqp}"

    @property
    def management_url(self) -> str:
        """The HTTP API, with the login in it."""
        return f"http://{USER}:{USER}@{self._host}:{self._management}"

    def ended(self) -> str:
        """How the container ended; empty while it is there, and while the engine says nothing."""
        import docker  # type: ignore[import-untyped]  # noqa: PLC0415  # as above

        container = self._container.get_wrapped_container()
        try:
            container.reload()
        except docker.errors.NotFound:  # the engine removes what has ended
            return "its container ended"
        except (docker.errors.DockerException, OSError):
            return ""
        state = container.attrs["State"]
        return "" if state["Running"] else f"exit {state['ExitCode']}"

    def close(self) -> None:
        """Remove the container."""
        self._container.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _await_serving(self, until: float) -> None:
        """Return when it answers as a broker does: the engine opens its port long before."""
        while time.monotonic() < until:
            with suppress(OSError):
                if self._answers():
                    return
            time.sleep(_LOOK_EVERY)
        output = b"".join(self._container.get_logs()).decode(errors="replace")
        tail = "\n".join(output.splitlines()[-_TAIL_LINES:])
        raise BrokerStartError(
            f"RabbitMQ in its container did not serve within {_START_TIMEOUT:.0f} s.\n{tail}"
        )

    def _answers(self) -> bool:
        with socket.create_connection((self._host, self._amqp), timeout=2) as probe:
            probe.sendall(_GREETING)
            return probe.recv(len(_ANSWER), socket.MSG_WAITALL) == _ANSWER


@contextmanager
def _without_reaper() -> Iterator[None]:
    """Keep testcontainers from fetching a second image only to clean up: we clean up ourselves."""
    from testcontainers.core.config import testcontainers_config  # noqa: PLC0415  # as above

    before = testcontainers_config.ryuk_disabled
    testcontainers_config.ryuk_disabled = True
    try:
        yield
    finally:
        testcontainers_config.ryuk_disabled = before
