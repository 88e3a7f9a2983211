"""A plan in words: a line a step, and for a mismatch what we want, what is there, what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from topology.plan import Assure, Bind, Create, Difference, Keep, Mismatch, Unbind
from topology.refusal import Untold
from topology.shape import Exchange, Kind, Queue

if TYPE_CHECKING:
    from collections.abc import Sequence

    from topology.plan import Plan, Step
    from topology.shape import Binding, Value


def explain(plan: Plan) -> str:
    """Return the whole plan: a line a step, more for a mismatch, a summary as the last line."""
    return "\n".join([*(explain_step(step) for step in plan.steps), summary(plan)])


def summary(plan: Plan) -> str:
    """Return one line: whether anything would change, and whether it can."""
    if plan.mismatches:
        return (
            f"{_counted(len(plan.mismatches), 'mismatch')} to decide first; nothing will be changed"
        )
    if plan.nothing_to_do:
        return "nothing to do: the broker has all of it"
    return f"{_counted(len(plan.changes), 'change')} to make"


def explain_step(step: Step) -> str:
    """Return what a step does, for people."""
    match step:
        case Create(thing):
            told = f"create   {_declared(thing)}"
        case Keep(kind, name, note):
            told = f"keep     {kind} {name}" + (f" ({note})" if note else "")
        case Bind(binding):
            told = f"bind     {_arrow(binding)}"
        case Assure(binding):
            told = f"assure   {_arrow(binding)}"
        case Unbind(binding):
            told = f"unbind   {_arrow(binding)}"
        case Mismatch():
            told = explain_mismatch(step)
        case _:
            assert_never(step)
    return told


def explain_mismatch(mismatch: Mismatch) -> str:
    """Return the mismatch argument by argument and how it can be resolved."""
    lines = [f"mismatch {mismatch.kind} {mismatch.name}"]
    lines += [f"         {_difference(difference)}" for difference in mismatch.differences]
    lines.append(f"         what to do: {_fix(mismatch)}")
    return "\n".join(lines)


def one_line(mismatches: Sequence[Mismatch]) -> str:
    """Return all mismatches on one line, for an error."""
    told = "; ".join(
        f"{mismatch.kind} {mismatch.name}: "
        + ", ".join(_difference(difference) for difference in mismatch.differences)
        + f" — {_fix(mismatch)}"
        for mismatch in mismatches
    )
    return (
        f"the broker has other queues or exchanges under our names, so nothing was changed: {told}"
    )


def _difference(difference: Difference) -> str:
    wanted, found = _written(difference.wanted), _written(difference.found)
    return f"{difference.argument}: we want {wanted}, the broker has {found}"


def _fix(mismatch: Mismatch) -> str:
    if mismatch.kind is Kind.EXCHANGE:
        return (
            f"delete the exchange (rabbitmqadmin delete exchange name={mismatch.name}) and apply "
            "again, which binds its queues again; publishers are refused in between"
        )
    if any(difference.argument == "exclusive" for difference in mismatch.differences):
        return "it belongs to one open connection: close that client or take another prefix"
    # A quorum queue knows no --if-empty: the broker deletes it with all it holds.
    advice = (
        "stop its publishers and workers and see that it is empty (rabbitmqctl -p VHOST "
        f"list_queues name messages), then rabbitmqctl -p VHOST delete_queue {mismatch.name}, "
        "which also deletes what is in it, and apply again"
    )
    if _only_sizes(mismatch.differences):
        advice += "; or set our limit to what the broker has"
    return f"{advice}; a policy cannot change how a queue was declared"


def _only_sizes(differences: Sequence[Difference]) -> bool:
    """Whether all that differs is what our settings decide."""
    ours = {"x-max-length-bytes", "x-max-age"}
    return all(
        difference.argument in ours and difference.found is not None for difference in differences
    )


def _declared(thing: Exchange | Queue) -> str:
    match thing:
        case Exchange(name, type_):
            return f"exchange {name} ({type_}, durable)"
        case Queue(name, arguments):
            told = ", ".join(f"{argument}={_written(value)}" for argument, value in arguments)
            return f"queue {name} ({told})"
        case _:
            assert_never(thing)


def _arrow(binding: Binding) -> str:
    return f"{binding.source} -> {binding.destination} by {_written(binding.key)}"


def _written(value: Value | Untold | None) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case Untold():
            return value.value
        case "":
            return "'' (empty)"
        case _:
            return str(value)


def _counted(number: int, what: str) -> str:
    plural = what if number == 1 else f"{what}es" if what.endswith("ch") else f"{what}s"
    return f"{number} {plural}"
