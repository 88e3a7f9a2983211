"""A plan as plain JSON values, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from topology.explain import explain_mismatch, summary
from topology.plan import Assure, Bind, Create, Keep, Mismatch, Unbind
from topology.refusal import Untold
from topology.shape import Exchange, Kind

if TYPE_CHECKING:
    from topology.plan import Plan, Step
    from topology.shape import Binding, Value


def document(plan: Plan) -> dict[str, Any]:
    """Return the plan: every step in order, how many would change something, and a summary."""
    return {
        "nothing_to_do": plan.nothing_to_do,
        "changes": len(plan.changes),
        "mismatches": len(plan.mismatches),
        "summary": summary(plan),
        "steps": [_step(step) for step in plan.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    match step:
        case Create(thing):
            kind = Kind.EXCHANGE if isinstance(thing, Exchange) else Kind.QUEUE
            told = {"kind": kind.value, "name": thing.name, "properties": thing.properties()}
            return {"step": "create", **told}
        case Keep(kind, name, note):
            return {"step": "keep", "kind": kind.value, "name": name, "note": note}
        case Bind(binding):
            return {"step": "bind", **_binding(binding)}
        case Assure(binding):
            return {"step": "assure", **_binding(binding)}
        case Unbind(binding):
            return {"step": "unbind", **_binding(binding)}
        case Mismatch(kind, name, differences):
            return {
                "step": "mismatch",
                "kind": kind.value,
                "name": name,
                "differences": [
                    {
                        "argument": one.argument,
                        "wanted": one.wanted,
                        "found": _plain(one.found),
                    }
                    for one in differences
                ],
                "what_to_do": explain_mismatch(step).rpartition("what to do: ")[2],
            }
        case _:
            assert_never(step)


def _binding(binding: Binding) -> dict[str, str]:
    return {
        "source": binding.source,
        "destination": binding.destination,
        "routing_key": binding.key,
    }


def _plain(value: Value | Untold | None) -> Value | None:
    return value.value if isinstance(value, Untold) else value
