"""What failures of one processor mean, where its author knows better than the worker's settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from topology import NameRefused, parse_delays
from workers.executor.ends import Afar
from workers.executor.named import name_of
from workers.registration import RegistrationError

if TYPE_CHECKING:
    from topology import Delay


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Which exceptions never get a retry, which get one at once, and how long the others wait.

        calm = RetryPolicy(never=(Declined,), at_once=(ConnectionResetError,), delays="5s,1m")

        @registry.task("pay", parameters=Pay, retry=calm)

    Subclasses count as well. `retries=` of the processor says how often, by default once for each
    of `delays`, or for each rung of the worker's ladder where none are given.
    """

    #: Dead-lettered on the first attempt: the same message cannot pass later.
    never: tuple[type[Exception], ...] = ()
    #: The first failure is tried again without a wait, because another connection or replica may
    #: do; from the second on they wait like any other, so that nothing turns hot.
    at_once: tuple[type[Exception], ...] = ()
    #: Waits before the second, third … attempt, as `1s,10s`; the last one repeats. Each is served
    #: by the first rung of the worker's ladder that is at least as long.
    delays: str = ""

    def __post_init__(self) -> None:
        """Refuse what could never work, where the author sees it."""
        for name in ("never", "at_once"):
            kinds = getattr(self, name)
            if not isinstance(kinds, tuple) or not all(
                isinstance(kind, type) and issubclass(kind, Exception) for kind in kinds
            ):
                raise RegistrationError(
                    f"{name} of a RetryPolicy is a tuple of exception classes, "
                    f"such as {name}=(ValueError,)",
                )
        both = set(self.never) & set(self.at_once)
        if both:
            names = ", ".join(sorted(kind.__name__ for kind in both))
            raise RegistrationError(f"{names} cannot be retried never and at once; choose one")
        try:
            _ = self.waits
        except NameRefused as error:
            raise RegistrationError(f"delays of a RetryPolicy: {error}") from error

    @property
    def waits(self) -> tuple[Delay, ...]:
        """The waits asked for; empty where the worker's ladder is taken as it is."""
        return parse_delays(self.delays) if self.delays else ()

    def after(self, attempt: int) -> float | None:
        """Return the seconds to wait after a failed attempt (1 for the first), or None."""
        waits = self.waits
        return waits[min(attempt, len(waits)) - 1].seconds if waits else None

    def ends(self, error: BaseException | None) -> bool:
        """Return whether an exception never gets a retry."""
        return _is(error, self.never)

    def repeats(self, error: BaseException | None) -> bool:
        """Return whether the first failure of this kind is tried again at once."""
        return _is(error, self.at_once)


def _is(error: BaseException | None, kinds: tuple[type[Exception], ...]) -> bool:
    """Return whether an exception is of one of these classes, wherever it was raised."""
    if isinstance(error, Afar):
        return any(name_of(kind) in error.lineage for kind in kinds)
    return isinstance(error, kinds)


#: The worker's settings decide.
AS_SET = RetryPolicy()
