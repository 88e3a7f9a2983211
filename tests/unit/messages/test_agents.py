"""AgentMetadata: who sends and who works."""

from __future__ import annotations

import pytest
from writing import accepted, agent, task, without, wrong

NEEDED = {
    "coordinator": ["coordination", "task_distribution"],
    "worker": ["task_execution"],
    "observer": ["monitoring", "logging"],
    "gateway": ["request_routing", "load_balancing"],
}


@pytest.mark.parametrize(("role", "capabilities"), NEEDED.items())
def test_each_role_with_its_capabilities_is_taken(role: str, capabilities: list[str]) -> None:
    """And with more than those."""
    message = task() | {"source_agent": agent(role=role, capabilities=[*capabilities, "juggling"])}
    assert accepted(message).source_agent.role == role


@pytest.mark.parametrize(("role", "capabilities"), NEEDED.items())
def test_a_role_without_one_of_its_capabilities_is_refused(
    role: str, capabilities: list[str]
) -> None:
    """The error names what is missing."""
    message = task() | {"source_agent": agent(role=role, capabilities=capabilities[1:])}
    assert wrong(message) == [("source_agent", "missing_capabilities")]


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("agent_id", 7, "string_type"),
        ("agent_id", "", "string_too_short"),
        ("agent_id", "x" * 129, "string_too_long"),
        ("role", "boss", "enum"),
        ("role", None, "enum"),
        ("capabilities", "task_execution", "tuple_type"),
        ("load_factor", "0.5", "float_type"),
        ("load_factor", True, "float_type"),
        ("load_factor", -0.01, "greater_than_equal"),
        ("load_factor", 1.01, "less_than_equal"),
        ("max_concurrent_tasks", "10", "int_type"),
        ("max_concurrent_tasks", 10.5, "int_type"),
        ("max_concurrent_tasks", True, "int_type"),
        ("max_concurrent_tasks", 0, "greater_than_equal"),
        ("max_concurrent_tasks", 1001, "less_than_equal"),
    ],
)
def test_a_wrong_field_is_refused_by_its_own_error(field: str, value: object, kind: str) -> None:
    """Strings, numbers and bounds alike."""
    message = task() | {"source_agent": agent(**{field: value})}
    assert wrong(message) == [(f"source_agent.{field}", kind)]


def test_a_capability_that_is_no_string_is_refused_in_its_place() -> None:
    """The index is told."""
    message = task() | {"source_agent": agent(capabilities=["task_execution", 7])}
    assert wrong(message) == [("source_agent.capabilities.1", "string_type")]


@pytest.mark.parametrize("field", ["agent_id", "role", "capabilities", "load_factor"])
def test_what_an_agent_must_say_is_required(field: str) -> None:
    """There is no default for who it is."""
    message = task() | {"source_agent": without(agent(), field)}
    assert wrong(message) == [(f"source_agent.{field}", "missing")]


def test_an_agent_may_say_more_and_it_is_kept() -> None:
    """Fields of its own come through."""
    source = accepted(task() | {"source_agent": agent(region="eu", load_factor=1)}).source_agent
    assert source.model_dump()["region"] == "eu"
    assert source.max_concurrent_tasks == 10
    assert source.load_factor == 1.0
