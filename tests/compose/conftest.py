"""One compose project of its own for these tests: images, ports, start, end, nothing left over."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest
from compose.stack import ROOT, Stack, run, succeeds

STANDIN = ROOT / "deploy" / "standin"
#: Ours: the process that started a project is part of its name, so that what it left can be told.
PROJECT = "leveret-test-"
WORKER_IMAGE = "leveret-worker-test"
#: What `docker-compose.yml` uses by itself, and what stands in for it.
OFFICIAL = ("python:3.13-slim", "rabbitmq:4.0-management", "prom/prometheus:v3.5.0")
STAND_INS = tuple(f"leveret-standin-{name}" for name in ("python", "rabbitmq", "prometheus"))
#: Seconds. With nothing there before, two cores take 130 for the stand-ins, 60 for the worker.
STAND_IN_LIMIT, BUILD_LIMIT, PULL_LIMIT = 600, 420, 300


def compose_command() -> list[str] | None:
    """Give the compose tool there is, the plugin before the old program."""
    if succeeds(["docker", "compose", "version"]):
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def are_there(images: Sequence[str]) -> bool:
    """Whether the engine holds all these images."""
    return succeeds(["docker", "image", "inspect", *images])


def remove_left_over_projects(compose: Sequence[str]) -> None:
    """End the projects of test runs that were killed before they could do it themselves."""
    template = '{{.Label "com.docker.compose.project"}}'
    for kind in (["ps", "--all"], ["network", "ls"], ["volume", "ls"]):
        for name in set(run(["docker", *kind, "--format", template]).split()):
            owner = re.fullmatch(rf"{PROJECT}(\d+)", name)
            if owner and not Path(f"/proc/{owner[1]}").exists():
                run([*compose, "--project-name", name, "down", "--volumes", "--timeout=1"], 120)


@pytest.fixture(scope="session")
def compose() -> list[str]:
    """Give the compose tool, with an engine that answers it."""
    if not succeeds(["docker", "version"]):
        pytest.skip("no Docker engine answers: see `docker version`")
    command = compose_command()
    if command is None:
        pytest.skip("there is no Docker Compose: install docker-compose or its plugin")
    remove_left_over_projects(command)
    return command


@pytest.fixture(scope="session")
def images(compose: list[str]) -> tuple[str, ...]:
    """Give the images to start from: the official ones or stand-ins, whichever can be had."""
    del compose
    if are_there(OFFICIAL):
        return OFFICIAL
    if are_there(STAND_INS) or (os.geteuid() == 0 and shutil.which("debootstrap")):
        run([str(STANDIN / "build")], STAND_IN_LIMIT)
        return STAND_INS
    if all(succeeds(["docker", "pull", image], PULL_LIMIT) for image in OFFICIAL):
        return OFFICIAL
    pytest.skip(
        "the official images cannot be pulled and stand-ins not be built: "
        "run deploy/standin/build as root, with debootstrap installed",
    )


def build_worker(base: str) -> None:
    """Build the worker's image; its first stage keeps a name, so that the next build is quick."""
    index = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"],
        capture_output=True,
        text=True,
        check=False,
    )
    argument = ["--build-arg", f"BASE={base}"]
    if index.returncode == 0 and index.stdout.strip():
        argument += ["--build-arg", f"PIP_INDEX_URL={index.stdout.strip()}"]
    build = ["docker", "build", "--file=deploy/Dockerfile", *argument]
    for more in (["--target=build", f"--tag={WORKER_IMAGE}-stage"], [f"--tag={WORKER_IMAGE}"]):
        name = more[-1].removeprefix("--tag=")
        before = run(["docker", "images", "--quiet", "--no-trunc", name]).split()
        run([*build, *more, "."], BUILD_LIMIT)
        after = run(["docker", "images", "--quiet", "--no-trunc", name]).split()
        for old in set(before) - set(after):
            succeeds(["docker", "image", "rm", old])


@pytest.fixture(scope="session")
def worker_image(images: tuple[str, ...]) -> str:
    """Give the worker's image, built from this tree."""
    build_worker(images[0])
    return WORKER_IMAGE


@pytest.fixture(scope="session")
def stack(compose: list[str], images: tuple[str, ...], worker_image: str) -> Iterator[Stack]:
    """Give the compose project with one worker, on free ports of the loopback address."""
    files = ["--file", "docker-compose.yml"]
    if images == STAND_INS:
        files += ["--file", "deploy/standin/compose.yml"]
    project = f"{PROJECT}{os.getpid()}"
    found = Stack(
        (*compose, "--project-name", project, *files),
        project,
        {
            "WORKER_IMAGE": worker_image,
            # Few at a time, so that several replicas have their share of what waits.
            "LEVERET_PREFETCH": "20",
            **dict.fromkeys(("RABBITMQ_PORT", "RABBITMQ_MANAGEMENT_PORT", "PROMETHEUS_PORT"), "0"),
        },
    )
    try:
        found.scale(1)
        (worker,) = found.containers("worker")
        healthy = partial(found.inspect, worker, "{{.State.Health.Status}}")
        found.wait("a healthy worker", lambda: healthy() == "healthy")
        yield found
    finally:
        found.end()
    label = f"label=com.docker.compose.project={project}"
    for kind in (("ps", "--all"), ("network", "ls"), ("volume", "ls")):
        assert not found.docker(*kind, "--quiet", "--filter", label)
