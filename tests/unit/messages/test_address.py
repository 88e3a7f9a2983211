"""Addresses: an agent's mailbox, a queue, RabbitMQ's direct reply-to (section 4)."""

from __future__ import annotations

import pytest

from messages import Address, InvalidAddress


@pytest.mark.parametrize(
    ("text", "routing_key", "kind"),
    [
        ("agent://bot/answers", "agent.bot.answers", "agent"),
        ("agent://eu.bot-7/box_1", "agent.eu.bot-7.box_1", "agent"),
        ("my-queue", "my-queue", ""),
        ("a b/c:é", "a b/c:é", ""),
        ("amq.rabbitmq.reply-to.g1h2AAxyz+/=.abcd12==", None, "direct"),
    ],
)
def test_an_address_says_where_an_answer_goes(
    text: str, routing_key: str | None, kind: str
) -> None:
    """To the replies exchange, to a queue, or to whoever asked."""
    address = Address.parse(text)
    assert address.routing_key == (routing_key or text)
    assert (address.agent, address.direct) == (kind == "agent", kind == "direct")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x" * 256,
        "é" * 128,
        "a\nb",
        "a\x00b",
        "a\x7fb",
        "agent://",
        "agent://bot",
        "agent://bot/",
        "agent:///box",
        "agent://bot/a.b",
        "agent://bot/a/b",
        "agent://b ot/a",
        "agent://" + "b" * 129 + "/a",
        "agent:bot/a",
        "amq.rabbitmq.reply-to",
        "amq.rabbitmq.reply-to.forged",
        "amq.rabbitmq.reply-to.../../.x",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    """A forged direct reply-to would make the broker close the connection."""
    with pytest.raises(InvalidAddress):
        Address.parse(text)


def test_two_agents_never_share_a_mailbox() -> None:
    """A mailbox has no dot, so a routing key can be read in one way only."""
    assert Address.parse("agent://a.b/c").routing_key == "agent.a.b.c"
    with pytest.raises(InvalidAddress):
        Address.parse("agent://a/b.c")
