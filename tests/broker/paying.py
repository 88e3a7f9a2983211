"""A processor whose rows commit together with the inbox's mark, for a worker of its own."""

from __future__ import annotations

from messages import ProtocolModel
from workers import Context, Registry

registry = Registry()


class Payment(ProtocolModel):
    """What is paid."""

    number: int


@registry.task("pay", parameters=Payment, transaction=True)
async def pay(payment: Payment, context: Context) -> Payment:
    """Write one row."""
    await context.transaction.execute("INSERT INTO payments VALUES (%s)", (payment.number,))
    return payment
