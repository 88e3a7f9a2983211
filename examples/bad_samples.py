"""The bad messages of the sample load: one function for each way in which a sender goes wrong."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import timedelta
from typing import Final

from examples.sample import Document, End, Expected, Pen, Sample, written

#: Seconds in the past: beyond every ttl and every difference of two machines' clocks.
LONG_AGO: Final = 3_600


def _refused(code: str, *, answer: str = "error") -> Expected:
    return Expected(end=End.DEAD_LETTERED, error_code=code, answer=answer)


def _echo(pen: Pen) -> Document:
    return pen.envelope(pen.task("echo", {"text": "never echoed"}))


def not_json(pen: Pen) -> Sample:
    """Write text that never was JSON."""
    good = pen.sample(_echo(pen), _refused("invalid_json"), kind="not_json")
    return replace(good, body=b"echo: text=hello, please")


def truncated(pen: Pen) -> Sample:
    """Write a good message whose end is missing."""
    good = pen.sample(_echo(pen), _refused("invalid_json"), kind="truncated")
    return replace(good, body=good.body[: len(good.body) * 2 // 3])


def two_documents(pen: Pen) -> Sample:
    """Write two good messages in one body."""
    good = pen.sample(_echo(pen), _refused("invalid_json"), kind="two_documents")
    return replace(good, body=good.body + b"\n" + good.body)


def no_envelope(pen: Pen) -> Sample:
    """Write a payload that nobody put into an envelope."""
    good = pen.sample(_echo(pen), _refused("invalid_envelope"), kind="no_envelope")
    return replace(good, body=written(pen.task("echo", {"text": "bare"})))


def unknown_message_type(pen: Pen) -> Sample:
    """Write a message type that nobody has registered."""
    payload = {"message_type": "teleport_request", "to": "the moon"}
    return pen.sample(pen.envelope(payload), _refused("unknown_message_type"))


def unknown_task_type(pen: Pen) -> Sample:
    """Write a task type that no processor takes."""
    envelope = pen.envelope(pen.task("teleport", {"to": "the moon"}))
    return pen.sample(envelope, _refused("unknown_task_type"))


def misfit_parameters(pen: Pen) -> Sample:
    """Write a known task whose parameters do not fit the model its processor names."""
    envelope = pen.envelope(pen.task("data_processing", {"dataset": 7, "clusters": "many"}))
    return pen.sample(envelope, _refused("invalid_payload"), kind="misfit_parameters")


def text_for_number(pen: Pen) -> Sample:
    """Write a priority in quotes, where a number must be a number."""
    envelope = pen.envelope(pen.task("echo", {}, priority="5"))
    return pen.sample(envelope, _refused("invalid_payload"), kind="text_for_number")


def urgent_without_budget(pen: Pen) -> Sample:
    """Write a high priority without the budget that goes with it."""
    envelope = pen.envelope(pen.task("echo", {}, priority=9, budget="10.00"))
    return pen.sample(envelope, _refused("invalid_payload"), kind="urgent_without_budget")


def unknown_field(pen: Pen) -> Sample:
    """Write a field that this version of the protocol does not have."""
    envelope = pen.envelope(pen.task("echo", {}), colour="green")
    return pen.sample(envelope, _refused("invalid_envelope"), kind="unknown_field")


def wrong_version(pen: Pen) -> Sample:
    """Write a message of the next major version."""
    envelope = _echo(pen) | {"version": "2.0.0"}
    return pen.sample(envelope, _refused("unsupported_version"), kind="wrong_version")


def forbidden_reply_to(pen: Pen) -> Sample:
    """Write a sender that wants its answer put into the worker's own queue; it gets none."""
    envelope = _echo(pen) | {"reply_to": f"{pen.sender.prefix}.work.default"}
    expected = _refused("reply_to_not_allowed", answer="")
    return pen.sample(envelope, expected, kind="forbidden_reply_to")


def two_reply_addresses(pen: Pen) -> Sample:
    """Write a message whose envelope and properties want the answer in different places."""
    good = pen.sample(
        _echo(pen), _refused("address_mismatch", answer=""), kind="two_reply_addresses"
    )
    return replace(good, properties=good.properties._replace(reply_to="agent://elsewhere/answers"))


def compressed(pen: Pen) -> Sample:
    """Write a good message in gzip, which is never unpacked."""
    good = pen.sample(_echo(pen), _refused("unsupported_encoding"), kind="compressed")
    return replace(
        good,
        body=gzip.compress(good.body, mtime=0),
        properties=good.properties._replace(content_encoding="gzip"),
    )


def too_large(pen: Pen) -> Sample:
    """Write a good message of slightly more bytes than the worker takes."""
    envelope = pen.envelope(pen.task("echo", {"text": "x" * pen.sender.max_body_bytes}))
    return pen.sample(envelope, _refused("message_too_large"), kind="too_large")


def expired(pen: Pen) -> Sample:
    """Write a message that was to be served within a second, an hour ago."""
    sent = pen.sender.now - timedelta(seconds=LONG_AGO)
    envelope = _echo(pen) | {"timestamp": sent.isoformat(), "ttl": 1}
    expected = Expected(end=End.EXPIRED, error_code="expired", answer="error")
    return pen.sample(envelope, expected, kind="expired")


def past_deadline(pen: Pen) -> Sample:
    """Write a task whose result would have been of use an hour ago."""
    deadline = pen.sender.now - timedelta(seconds=LONG_AGO)
    envelope = pen.envelope(pen.task("echo", {}, deadline=deadline.isoformat()))
    expected = Expected(end=End.EXPIRED, error_code="expired", answer="error")
    return pen.sample(envelope, expected, kind="past_deadline")


def unknown_dataset(pen: Pen) -> Sample:
    """Write a path out of the directory of data sets, which the processor rejects."""
    parameters = {"dataset": "../../etc/passwd", "algorithm": "kmeans"}
    envelope = pen.envelope(pen.task("data_processing", parameters))
    return pen.sample(envelope, _refused("rejected"), kind="unknown_dataset")


def too_wide(pen: Pen) -> Sample:
    """Write a picture wider than its processor takes."""
    payload = {
        "message_type": "resize_image",
        "url": "https://pictures.example/hare.jpg",
        "width": 9_000,
    }
    return pen.sample(pen.envelope(payload), _refused("rejected"), kind="too_wide")


def transfer_without_approval(pen: Pen) -> Sample:
    """Write a transfer larger than its sender may make."""
    payload = {
        "message_type": "transfer",
        "operation": "create",
        "owner": "anna",
        "account": "hare",
        "amount": "10000.01",
    }
    sample = pen.envelope(payload)
    return pen.sample(sample, _refused("invalid_payload"), kind="transfer_without_approval")


def unknown_account(pen: Pen) -> Sample:
    """Write a transfer to an account that the service behind the check does not know."""
    payload = {
        "message_type": "transfer",
        "operation": "create",
        "owner": "boris",
        "account": "fox",
        "amount": "1.00",
    }
    return pen.sample(pen.envelope(payload), _refused("invalid_payload"), kind="unknown_account")


def json_rpc_unknown_method(pen: Pen) -> Sample:
    """Write a JSON-RPC call of a method that nobody has."""
    expected = _refused("unknown_message_type")
    return pen.call("teleport", {"to": "the moon"}, expected, kind="json_rpc_unknown_method")


def json_rpc_misfit(pen: Pen) -> Sample:
    """Write a JSON-RPC call whose positional parameters are of the wrong type."""
    expected = _refused("invalid_payload")
    parameters = ["https://pictures.example/hare.jpg", "wide"]
    return pen.call("resize_image", parameters, expected, kind="json_rpc_misfit")
