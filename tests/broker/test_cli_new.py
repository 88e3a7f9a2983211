"""What `leveret new` makes works as it is."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from broker.command import leveret

from workers.broker import ManagementApi

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_tests_of_a_new_project_pass_at_once(
    amqp_url: str, management_url: str, tmp_path: Path
) -> None:
    """Those without a broker and those with one, here in our own environment; no queue stays."""
    project = tmp_path / "my-workers"
    made = await leveret("new", "my-workers", "--into", str(project))
    assert made.code == 0
    assert len(made.out.splitlines()) == 11
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("LEVERET_", "PYTEST"))}
    environment |= {"LEVERET_AMQP_URL": amqp_url, "PYTHONPATH": str(project)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        cwd=project,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()
    assert b"6 passed" in told
    left = ManagementApi(management_url).queue_depths(amqp_url.rpartition("/")[2])
    # Mailboxes of those who asked go by themselves, minutes after they were last listened to.
    assert [name for name in left if name.startswith("test-") and ".replies." not in name] == []
    again = await leveret("new", "my-workers", "--into", str(project))
    assert (again.code, again.err.count("\n")) == (2, 1)
