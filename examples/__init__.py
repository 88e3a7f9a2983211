"""A user's own package: payloads, processors, and clients that ask for work.

Everything here is made the way your package would be: it imports `messages` and `workers`, and
nothing in the project imports it. `leveret run` finds `registry` through the entry point
`leveret.processors`; for a package that is not installed, `leveret run package:registry` does.

One theme a file. `echo` and `pictures` are the shortest ones to begin with.
"""

from examples import (
    batches,
    clustering,
    documents,
    echo,
    flaky,
    observed,
    pictures,
    primes,
    texts,
    transfers,
    waiting,
)
from workers import Registry

__all__ = ["registry"]

#: Every processor of this package.
registry = Registry.of(
    theme.registry
    for theme in (
        echo,
        flaky,
        clustering,
        texts,
        primes,
        waiting,
        pictures,
        documents,
        transfers,
        batches,
        observed,
    )
)
