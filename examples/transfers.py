"""`transfer` → `transfer_booked`: a payload under the rules of the house, and a check elsewhere.

The fields have rules of their own, `BusinessRules` adds those about money and maintenance, the
owner must be one of the agents this worker knows, and the account is asked about before the
transfer is booked. What is allowed comes from the group's table in `leveret.toml` (`secure.toml`
beside this file is one) and from the broker's word for who sent it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import Field

from messages import BusinessRules, Payload, reference
from workers import Context, Registry

registry = Registry()

#: Stands for a service of your own.
ACCOUNTS: Final = frozenset({"hare", "hound", "meadow"})
OWNERS: Final = frozenset({"anna", "boris"})

registry.know("owner", OWNERS.__contains__)


class Transfer(Payload, BusinessRules, type="transfer"):
    """Moves money to an account; more than 10,000 needs an approved sender."""

    operation: Literal["create", "update", "delete", "read"]
    owner: Annotated[str, reference("owner"), Field(examples=["anna"])]
    account: Annotated[str, Field(min_length=1, max_length=100)]
    amount: Annotated[Decimal, Field(ge=0)]
    financial_purpose: Annotated[str, Field(max_length=1_000)] = ""


class TransferBooked(Payload, type="transfer_booked"):
    """Says what was booked, and where to."""

    account: str
    amount: Decimal


@registry.check(Transfer, "account", keep=60.0, refusal="there is no such account")
async def account_exists(account: str) -> bool:
    """Ask the service that knows the accounts; an exception here would mean: try again later."""
    return account in ACCOUNTS


@registry.processor(Transfer)
async def book(transfer: Transfer, _context: Context) -> TransferBooked:
    """Book it."""
    return TransferBooked(account=transfer.account, amount=transfer.amount)
