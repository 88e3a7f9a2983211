"""Compose projects of their own for these tests: images, ports, start, end, nothing left over."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from compose.stack import ROOT, Stack, output, run, succeeds

STANDIN = ROOT / "deploy" / "standin"
#: Ours: the process that started a project is part of its name, so that what it left can be told.
PROJECT = "leveret-test-"
#: Tagged likewise: two runs on one engine may be of two trees.
WORKER_IMAGE = "leveret-worker-test"
#: The broker's, in deploy/cluster/compose.yml.
NODES = ("rabbitmq", "rabbitmq-2", "rabbitmq-3")
#: What `docker-compose.yml` uses by itself, and what stands in for it.
OFFICIAL = ("python:3.13-slim", "rabbitmq:4.0-management", "prom/prometheus:v3.5.0")
STAND_INS = tuple(f"leveret-standin-{name}" for name in ("python", "rabbitmq", "prometheus"))
#: Ports of the host: each is one that is free.
PORTS = tuple(
    f"{name}_PORT"
    for name in ("RABBITMQ", "RABBITMQ_2", "RABBITMQ_3", "RABBITMQ_MANAGEMENT", "PROMETHEUS")
)
#: Seconds. With nothing there before, two cores take 130 for the stand-ins, 60 for the worker.
STAND_IN_LIMIT, BUILD_LIMIT, PULL_LIMIT = 600, 420, 300


class Plan(NamedTuple):
    """Which files and services a project is made of."""

    suffix: str
    files: tuple[str, ...]
    #: Grafana is left out: its image cannot be had everywhere, and nothing here asks it.
    services: tuple[str, ...]


ONE = Plan("", (), ("rabbitmq", "topology", "worker", "prometheus"))
#: Nobody asks Prometheus here either.
THREE = Plan(
    "-cluster", ("deploy/cluster/compose.yml",), ("rabbitmq", *NODES[1:], "topology", "worker")
)


def compose_command() -> list[str] | None:
    """Give the compose tool there is, the plugin before the old program."""
    if succeeds(["docker", "compose", "version"]):
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def are_there(images: Sequence[str]) -> bool:
    """Whether the engine holds all these images."""
    return succeeds(["docker", "image", "inspect", *images])


def remove_left_overs(compose: Sequence[str]) -> None:
    """End the projects of test runs that were killed before they could do it, and their images."""
    template = '{{.Label "com.docker.compose.project"}}'
    down = ("down", "--volumes", "--remove-orphans", "--timeout=1")
    for kind in (["ps", "--all"], ["network", "ls"], ["volume", "ls"]):
        for name in set(run(["docker", *kind, "--format", template]).split()):
            if is_left_over(name):
                run([*compose, "--project-name", name, *down], 120)
    for image in run(["docker", "images", "--format", "{{.Repository}}:{{.Tag}}"]).split():
        repository, _, tag = image.rpartition(":")
        if is_left_over(repository) or (repository == WORKER_IMAGE and is_left_over(PROJECT + tag)):
            succeeds(["docker", "image", "rm", image])


def is_left_over(name: str) -> bool:
    """Whether a name is one of ours, and the run that gave it is gone."""
    owner = re.match(rf"{PROJECT}(\d+)(-|$)", name)
    return owner is not None and not Path(f"/proc/{owner[1]}").exists()


@pytest.fixture(scope="session")
def compose() -> list[str]:
    """Give the compose tool, with an engine that answers it."""
    if not succeeds(["docker", "version"]):
        pytest.skip("no Docker engine answers: see `docker version`")
    command = compose_command()
    if command is None:
        pytest.skip("there is no Docker Compose: install docker-compose or its plugin")
    remove_left_overs(command)
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


def index_url() -> str:
    """Give the index that this machine's pip is told to use; nothing where it has its own."""
    told = output([sys.executable, "-m", "pip", "config", "get", "global.index-url"])
    return (told or "").strip()


def build(directory: Path, name: str, dockerfile: str, **arguments: str) -> None:
    """Build an image; its first stage is called `<name>-stage`, so that nothing lies about unnamed.

    While that is there, the next build is quick.
    """
    stage = f"{name.partition(':')[0]}-stage"
    given = [word for one in arguments.items() for word in ("--build-arg", "=".join(one))]
    command = ["docker", "build", "--file", str(directory / dockerfile), *given]
    before = run(["docker", "images", "--quiet", "--no-trunc", stage]).split()
    run([*command, "--target=build", "--tag", stage, str(directory)], BUILD_LIMIT)
    run([*command, "--tag", name, str(directory)], BUILD_LIMIT)
    after = run(["docker", "images", "--quiet", "--no-trunc", stage]).split()
    for old in set(before) - set(after):
        succeeds(["docker", "image", "rm", old])


@pytest.fixture(scope="session")
def worker_image(images: tuple[str, ...]) -> Iterator[str]:
    """Lend the worker's image, built from this tree."""
    name = f"{WORKER_IMAGE}:{os.getpid()}"
    index = {"PIP_INDEX_URL": found} if (found := index_url()) else {}
    build(ROOT, name, "deploy/Dockerfile", BASE=images[0], **index)
    yield name
    succeeds(["docker", "image", "rm", name])


@contextmanager
def running(
    compose: Sequence[str], images: tuple[str, ...], worker: str, plan: Plan
) -> Iterator[Stack]:
    """Lend a compose project with one worker, on free ports of the loopback address."""
    files = ["--file", "docker-compose.yml"]
    if images == STAND_INS:
        files += ["--file", "deploy/standin/compose.yml"]
    files += [word for file in plan.files for word in ("--file", file)]
    project = f"{PROJECT}{os.getpid()}{plan.suffix}"
    found = Stack(
        (*compose, "--project-name", project, *files),
        project,
        {
            "WORKER_IMAGE": worker,
            "RABBITMQ_IMAGE": images[1],
            # Few at a time, so that several replicas have their share of what waits.
            "LEVERET_PREFETCH": "20",
            **dict.fromkeys(PORTS, "0"),
        },
        plan.services,
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


@pytest.fixture(scope="module")
def stack(compose: list[str], images: tuple[str, ...], worker_image: str) -> Iterator[Stack]:
    """Lend the project as people start it."""
    with running(compose, images, worker_image, ONE) as found:
        yield found


@pytest.fixture(scope="module")
def cluster(compose: list[str], images: tuple[str, ...], worker_image: str) -> Iterator[Stack]:
    """Lend the project with a broker of three nodes."""
    with running(compose, images, worker_image, THREE) as found:
        yield found
