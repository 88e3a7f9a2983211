"""Who is measured: how each contender is started, and the form in which it wants its tasks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

import orjson

from topology import Names
from workers.publication import Publication

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent
WORKERS: Final = HERE / "contenders"
#: Peers live in an environment of their own, made at the first run.
PEERS: Final = ROOT / ".venv-peers"
PACKAGES: Final = (
    "faststream[rabbit]",
    "taskiq-aio-pika",
    "celery",
    "dramatiq[rabbitmq]",
    "pika",
    "pydantic",
    "orjson",
)
#: Where answers go: a queue that nobody consumes while a throughput is measured.
ANSWERS: Final = "bench.answers"
#: The queue that leveret takes from, and so everybody.
QUEUE: Final = Names().work("default")


class NotHere(Exception):
    """A contender cannot be had on this machine; the message says what it needs."""


@dataclass(frozen=True, slots=True)
class Stand:
    """Where a contender works in one round."""

    url: str
    prefetch: int
    processes: int = 1
    queue_type: str = "quorum"
    #: Further settings of leveret.
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Contender:
    """One program that answers tasks."""

    name: str
    command: Callable[[Stand], list[str]]
    #: Makes the publication of a task with this correlation id.
    wrap: Callable[[bytes, str], Publication]
    #: What it guarantees, as its row in the table says.
    guarantees: str


def environment(stand: Stand) -> dict[str, str]:
    """Return the environment every contender gets."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("LEVERET_")}
    return inherited | {
        "AMQP_URL": stand.url,
        "QUEUE": QUEUE,
        "QUEUE_TYPE": stand.queue_type,
        "PREFETCH": str(stand.prefetch),
        "PYTHONPATH": f"{WORKERS}:{ROOT}",
        "LEVERET_AMQP_URL": stand.url,
        "LEVERET_HTTP_PORT": "0",
        "LEVERET_LOG_LEVEL": "WARNING",
        "dramatiq_queue_prefetch": str(stand.prefetch),
        **stand.settings,
    }


def plain(body: bytes, correlation_id: str) -> Publication:
    """Return the task as it is, with its addresses in the properties."""
    return Publication("", QUEUE, body, correlation_id=correlation_id, reply_to=ANSWERS)


def _celery(body: bytes, correlation_id: str) -> Publication:
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    headers = {"lang": "py", "task": "work", "id": correlation_id, "root_id": correlation_id}
    call = orjson.dumps([[body.decode(), ANSWERS, correlation_id], {}, embed])
    return Publication(
        "",
        QUEUE,
        call,
        headers,
        content_encoding="utf-8",
        correlation_id=correlation_id,
    )


def _dramatiq(body: bytes, correlation_id: str) -> Publication:
    call = {
        "queue_name": QUEUE,
        "actor_name": "work",
        "args": [body.decode(), ANSWERS, correlation_id],
        "kwargs": {},
        "options": {},
        "message_id": correlation_id,
        "message_timestamp": 0,
    }
    return Publication("", QUEUE, orjson.dumps(call), correlation_id=correlation_id)


def _taskiq(body: bytes, correlation_id: str) -> Publication:
    call = {
        "task_id": correlation_id,
        "task_name": "work",
        "labels": {},
        "args": [body.decode(), ANSWERS, correlation_id],
        "kwargs": {},
    }
    return Publication("", QUEUE, orjson.dumps(call), correlation_id=correlation_id)


def _leveret(stand: Stand) -> list[str]:
    return [
        *(sys.executable, "-m", "workers.cli", "run", "leveret_processors:registry"),
        *("--prefetch", str(stand.prefetch), "--processes", str(stand.processes)),
    ]


def _script(name: str) -> Callable[[Stand], list[str]]:
    def command(stand: Stand) -> list[str]:
        return [str(_peer("python")), str(WORKERS / name), QUEUE, str(stand.prefetch)]

    return command


def _bare(stand: Stand) -> list[str]:
    return [sys.executable, str(WORKERS / "bare_worker.py"), QUEUE, str(stand.prefetch)]


def _celery_command(_stand: Stand) -> list[str]:
    return [
        *(str(_peer("celery")), "-A", "celery_worker", "worker", "-l", "ERROR", "-Q", QUEUE),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
    ]


def _dramatiq_command(_stand: Stand) -> list[str]:
    return [str(_peer("dramatiq")), "dramatiq_worker", "--processes", "1", "--threads", "8"]


def _taskiq_command(stand: Stand) -> list[str]:
    return [
        *(str(_peer("taskiq")), "worker", "taskiq_worker:broker", "--workers", "1"),
        *("--max-async-tasks", str(stand.prefetch), "--log-level", "ERROR"),
        *("--ack-type", "when_executed"),
    ]


def _c_command(stand: Stand) -> list[str]:
    binary = PEERS / "c_worker"
    source = WORKERS / "c_worker.c"
    if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            raise NotHere("a C compiler: apt-get install gcc librabbitmq-dev")
        binary.parent.mkdir(exist_ok=True)
        made = subprocess.run(
            [compiler, "-O2", "-o", str(binary), str(source), "-lrabbitmq"],
            capture_output=True,
            check=False,
        )
        if made.returncode:
            raise NotHere("librabbitmq's headers: apt-get install librabbitmq-dev")
    url = urlsplit(stand.url)
    vhost = unquote(url.path[1:]) or "/"
    login = (unquote(url.username or "guest"), unquote(url.password or "guest"))
    return [
        *(str(binary), url.hostname or "127.0.0.1", str(url.port), *login),
        *(vhost, QUEUE, str(stand.prefetch)),
    ]


def _node_command(stand: Stand) -> list[str]:
    node = shutil.which("node")
    known = (
        node
        and not subprocess.run(
            [node, "-e", 'require("amqplib")'], cwd=WORKERS, capture_output=True, check=False
        ).returncode
    )
    if not node or not known:
        raise NotHere("Node with amqplib: npm install amqplib")
    return [node, str(WORKERS / "node_worker.js"), QUEUE, str(stand.prefetch)]


def _peer(program: str) -> Path:
    """Return a program of the peers' environment, made if it is not there."""
    if not (PEERS / "bin" / "faststream").exists():
        print("making the peers' environment in .venv-peers …", file=sys.stderr)
        venv.create(PEERS, with_pip=True)
        pip = [str(PEERS / "bin" / "python"), "-m", "pip", "install", "--quiet", *PACKAGES]
        if subprocess.run(pip, check=False).returncode:
            raise NotHere("the peers' packages, which pip could not install")
    return PEERS / "bin" / program


#: Nobody's program: what a worker of ours would do with nothing around a task.
BARE: Final = "bare"
_CONFIRMED: Final = "validated; answer confirmed, then ack"

CONTENDERS: Final[Mapping[str, Contender]] = {
    one.name: one
    for one in (
        Contender(
            "leveret",
            _leveret,
            plain,
            "validated; deadlines, retries, dead letters, metrics; answer confirmed, then ack",
        ),
        Contender(
            BARE, _bare, plain, "leveret's link and models alone: answer confirmed, then ack"
        ),
        Contender("faststream", _script("faststream_worker.py"), plain, _CONFIRMED),
        Contender("taskiq", _taskiq_command, _taskiq, _CONFIRMED),
        Contender("celery", _celery_command, _celery, f"{_CONFIRMED} (late), 2 processes"),
        Contender("dramatiq", _dramatiq_command, _dramatiq, f"{_CONFIRMED}, 8 threads"),
        Contender("aio-pika", _script("aio_pika_worker.py"), plain, _CONFIRMED),
        Contender("aiormq", _script("aiormq_worker.py"), plain, _CONFIRMED),
        Contender("pika", _script("pika_worker.py"), plain, _CONFIRMED),
        Contender("node", _node_command, plain, "parsed; answer confirmed, then ack"),
        Contender("c", _c_command, plain, "not parsed; answer confirmed, then ack"),
    )
}
