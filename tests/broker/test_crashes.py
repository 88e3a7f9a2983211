"""A message that kills its worker process is singled out; whoever stood beside it is not."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from broker.processes import running
from broker.worker import RUNGS, Asking, code, eventually

from workers import headers
from workers.link.ground import stand
from workers.settings import Settings

#: Seconds for three deaths, each followed by the supervisor's longer wait and a new start.
WITHIN = 60.0


@pytest.mark.parametrize(("processes", "exits"), [(1, None), (2, None), (1, 0), (1, 2)])
async def test_a_body_that_kills_its_worker_is_singled_out_and_no_innocent_with_it(
    amqp_url: str,
    tmp_path: Path,
    processes: int,
    exits: int | None,
) -> None:
    """Of 60 messages in the prefetch one kills: it is dead-lettered, 59 are answered, none lost.

    An exit code that looks like a leave that was asked for, or like bad settings, is a death, too.
    """
    ledger = tmp_path / "starts"
    await stand(Settings(amqp_url=amqp_url, retry_delays=RUNGS), patience=0)
    async with Asking(amqp_url) as asking:
        told = []
        for number in range(60):
            kills = number == 7
            parameters = {
                "ledger": str(ledger),
                "seconds": 0.05,
                "kills": kills,
                "exits": exits if kills else None,
            }
            publication = asking.task("word", parameters=parameters)
            told.append(await asking.publish(publication))
            if kills:
                culprit, body = told[-1], publication.body
        innocents = [one for one in told if one != culprit]
        async with running(
            amqp_url,
            "broker.killing:registry",
            # Two at the least, so that there is a supervisor who starts what died.
            *("--processes", str(processes + 1), "--prefetch", "50"),
            state_dir=tmp_path,
        ):
            await eventually(lambda: asking.letters[culprit], within=WITHIN)
            await eventually(lambda: all(asking.answers[one] for one in innocents))
            await eventually(lambda: asking.answers[culprit])
        (letter,) = asking.letters.pop(culprit)
        assert code(letter) == "crash_loop"
        assert letter.body == body
        assert b"crash_loop" in asking.answers[culprit][0].body
        assert headers.STARTS not in letter.properties.headers
        assert not any(asking.letters.values())
    starts = Counter(ledger.read_text().split())
    assert starts[culprit] == 3
