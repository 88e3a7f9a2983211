"""The context of a message comes from the group and from the broker, never from the message."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import pytest
from writing import document, task, written

from messages import BusinessRules, ErrorCode, Payload, SecurityLevel, reference
from workers import Context, RegistrationError, Registry, headers
from workers.outcome import DeadLettered, Delivery, Expired, Properties, Replied
from workers.policy import policy_of
from workers.security import Security
from workers.settings import Settings
from workers.settings.groups import GroupSettings
from workers.testing import USER, Rehearsal, agent


class Transfer(Payload, BusinessRules, type="transfer"):
    """Moves money to somebody known."""

    to: Annotated[str, reference("user")]
    operation: str = "create"
    amount: Decimal = Decimal(1)


def bank(security: Security) -> Rehearsal:
    """Return a worker under these rules."""
    registry = Registry()
    registry.know("user", {"ann"}.__contains__)
    from messages import DocumentPayload  # noqa: PLC0415 - for the processor's annotation

    @registry.processor(DocumentPayload)
    async def receive(payload: DocumentPayload, context: Context) -> None:
        """Do nothing."""

    @registry.processor(Transfer)
    async def move(payload: Transfer, context: Context) -> None:
        """Do nothing."""

    return Rehearsal(Registry.of([registry]), security=security)


def transfer(**others: Any) -> bytes:
    """Return a message that moves money."""
    payload = {"message_type": "transfer", "to": "ann"} | others
    return written(task() | {"message_type": "transfer", "payload": payload})


async def kinds(rehearsal: Rehearsal, body: bytes, user_id: str | None = None) -> list[str]:
    """Return the types of a message's errors; none where it is done."""
    outcome = await rehearsal.bytes(body, Properties(user_id=user_id))
    if isinstance(outcome, Replied):
        return []
    assert isinstance(outcome, DeadLettered)
    assert outcome.failure.code is ErrorCode.INVALID_PAYLOAD
    return [error.error_type for error in outcome.failure.errors]


async def test_the_level_is_the_groups() -> None:
    """Whatever the message says of itself."""
    secret = bank(Security(level=SecurityLevel.SECRET))
    assert await kinds(secret, written(document(classification="secret"))) == []
    assert await kinds(secret, written(document())) == ["classification_mismatch"]


async def test_only_cleared_users_of_the_broker_send_documents() -> None:
    """What the message says about its sender does not count."""
    rehearsal = bank(Security(cleared=frozenset({"ann"})))
    assert await kinds(rehearsal, written(document()), "ann") == []
    body = written(document() | {"source_agent": agent("ann").model_dump(mode="json")})
    assert await kinds(rehearsal, body, "eve") == ["sender_not_cleared"]
    assert await kinds(rehearsal, body) == ["sender_not_cleared"]


async def test_a_retry_keeps_its_original_senders_clearance() -> None:
    """Our own copy says who it was, one that was held back too; a stranger's says nothing."""
    rehearsal = bank(Security(cleared=frozenset({"ann"})))
    held = {headers.FIRST_SEEN: "2026-01-31T12:00:00+00:00", headers.USER_ID: "ann"}
    for copy in ({headers.ATTEMPTS: 1, headers.USER_ID: "ann"}, held):
        for user, good in ((USER, True), ("eve", False)):
            properties = Properties(user_id=user, headers=copy)
            outcome = await rehearsal.delivery(Delivery(written(document()), properties))
            assert isinstance(outcome, Replied) is good


async def test_references_are_checked_against_what_the_registry_knows() -> None:
    """Handed in for each message."""
    rehearsal = bank(Security())
    assert await kinds(rehearsal, transfer()) == []
    assert await kinds(rehearsal, transfer(to="eve")) == ["unknown_reference"]


async def test_large_amounts_need_an_approved_user() -> None:
    """Of the broker."""
    rehearsal = bank(Security(approved=frozenset({"ann"})))
    large = transfer(amount="10000.01")
    assert await kinds(rehearsal, large, "ann") == []
    assert await kinds(rehearsal, large, "bob") == ["large_transaction_approval"]
    assert await kinds(rehearsal, large) == ["large_transaction_approval"]


async def test_maintenance_is_switched_while_running() -> None:
    """And the sender is told that trying again helps."""
    on = False
    rehearsal = bank(Security(maintenance=lambda: on))
    assert await kinds(rehearsal, transfer()) == []
    on = True
    assert await kinds(rehearsal, transfer()) == ["maintenance_mode_restriction"]
    outcome = await rehearsal.bytes(transfer())
    assert isinstance(outcome, DeadLettered)
    assert outcome.failure.retryable
    on = False
    assert await kinds(rehearsal, transfer()) == []


async def test_a_deadline_that_passed_on_the_way_is_late_and_not_wrong() -> None:
    """It was in the future when it was sent."""
    outcome = await bank(Security()).bytes(written(task(deadline="2020-01-01T00:00:00Z")))
    assert isinstance(outcome, Expired)


def test_the_settings_of_a_group_become_its_rules() -> None:
    """Each by its name in the table."""
    group = GroupSettings.model_validate(
        {
            "security_level": "secret",
            "cleared_senders": ["ann"],
            "high_value_senders": ["bob"],
            "forbidden_words": ["hare"],
        }
    )
    settings = Settings(groups={"secure": group}, group="secure")
    security = policy_of(settings, agent(), user="w", maintenance=lambda: True).security
    assert security.level is SecurityLevel.SECRET
    assert (security.cleared, security.approved) == ({"ann"}, {"bob"})
    assert security.forbidden_words == ("hare",)
    assert security.maintenance()


def test_two_answers_to_one_question_are_refused_at_start() -> None:
    """Nobody could say which of them counts."""
    registry = Registry()
    registry.know("user", bool)
    with pytest.raises(RegistrationError, match="'user' is registered twice"):
        registry.know("user", callable)
