"""How a broker that one started has ended by itself, told as a shell would."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import docker  # type: ignore[import-untyped] # it ships none
import pytest

from workers.broker import ContainerBroker, NamedBroker
from workers.broker.private import exit_words


@pytest.mark.parametrize(("code", "words"), [(1, "exit 1"), (-9, "exit 137, SIGKILL")])
def test_a_signal_is_named(code: int, words: str) -> None:
    """It says who may have sent it: memory that ran out kills, too."""
    assert exit_words(code) == words


class Container:
    """A container as the libraries show it."""

    def __init__(self, *, running: bool = False, error: Exception | None = None) -> None:
        self.attrs: dict[str, Any] = {"State": {"Running": running, "ExitCode": 137}}
        self._error = error

    def get_container_host_ip(self) -> str:
        """Say where it is."""
        return "localhost"

    def get_exposed_port(self, port: int) -> int:
        """Say where it listens."""
        return port

    def get_wrapped_container(self) -> SimpleNamespace:
        """Give what asks the engine."""
        return SimpleNamespace(attrs=self.attrs, reload=self._reload)

    def _reload(self) -> None:
        if self._error is not None:
            raise self._error


@pytest.mark.parametrize(
    ("container", "told"),
    [
        (Container(running=True), ""),
        (Container(running=False), "exit 137"),
        (Container(error=docker.errors.NotFound("gone")), "its container ended"),
        (Container(error=docker.errors.APIError("busy")), ""),
        (Container(error=ConnectionError()), ""),
    ],
)
def test_a_container_is_asked_about(container: Container, told: str) -> None:
    """What the engine does not know is not taken for the worst."""
    assert ContainerBroker(container).ended() == told  # type: ignore[arg-type] # all it asks of one


def test_of_a_broker_of_theirs_nothing_is_known() -> None:
    """It may be started again."""
    assert NamedBroker("amqp://127.0.0.1:1").ended() == ""
