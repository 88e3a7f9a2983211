"""Validation that needs more than the message (section 3)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import ValidationError
from writing import accepted, document, refused, wrong

from messages import (
    BusinessRules,
    ConditionalModel,
    ConditionalText,
    ErrorCode,
    Payload,
    SecurityLevel,
    ValidationContext,
    reference,
)

SECRET = ValidationContext(SecurityLevel.SECRET)
TEXT = "Every hare in this field is known by name."


def kinds(caught: pytest.ExceptionInfo[ValidationError]) -> list[tuple[str, str]]:
    """Return where and what was wrong with a model."""
    return [(".".join(map(str, row["loc"])), row["type"]) for row in caught.value.errors()]


# -- documents --


@pytest.mark.parametrize("level", list(SecurityLevel))
def test_a_document_of_the_places_level_is_taken(level: SecurityLevel) -> None:
    """Each level in its own place."""
    message = accepted(document(classification=level.value), ValidationContext(level))
    assert message.payload.document.classification is level


@pytest.mark.parametrize("level", [one for one in SecurityLevel if one != "secret"])
def test_a_document_of_another_level_is_refused(level: SecurityLevel) -> None:
    """Below and above alike."""
    invalid = refused(document(classification=level.value), SECRET)
    assert invalid.code is ErrorCode.INVALID_PAYLOAD
    assert [(one.field_path, one.error_type) for one in invalid.errors] == [
        ("payload.document", "classification_mismatch")
    ]


def test_a_document_without_a_context_is_refused() -> None:
    """What cannot be checked does not pass as checked."""
    assert wrong(document()) == [("payload.document", "security_context_missing")]


def test_a_sender_without_clearance_is_refused() -> None:
    """Whatever the document is classified as."""
    assert wrong(document(), ValidationContext(None)) == [
        ("payload.document", "sender_not_cleared")
    ]


@pytest.mark.parametrize(
    ("level", "content", "kind"),
    [
        ("secret", "A" * 31, "content_too_short_for_level"),
        ("secret", "a" * 32, "secret_needs_upper_case"),
        ("confidential", "a" * 15, "content_too_short_for_level"),
    ],
)
def test_content_must_be_fit_for_its_level(level: str, content: str, kind: str) -> None:
    """Each rule has an error of its own."""
    message = document(classification=level, content=content)
    assert wrong(message, ValidationContext(SecurityLevel(level))) == [("payload.document", kind)]


@pytest.mark.parametrize(
    ("level", "content"),
    [("secret", "É" + "a" * 31), ("confidential", "a" * 16), ("internal", ""), ("public", "")],
)
def test_content_at_the_bound_is_taken(level: str, content: str) -> None:
    """The shortest of each level."""
    message = document(classification=level, content=content)
    assert accepted(message, ValidationContext(SecurityLevel(level)))


def test_a_message_cannot_bring_its_own_context() -> None:
    """A level in the message is an unknown field."""
    message = document(classification="secret") | {"security_level": "secret"}
    assert ("security_level", "extra_forbidden") in wrong(message, SECRET)


# -- conditions between fields --


class Form(ConditionalModel):
    """Follows its mode."""

    needed_when_strict = ("note",)

    name: ConditionalText
    note: ConditionalText | None = None


def test_strict_takes_letters_and_digits_only() -> None:
    """In every text."""
    assert Form.model_validate({"mode": "strict", "name": "Abc1", "note": "x"}).name == "Abc1"
    with pytest.raises(ValidationError) as caught:
        Form.model_validate({"mode": "strict", "name": "a b", "note": "c-d"})
    assert kinds(caught) == [("name", "not_alphanumeric"), ("note", "not_alphanumeric")]


@pytest.mark.parametrize("others", [{}, {"note": None}])
def test_strict_requires_its_optional_field_also_when_it_is_absent(others: Any) -> None:
    """Absent and null alike, and its place is told."""
    with pytest.raises(ValidationError) as caught:
        Form.model_validate({"mode": "strict", "name": "a", **others})
    assert kinds(caught) == [("note", "required_in_strict_mode")]


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (1.5, "1.5"), (True, "true"), ([1, "a"], '[1,"a"]'), ({"a": 1}, '{"a":1}')],
)
def test_relaxed_makes_anything_a_string(value: object, text: str) -> None:
    """As it is written in JSON."""
    assert Form.model_validate({"mode": "relaxed", "name": value}).name == text


def test_normal_takes_strings() -> None:
    """It is the mode where none is named."""
    assert Form(name="a b").mode == "normal"
    with pytest.raises(ValidationError, match="string_type"):
        Form(name=7)


def test_a_wrong_mode_is_told_alone() -> None:
    """The other fields' rules cannot be known."""
    with pytest.raises(ValidationError) as caught:
        Form.model_validate({"mode": "lax", "name": "a b"})
    assert kinds(caught) == [("mode", "enum")]


# -- references --


class Owned(Payload, type="owned"):
    """Names somebody."""

    owner: Annotated[str, reference("user")]


def test_a_reference_is_checked_against_the_registry_of_the_context() -> None:
    """Known, unknown, and no registry at all."""
    context = ValidationContext(known={"user": {"ann", "bob"}.__contains__})
    assert Owned.model_validate({"owner": "ann"}, context=context).owner == "ann"
    with pytest.raises(ValidationError) as caught:
        Owned.model_validate({"owner": "eve"}, context=context)
    assert kinds(caught) == [("owner", "unknown_reference")]
    for nothing in (None, ValidationContext(), ValidationContext(known={"agent": bool})):
        with pytest.raises(ValidationError) as caught:
            Owned.model_validate({"owner": "ann"}, context=nothing)
        assert kinds(caught) == [("owner", "reference_unchecked")]


# -- business rules --


class Transfer(Payload, BusinessRules, type="transfer"):
    """Moves money."""

    operation: str = "read"
    amount: Decimal = Decimal(0)
    financial_note: str = ""
    note: str = ""


@pytest.mark.parametrize("operation", ["create", "Update", "DELETE"])
def test_maintenance_refuses_changes_until_it_is_over(operation: str) -> None:
    """Reading goes on."""
    maintained = ValidationContext(maintenance=True)
    with pytest.raises(ValidationError) as caught:
        Transfer.model_validate({"operation": operation}, context=maintained)
    assert kinds(caught) == [("operation", "maintenance_mode_restriction")]
    assert Transfer.model_validate({"operation": operation}, context=ValidationContext())
    assert Transfer.model_validate({"operation": "read"}, context=maintained)


@pytest.mark.parametrize("amount", ["10000.01", "-10000.01", "1e9"])
def test_a_large_amount_needs_an_approval(amount: str) -> None:
    """From the context, whatever the direction."""
    with pytest.raises(ValidationError) as caught:
        Transfer(amount=Decimal(amount))
    assert kinds(caught) == [("amount", "large_transaction_approval")]
    approved = ValidationContext(high_value_approved=True)
    assert Transfer.model_validate({"amount": amount}, context=approved)
    assert Transfer(amount=Decimal(10_000))


def test_forbidden_words_are_found_in_financial_fields_only() -> None:
    """In any case, and inside other words."""
    with pytest.raises(ValidationError) as caught:
        Transfer(financial_note="some LAUNDERING", note="no laundering")
    assert kinds(caught) == [("financial_note", "compliance_violation")]
    assert Transfer(note="laundering").note
    own = ValidationContext(forbidden_words=("hare",))
    with pytest.raises(ValidationError):
        Transfer.model_validate({"financial_note": "Hares"}, context=own)


def test_every_broken_rule_is_told() -> None:
    """At once."""
    with pytest.raises(ValidationError) as caught:
        Transfer.model_validate(
            {"operation": "create", "amount": 10**6, "financial_note": "a bribe"},
            context=ValidationContext(maintenance=True),
        )
    assert len(kinds(caught)) == 3


def test_the_context_is_for_models_and_content_that_fit() -> None:
    """A document's own errors come first."""
    assert wrong(document(title="", content=TEXT), SECRET) == [
        ("payload.document.title", "string_too_short")
    ]
