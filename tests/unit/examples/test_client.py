"""What the example clients send and understand, without a broker."""

from __future__ import annotations

import argparse
import json

import pytest

from examples import registry
from examples.client import options_from, parameter
from examples.plain_client import question
from workers.outcome import Properties, Replied
from workers.testing import Rehearsal, read


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("text=hi", ("text", "hi")),
        ("n=3", ("n", 3)),
        ("flag=true", ("flag", True)),
        ("list=[1, 2]", ("list", [1, 2])),
        ("formula=a=b", ("formula", "a=b")),
        ("empty=", ("empty", "")),
        ('number_as_text="3"', ("number_as_text", "3")),
    ],
)
def test_a_parameter_is_json_where_it_can_be(text: str, pair: tuple[str, object]) -> None:
    """What reads as JSON is taken as such, anything else as text."""
    assert parameter(text) == pair


@pytest.mark.parametrize("text", ["text", "=hi", ""])
def test_a_parameter_needs_a_name_and_a_value(text: str) -> None:
    """Whoever forgets the name or the equals sign is told."""
    with pytest.raises(argparse.ArgumentTypeError, match="name=value"):
        parameter(text)


def test_the_command_line_names_task_and_parameters() -> None:
    """Parameters add up, and the broker comes from the environment unless it is given."""
    options = options_from(
        ["--task", "echo", "--param", "a=1", "--param", "b=x", "--amqp-url", "amqp://there/"]
    )
    assert dict(options.param) == {"a": 1, "b": "x"}
    assert (options.task, options.amqp_url) == ("echo", "amqp://there/")


async def test_a_program_that_knows_nothing_of_us_is_answered() -> None:
    """JSON written by hand is a whole message, answered at its AMQP reply address."""
    message = question("echo", {"text": "hi"})
    outcome = await Rehearsal(registry).bytes(
        json.dumps(message).encode(), Properties(reply_to="agent://plain-client/answers")
    )
    assert isinstance(outcome, Replied)
    answer = read(outcome.answer)
    assert answer["correlation_id"] == message["envelope_id"]
    assert answer["payload"]["response"]["result_data"] == {"text": "hi"}
