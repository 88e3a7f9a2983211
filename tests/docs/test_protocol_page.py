"""The page about clients in other languages, followed by somebody who has C and AMQP tools."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docs.pages import Type, steps
from docs.test_pages import ROOT, Reader

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = ROOT / "docs" / "protocol.md"
TOOLS = ("amqp-declare-queue", "amqp-publish", "amqp-get", "cc")
HEADER = Path("/usr/include/amqp.h")


@pytest.fixture
def reader(tmp_path: Path, amqp_url: str) -> Iterator[Reader]:
    """Lend somebody who types; skips where the clients are not installed."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if not HEADER.exists():
        missing.append("librabbitmq's headers")
    if missing:
        pytest.skip(
            f"{', '.join(missing)} not here; `make testbed` installs what is missing",
        )
    typing = Reader(tmp_path, amqp_url)
    yield typing
    typing.stop()


def test_a_client_in_another_language_is_written_by_that_page_alone(reader: Reader) -> None:
    """Both forms, from a shell and from C: what the page shows is what comes."""
    for step in steps(PAGE):
        reader.check(step)
    nowhere = Type(
        'LEVERET_AMQP_URL="$LEVERET_AMQP_URL-gone" ./client a b c',
        "client: the broker says: NOT_ALLOWED - vhost …-gone not found",
        exit_code=1,
    )
    reader.check(nowhere)
