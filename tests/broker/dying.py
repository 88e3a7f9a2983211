"""Acts on dead letters and dies by kill -9 at the step it is told: `dying.py URL VERB STEP N`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Any

from broker.letters import bench

from workers.deadletters import Pace, Selection
from workers.deadletters.closing import Closing
from workers.deadletters.running import Running


def die_before(owner: type, name: str, number: int) -> None:
    """Have the process die when a step is about to be taken for the n-th time."""
    step = getattr(owner, name)
    taken = 0

    def mortal(*args: Any, **kwargs: Any) -> Any:
        nonlocal taken
        taken += 1
        if taken == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(*args, **kwargs)

    setattr(owner, name, mortal)


#: Step → what is about to be done when the process dies.
STEPS = {
    "before the first note": (Running, "_write"),
    "before it is sent": (Closing, "replay"),
    "sent, unconfirmed": (Closing, "_told"),
    "confirmed, before the note": (Closing, "flush"),
    "noted, before it is removed": (Closing, "_noted"),
    "before the last note": (Running, "_over"),
    "discard, before the note": (Closing, "flush"),
    "discard, noted": (Closing, "_noted"),
}


async def act(url: str, verb: str) -> None:
    """Replay or discard everything."""
    workbench = bench(url)
    if verb == "replay":
        proposal = await workbench.preview(Selection())
        await workbench.replay(proposal, Pace(rate=0, canary=False, wait=0)).result()
    else:
        meant = await workbench.meant(Selection())
        await workbench.discard(meant, why="old").result()


if __name__ == "__main__":
    _, url_, verb_, step_, number_ = sys.argv
    die_before(*STEPS[step_], int(number_))
    asyncio.run(act(url_, verb_))
