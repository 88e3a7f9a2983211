"""The compose project under test, and how to ask it and its engine."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
#: Seconds until the containers run; on two cores it takes 12.
UP_LIMIT = 180


def run(command: Sequence[str], limit: float = 60, **environment: str) -> str:
    """Give the output of a command; fail with what it said when it fails or takes too long."""
    # Settings of the person who runs the tests must not reach the project under test.
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LEVERET_")}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**clean, "DOCKER_BUILDKIT": "0", **environment},
        timeout=limit,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-3000:]}")
    return done.stdout


def output(command: Sequence[str], limit: float = 20) -> str | None:
    """Give the output of a command that may fail; None where it cannot be run, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, timeout=limit, check=False, text=True)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def succeeds(command: Sequence[str], limit: float = 20) -> bool:
    """Whether a command can be run and ends well in time."""
    return output(command, limit) is not None


@dataclass(frozen=True)
class Stack:
    """The running project, and how to ask it."""

    compose: tuple[str, ...]
    project: str
    environment: dict[str, str]
    services: tuple[str, ...]
    #: Asking the compose tool takes a second of a busy core, and no address changes.
    _known: dict[tuple[str, int], str] = field(default_factory=dict)

    def do(self, *arguments: str, limit: float = 60) -> str:
        """Run a compose command on this project."""
        return run([*self.compose, *arguments], limit, **self.environment)

    def docker(self, *arguments: str, limit: float = 60) -> str:
        """Run a docker command."""
        return run(["docker", *arguments], limit)

    def containers(self, service: str, *more: str) -> list[str]:
        """Give the ids of a service's containers that run; `--all`: and of those that ended."""
        labels = (f"project={self.project}", f"service={service}")
        filters = [
            word for label in labels for word in ("--filter", f"label=com.docker.compose.{label}")
        ]
        return self.docker("ps", "--quiet", *filters, *more).split()

    def inspect(self, container: str, template: str) -> str:
        """Give what the engine knows of a container."""
        return self.docker("inspect", "--format", template, container).strip()

    def address(self, service: str, port: int) -> str:
        """Give host:port where a service's port is published."""
        place = service, port
        if place not in self._known:
            self._known[place] = self.do("port", service, str(port)).strip()
        return self._known[place]

    def scale(self, workers: int) -> None:
        """Have so many workers; returns when the others have drained."""
        services = ("up", "--detach", "--no-build", "--no-recreate", "--scale", f"worker={workers}")
        self.do(*services, *self.services, limit=UP_LIMIT)
        self.wait(f"{workers} workers", lambda: len(self.containers("worker")) == workers)

    def targets(self, job: str) -> dict[str, str]:
        """Give Prometheus' targets of a job and their health."""
        found = self._prometheus("targets", state="active")["activeTargets"]
        return {
            target["labels"]["instance"]: target["health"]
            for target in found
            if target["labels"]["job"] == job
        }

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Give the series that Prometheus answers an expression with."""
        result: list[dict[str, Any]] = self._prometheus("query", query=expression)["result"]
        return result

    def _prometheus(self, path: str, **parameters: str) -> Any:
        url = f"http://{self.address('prometheus', 9090)}/api/v1/{path}"
        asked = f"{url}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - our own loopback
            return json.load(answer)["data"]

    def wait(self, what: str, holds: Callable[[], bool], limit: float = 60) -> None:
        """Return when something holds; fail with the project's last words when it does not."""
        end = time.monotonic() + limit
        while not holds():
            if time.monotonic() > end:
                pytest.fail(
                    f"not within {limit} s: {what}\n{self.do('logs', '--no-color', '--tail=30')}"
                )
            time.sleep(0.5)

    def end(self) -> None:
        """Remove containers, networks and volumes."""
        self.do("down", "--volumes", "--remove-orphans", "--timeout=5", limit=120)
