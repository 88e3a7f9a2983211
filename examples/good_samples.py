"""The good messages of the sample load: one function for each shipped type and example task."""

from __future__ import annotations

from typing import Final

from examples.flaky import drawn
from examples.sample import Document, Expected, Pen, Sample

_COMPLETED: Final = Expected(answer="task_response")
_COMPLETED_LATER: Final = Expected(answer="task_response", retries=1)
_NOTED: Final = Expected(answer="task_response")

_SENTENCES: Final = (
    "Slow is smooth, and smooth is fast.",
    "A hare in a hurry still looks before it leaps.",
    "Every message comes to exactly one visible end.",
    "The field is wide; the path across it is straight.",
)


def _asked(pen: Pen, task_type: str, parameters: Document, *, expected: Expected) -> Sample:
    return pen.sample(pen.envelope(pen.task(task_type, parameters)), expected)


def echo(pen: Pen) -> Sample:
    """Write a task that is answered with its own parameters."""
    parameters: Document = {
        "text": pen.chance.choice(_SENTENCES),
        "numbers": [1, 2.5, None],
        "nested": {"a": []},
    }
    return _asked(pen, "echo", parameters, expected=_COMPLETED)


def json_rpc(pen: Pen) -> Sample:
    """Write the same question in JSON-RPC 2.0."""
    parameters = {"text": pen.chance.choice(_SENTENCES)}
    return pen.call("task_request.echo", parameters, _COMPLETED, kind="json_rpc")


def urgent(pen: Pen) -> Sample:
    """Write a task of high priority, with the budget it needs: it goes to the urgent queue."""
    task = pen.task("echo", {"hurry": True}, priority=pen.chance.randint(8, 10), budget="1500.00")
    return pen.sample(pen.envelope(task), _COMPLETED, kind="urgent")


def flaky(pen: Pen) -> Sample:
    """Write a task whose first attempt fails."""
    parameters = {"failures": 1, "note": "second time lucky"}
    return _asked(pen, "flaky", parameters, expected=_COMPLETED_LATER)


def unreliable(pen: Pen) -> Sample:
    """Write a task that fails by chance; the seed is one with which it fails at most once."""
    probability = 0.5
    while True:
        seed = pen.chance.randrange(1_000_000)
        if drawn(seed, 1) >= probability:
            expected = _COMPLETED
        elif drawn(seed, 2) >= probability:
            expected = _COMPLETED_LATER
        else:
            continue
        parameters = {"probability": probability, "seed": seed}
        return _asked(pen, "unreliable", parameters, expected=expected)


def data_processing(pen: Pen) -> Sample:
    """Write a table of customers, in which groups are found."""
    parameters = {"dataset": "customers.csv", "algorithm": "kmeans", "clusters": 4, "starts": 2}
    return _asked(pen, "data_processing", parameters, expected=_COMPLETED)


def word_statistics(pen: Pen) -> Sample:
    """Write a text of a few sentences, to be counted."""
    text = " ".join(pen.chance.choices(_SENTENCES, k=12))
    return _asked(pen, "word_statistics", {"text": text}, expected=_COMPLETED)


def hash_file(pen: Pen) -> Sample:
    """Write a file that ships with the examples."""
    name = pen.chance.choice(("customers.csv", "hares.txt", "points.csv"))
    return _asked(pen, "hash_file", {"name": name}, expected=_COMPLETED)


def count_primes(pen: Pen) -> Sample:
    """Write work for a process of its own, of a tenth of a second or less."""
    parameters = {"below": pen.chance.randrange(1_000, 500_000)}
    return _asked(pen, "count_primes", parameters, expected=_COMPLETED)


def fetch_local(pen: Pen) -> Sample:
    """Write a task that waits for a slow peer."""
    parameters = {"size": pen.chance.randrange(1, 20_000), "pieces": 3, "seconds": 0.1}
    return _asked(pen, "fetch_local", parameters, expected=_COMPLETED)


def resize_image(pen: Pen) -> Sample:
    """Write a message type of the examples' own, answered with another."""
    width = pen.chance.choice((320, 640, 1_280))
    payload = {
        "message_type": "resize_image",
        "url": "https://pictures.example/hare.jpg",
        "width": width,
    }
    return pen.sample(pen.envelope(payload), Expected(answer="image_resized"))


def heartbeat(pen: Pen) -> Sample:
    """Write that an agent is alive; it wants a receipt, as everything in books does."""
    metrics = {"queue_depth": pen.chance.randrange(50), "rss_mb": 81.5}
    payload = {"message_type": "heartbeat", "agent_status": pen.agent(), "metrics": metrics}
    return pen.sample(pen.envelope(payload), _NOTED)


def error(pen: Pen) -> Sample:
    """Write an agent tells of a failure."""
    payload = {
        "message_type": "error",
        "error_code": "processing_failed",
        "error_message": "the printer is on fire",
        "error_details": {"attempts": 3},
        "original_message_id": pen.new_id(),
    }
    return pen.sample(pen.envelope(payload), _NOTED)


def task_response(pen: Pen) -> Sample:
    """Write the result of somebody's task, as a program writes it that read one of ours."""
    result = {
        "task_id": pen.new_id(),
        "status": "completed",
        "completion_time": pen.sender.now.isoformat(),
        "processing_cost": "0.25",
        "result_data": {"pages": 12},
        "error_details": None,
        "_meta": {"serialized_at": pen.sender.now.isoformat(), "serializer_version": "1.0.0"},
    }
    payload = {
        "message_type": "task_response",
        "response": result,
        "execution_metadata": {"try": 1},
    }
    envelope = pen.envelope(payload, correlation_id=None)
    return pen.sample(envelope, _NOTED)


def document(pen: Pen) -> Sample:
    """Write a public text, answered with a receipt."""
    content = {
        "document_id": pen.new_id(),
        "title": "On hares",
        "content": " ".join(pen.chance.choices(_SENTENCES, k=6)),
        "classification": "public",
    }
    payload = {"message_type": "document", "document": content}
    return pen.sample(pen.envelope(payload), Expected(answer="document_receipt"))


def transfer(pen: Pen) -> Sample:
    """Write a transfer of an amount that needs no approval."""
    payload = {
        "message_type": "transfer",
        "operation": "create",
        "owner": "anna",
        "account": pen.chance.choice(("hare", "hound", "meadow")),
        "amount": f"{pen.chance.randrange(1, 1_000_000) / 100:.2f}",
        "financial_purpose": "carrots",
    }
    return pen.sample(pen.envelope(payload), Expected(answer="transfer_booked"))


def batch(pen: Pen) -> Sample:
    """Write several small messages in one, answered with a summary."""
    count = pen.chance.randint(2, 30)
    messages = [
        {
            "msg_id": number,
            "msg_type": pen.chance.choice(("req", "resp", "notif")),
            "payload": {"number": number},
            "headers": [["trace", f"t-{number}"]],
        }
        for number in range(count)
    ]
    payload = {
        "message_type": "batch",
        "batch_id": pen.chance.randrange(1_000_000),
        "count": count,
        "messages": messages,
    }
    return pen.sample(pen.envelope(payload), Expected(answer="batch_summary"))
