"""Plans that somebody was shown: what they say yes to is this, and not what came since."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from workers.deadletters import Meant

if TYPE_CHECKING:
    from workers.deadletters import Proposal

#: Plans that wait for a yes, and seconds for which they do.
MOST: Final = 50
GOOD_FOR: Final = 1800.0
#: Letters that they name together; a hundred thousand take some megabytes.
MOST_LETTERS: Final = 1_000_000


class Plan(NamedTuple):
    """What would be done, as it was shown."""

    #: Names the intention: a form that carries it means this plan.
    once: str
    who: str
    verb: str
    group: str
    #: What a replay would do; None for a discard.
    proposal: Proposal | None
    meant: Meant
    until: float


class Plans:
    """Keeps the newest."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Plan] = OrderedDict()

    def keep(self, once: str, who: str, verb: str, group: str, plan: Proposal | Meant) -> Plan:
        """Keep and return a plan that is shown now."""
        until = time.monotonic() + GOOD_FOR
        kept = (
            Plan(once, who, verb, group, None, plan, until)
            if isinstance(plan, Meant)
            else Plan(once, who, verb, group, plan, plan.meant, until)
        )
        self._kept[once] = kept
        while len(self._kept) > 1 and (len(self._kept) > MOST or self._letters() > MOST_LETTERS):
            self._kept.popitem(last=False)
        return kept

    def find(self, once: str, who: str, verb: str, group: str) -> Plan | None:
        """Return the plan that this person was shown; None for another one's, or an old one."""
        plan = self._kept.get(once)
        if plan is None or plan[1:4] != (who, verb, group) or plan.until < time.monotonic():
            return None
        return plan

    def _letters(self) -> int:
        return sum(plan.meant.count for plan in self._kept.values())

    def drop(self, plan: Plan) -> None:
        """Forget a plan that is carried out."""
        self._kept.pop(plan.once, None)
