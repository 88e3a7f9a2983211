"""The sample load: good messages of every type, bad ones of every kind, and what becomes of each.

`leveret dev` publishes it and keeps the books: at the end every sample has come to the end that is
written here, or something is wrong. It is data only; nothing here knows a broker.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from examples import bad_samples as bad
from examples import good_samples as good
from examples.sample import End, Expected, Pen, Sample, Sender

__all__ = ["End", "Expected", "Sample", "Sender", "sample_load"]

#: Enough for each kind several times; done within seconds on a small machine.
USUAL_COUNT: Final = 240


class _Kind(NamedTuple):
    write: Callable[[Pen], Sample]
    #: How often it comes, compared with the others, after each has come once; 0 is never again.
    weight: int


_KINDS: Final = (
    _Kind(good.echo, 30),
    _Kind(good.json_rpc, 8),
    _Kind(good.urgent, 10),
    _Kind(good.word_statistics, 12),
    _Kind(good.hash_file, 8),
    _Kind(good.resize_image, 8),
    _Kind(good.flaky, 8),
    _Kind(good.unreliable, 5),
    _Kind(good.fetch_local, 6),
    _Kind(good.data_processing, 2),
    _Kind(good.count_primes, 2),
    _Kind(good.heartbeat, 8),
    _Kind(good.task_response, 5),
    _Kind(good.error, 3),
    _Kind(good.document, 5),
    _Kind(good.transfer, 4),
    _Kind(good.batch, 4),
    _Kind(bad.not_json, 1),
    _Kind(bad.truncated, 1),
    _Kind(bad.two_documents, 1),
    _Kind(bad.no_envelope, 1),
    _Kind(bad.unknown_message_type, 1),
    _Kind(bad.unknown_task_type, 1),
    _Kind(bad.misfit_parameters, 1),
    _Kind(bad.text_for_number, 1),
    _Kind(bad.urgent_without_budget, 1),
    _Kind(bad.unknown_field, 1),
    _Kind(bad.wrong_version, 1),
    _Kind(bad.forbidden_reply_to, 1),
    _Kind(bad.two_reply_addresses, 1),
    _Kind(bad.compressed, 1),
    _Kind(bad.too_large, 0),
    _Kind(bad.expired, 1),
    _Kind(bad.past_deadline, 1),
    _Kind(bad.unknown_dataset, 1),
    _Kind(bad.too_wide, 1),
    _Kind(bad.json_rpc_unknown_method, 1),
    _Kind(bad.json_rpc_misfit, 1),
    _Kind(bad.transfer_without_approval, 1),
    _Kind(bad.unknown_account, 1),
)


def sample_load(
    count: int = USUAL_COUNT, seed: int = 0, *, sender: Sender | None = None
) -> Iterator[Sample]:
    """Yield `count` samples in a mixed order: each kind once, then at random by weight.

    The same arguments give the same samples, ids included. `sender` says where the answers are
    wanted and when the samples are sent; without it they go to `agent://sampler/answers`, now.
    """
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    pen = Pen(sender or Sender(), chance)
    kinds = list(_KINDS[:count])
    weights = [kind.weight for kind in _KINDS]
    kinds += chance.choices(_KINDS, weights, k=max(0, count - len(kinds)))
    chance.shuffle(kinds)
    for kind in kinds:
        yield kind.write(pen)
