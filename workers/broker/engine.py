"""The Docker engine: is there one, has it an image of RabbitMQ, and what did the dead leave on it.

Everything here is bounded in time: an engine that hangs must not hang a test run.
"""

import time
from contextlib import closing
from pathlib import Path
from typing import Any

from workers.broker import ownership
from workers.broker.errors import NoBrokerError

#: What is pulled when no image of RabbitMQ with its HTTP API is there.
IMAGE = "rabbitmq:4-management"
#: What deploy/standin/build makes where none can be pulled; it has the HTTP API too.
_STAND_IN = "leveret-standin-rabbitmq"
#: Seconds for one request to the engine, and for each piece of a pull.
ENGINE_TIMEOUT = 20
#: Seconds a whole pull may take; the image has 120 MB.
_PULL_TIMEOUT = 180.0
#: Labels that say whose a container is, and on which machine since which start of it: process
#: ids mean nothing on an engine that several machines share.
_OWNER_LABEL, _BOOT_LABEL = "leveret.broker.owner", "leveret.broker.boot"


def find_image() -> str:
    """Return the name of a RabbitMQ image that is there now: found, else pulled.

    Also ends containers of dead owners. Raises NoBrokerError with the reason when there is no
    engine, or neither an image nor a way to get one.
    """
    # Only here: the library takes 0.1 s to load, and few machines need it. It ships no types.
    import docker  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        with closing(docker.from_env(timeout=ENGINE_TIMEOUT)) as engine:
            _remove_leftovers(engine)
            return _present_image(engine) or _pulled_image(engine)
    except (docker.errors.DockerException, OSError) as error:
        raise NoBrokerError(f"Docker cannot give one ({_first_line(error)})") from error


def owner_labels() -> dict[str, str]:
    """Return what marks a container as this process's."""
    return {_OWNER_LABEL: ownership.this_process(), _BOOT_LABEL: _boot()}


def _remove_leftovers(engine: Any) -> None:
    """Remove containers whose owner died on this machine since it was started."""
    ours = {"label": [f"{_BOOT_LABEL}={_boot()}"]}
    for container in engine.containers.list(all=True, filters=ours):
        if not ownership.is_alive(container.labels.get(_OWNER_LABEL, ownership.KEPT)):
            container.remove(force=True, v=True)


def _present_image(engine: Any) -> str | None:
    """Return the name of an image with the HTTP API that is there already; ours if it is."""
    tags: list[str] = [tag for image in engine.images.list(name="rabbitmq") for tag in image.tags]
    official = max(
        (tag for tag in tags if "management" in tag),
        key=lambda tag: (tag == IMAGE, tag),
        default=None,
    )
    return official or (_STAND_IN if engine.images.list(name=_STAND_IN) else None)


def _pulled_image(engine: Any) -> str:
    """Fetch the image and return its name, or raise TimeoutError when it takes too long."""
    give_up = time.monotonic() + _PULL_TIMEOUT
    repository, tag = IMAGE.split(":")
    for _ in engine.api.pull(repository, tag=tag, stream=True, decode=True):
        if time.monotonic() > give_up:
            raise TimeoutError(f"pulling {IMAGE} took more than {_PULL_TIMEOUT:.0f} s")
    return IMAGE


def _boot() -> str:
    """Return what names this machine since its last start."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _first_line(error: Exception) -> str:
    """Return an error's text, cut to what a person reads."""
    return str(error).partition("\n")[0][:200]
