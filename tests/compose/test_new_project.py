"""What `leveret new` makes, built and run in containers: `make up` is all that a user types."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from compose.conftest import PROJECT, build, index_url
from compose.stack import run, succeeds

pytestmark = pytest.mark.docker

#: Seconds; with the layers of the other tests' images there it takes 30.
UP_WITHIN = 420


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give a project as it is made, with leveret taken from this tree."""
    place = tmp_path / "my-workers"
    run([sys.executable, "-m", "workers.cli", "new", "my-workers", "--into", str(place)])
    return place


def test_make_up_answers(
    project: Path, compose: list[str], images: tuple[str, ...], worker_image: str
) -> None:
    """Its own processor takes a message of its own type in a container, and the answer is right."""
    name = f"{PROJECT}{os.getpid()}-new"
    settings = {
        "COMPOSE": " ".join(compose),
        "COMPOSE_PROJECT_NAME": name,
        "PYTHON_IMAGE": images[0],
        "RABBITMQ_IMAGE": images[1],
        "WORKER_IMAGE": worker_image,
        "IMAGE": name,
        **dict.fromkeys(("RABBITMQ_PORT", "RABBITMQ_MANAGEMENT_PORT"), "0"),
        **({"PIP_INDEX_URL": index} if (index := index_url()) else {}),
    }
    at = ["make", "--no-print-directory", "-C", str(project)]
    files = [*compose, "--file", str(project / "compose.yml")]
    arguments = {
        "BASE": worker_image,
        "PIP_INDEX_URL": index_url(),
        "PIP_EXTRA_INDEX_URL": "",
    }
    try:
        # What `make up` then builds once more, from what this leaves to be found.
        build(project, name, "Dockerfile", **arguments)
        run([*at, "up", "ARGS=--detach"], UP_WITHIN, **settings)
        ask = ("publish", "--type", "greet", "--param", "name=Ada", "--wait", "--json")
        told = run([*files, "run", "--rm", "--no-deps", "-T", "worker", *ask], 60, **settings)
        assert json.loads(told)["payload"] == {"message_type": "greeting", "text": "Hello, Ada!"}
    finally:
        run([*files, "down", "--volumes", "--timeout=5"], 120, **settings)
        succeeds(["docker", "image", "rm", name, f"{name}-stage"])
