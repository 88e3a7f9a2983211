"""The real `leveret` command, run as its users run it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import quote

from workers.broker import ManagementApi

if TYPE_CHECKING:
    from topology import Permissions, TopicPermissions

#: Seconds for one command on a busy machine.
WITHIN: Final = 30.0


class Ended(NamedTuple):
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Standard output, which must be a JSON document on each line."""
        return [json.loads(line) for line in self.out.splitlines()]


async def leveret(
    *arguments: str, url: str | None = None, stdin: bytes = b"", **more: str
) -> Ended:
    """Run the command to its end, with nothing of our own environment that could be settings."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LEVERET_")} | more
    if url is not None:
        environment["LEVERET_AMQP_URL"] = url
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workers.cli", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        async with asyncio.timeout(WITHIN):
            out, err = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    ended = Ended(process.returncode, out.decode(), err.decode())
    assert "Traceback" not in ended.err
    return ended


def user(
    management_url: str,
    amqp_url: str,
    name: str,
    may: Permissions,
    *held: TopicPermissions,
) -> str:
    """Make a broker user with these rights in the virtual host; return its address."""
    api = ManagementApi(management_url)
    vhost = amqp_url.rpartition("/")[2]
    api._request("PUT", f"/api/users/{quote(name)}", {"password": "p", "tags": ""})
    api._request(
        "PUT",
        f"/api/permissions/{vhost}/{quote(name)}",
        asdict(may),
    )
    for one in held:
        api._request("PUT", f"/api/topic-permissions/{vhost}/{quote(name)}", asdict(one))
    return amqp_url.replace("guest:guest@", f"{name}:p@")
