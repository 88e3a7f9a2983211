"""A processor that holds up its whole process, as none should."""

from __future__ import annotations

import time
from typing import Final

from messages import ProtocolModel
from workers import Context, Registry

registry: Final = Registry()


class Hang(ProtocolModel):
    """For how many seconds."""

    seconds: float


@registry.task("hang", parameters=Hang)
async def hang(parameters: Hang, context: Context) -> Hang:
    """Sleep without letting anybody else have a turn."""
    time.sleep(parameters.seconds)  # noqa: ASYNC251 - the very mistake
    return parameters
