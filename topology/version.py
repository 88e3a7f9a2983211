"""Which RabbitMQ it is, since a few queue arguments mean the opposite on another major version."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from topology.errors import NameRefused

_WRITTEN: Final = re.compile(r"(\d{1,5})\.(\d{1,5})(?:\.(\d{1,5}))?", re.ASCII)


class BrokerVersion(NamedTuple):
    """A RabbitMQ version that compares as a tuple: `version >= (4,)`."""

    major: int
    minor: int = 0
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> BrokerVersion:
        """Return the version that a broker tells, like `3.10.8` or `4.1.0-rc.2`.

        Raises `NameRefused` when it does not begin with `MAJOR.MINOR`.
        """
        told = _WRITTEN.match(text)
        if told is None:
            raise NameRefused(
                f"{text[:40]!r} is no RabbitMQ version: write it as the broker does, such as 4.0.5"
            )
        return cls(int(told[1]), int(told[2]), int(told[3] or 0))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"
