"""Two things that are done side by side, and what comes after them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Both:
    """Called by each of the two when it is done; the second call goes on."""

    __slots__ = ("_left", "_lost", "_then")

    def __init__(self, then: Callable[[], None]) -> None:
        self._then = then
        self._left = 2
        self._lost = False

    def __call__(self) -> None:
        """Note that one is done."""
        self._left -= 1
        if not self._left:
            self._then()

    def is_first_loss(self) -> bool:
        """Note that one will never be done; return whether it is the first to tell so."""
        first, self._lost = not self._lost, True
        return first
