"""What goes along on a retry copy or a dead letter, and what never does."""

from datetime import UTC, datetime

import orjson

from messages import ErrorCode, FieldError
from topology import Delay, Names
from workers import headers as h
from workers.link.tables import pack_table
from workers.outcome import (
    Attempt,
    DeadLettered,
    Delivery,
    Failure,
    Properties,
    Retried,
    Subject,
)
from workers.recovery import failure_of
from workers.settling.copies import (
    MOST_ERROR,
    Origin,
    bare,
    dead_letter,
    fingerprint,
    journal_copy,
    retry_copy,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORIGIN = Origin(Names(), "default", "worker-1", "worker")
FAILURE = Failure(ErrorCode.INVALID_PAYLOAD, "no", (FieldError("a.b", "/a/b", "missing", "x"),), 1)


def delivery(**properties: object) -> Delivery:
    """Return a delivery with these properties."""
    return Delivery(
        b"\x00 as it came",
        Properties(**properties),
        "leveret.requests",
        "task_request.echo",  # type: ignore[arg-type] # each test gives what fits
        "leveret.work.default",
    )


def dead(outcome: DeadLettered, of: Delivery) -> dict[str, object]:
    """Return the headers of the dead letter."""
    return dict(dead_letter(of, outcome, ORIGIN, NOW).headers)


def test_a_dead_letter_says_what_why_where_and_when() -> None:
    """Everything the workbench shows stands in the headers of the one letter."""
    outcome = DeadLettered(Subject("task_request", "echo"), FAILURE, "letter-1", 2)
    letter = dead_letter(delivery(message_id="m-1", user_id="alice"), outcome, ORIGIN, NOW)
    assert letter.body == b"\x00 as it came"
    assert (letter.exchange, letter.routing_key) == ("", "leveret.dead.default")
    copy = journal_copy(letter, ORIGIN)
    assert (copy.exchange, copy.routing_key) == ("leveret.dead", "journal:default")
    assert copy[2:] == letter[2:]
    told = letter.headers
    assert told[h.ID] == "letter-1"
    assert told[h.ERROR_CODE] == "invalid_payload"
    assert orjson.loads(str(told[h.ERROR]))["errors"][0]["pointer"] == "/a/b"
    assert told[h.ATTEMPTS] == 2
    assert told[h.EXCHANGE] == "leveret.requests"
    assert told[h.ROUTING_KEY] == "task_request.echo"
    assert told[h.QUEUE] == "leveret.work.default"
    assert told[h.MESSAGE_ID] == "m-1"
    assert told[h.USER_ID] == "alice"
    assert told[h.FAILED_AT] == told[h.FIRST_SEEN] == NOW.isoformat()


def test_headers_the_broker_acts_on_are_never_copied() -> None:
    """A forged x-death would make the broker drop the copy; CC would send it elsewhere."""
    hostile = {
        "x-death": [{"queue": "leveret.work.default"}],
        "CC": ["elsewhere"],
        "BCC": ["elsewhere"],
        "X-Anything": "1",
        "leveret-attempts": 99,
        "kept": "yes",
        "nested": {"a": 1},
    }
    told = dead(DeadLettered(Subject(), FAILURE, "letter-1"), delivery(headers=hostile))
    assert told["kept"] == "yes"
    assert told[h.ATTEMPTS] == 1
    assert not {"x-death", "CC", "BCC", "X-Anything", "nested"} & told.keys()


def test_a_strangers_word_about_attempts_is_not_believed() -> None:
    """Only what comes back under our own broker user is our own copy."""
    ours = {h.ATTEMPTS: 3, h.ROUTING_KEY: "first.key", h.FIRST_SEEN: "2025"}
    assert h.past(delivery(headers=ours, user_id="mallory"), "worker") is h.NOTHING_BEFORE
    assert h.past(delivery(headers=ours), "worker") is h.NOTHING_BEFORE
    believed = h.past(delivery(headers=ours, user_id="worker"), "worker")
    assert (believed.attempts, believed.routing_key) == (3, "first.key")


def test_where_it_first_came_from_survives_any_number_of_copies() -> None:
    """The lineage of a copy of a copy is the original's."""
    first = retry_copy(
        delivery(message_id="m-1", user_id="alice"),
        Retried(Subject(), FAILURE, Delay(1, "s"), 1),
        ORIGIN,
        NOW,
    )
    back = Delivery(
        first.body,
        Properties(headers=first.headers, user_id="worker", message_id="copy-1"),
        "",
        "leveret.work.default",
        "leveret.work.default",
    )
    told = dead(DeadLettered(Subject(), FAILURE, "letter-1", 2), back)
    assert told[h.ROUTING_KEY] == "task_request.echo"
    assert told[h.EXCHANGE] == "leveret.requests"
    assert told[h.MESSAGE_ID] == "m-1"
    assert told[h.USER_ID] == "alice"


def test_our_headers_stay_small_whatever_happened() -> None:
    """A header frame is never split, so a long history of long errors is cut, not refused."""
    errors = tuple(FieldError("p" * 300, "/p" * 150, "t" * 50, "m" * 300) for _ in range(20))
    history = tuple(Attempt(n, "processing_failed", "r" * 5_000, "2026", "w") for n in range(99))
    failure = Failure(ErrorCode.INVALID_PAYLOAD, "r" * 5_000, errors, 50_000)
    told = dead(DeadLettered(Subject(), failure, "letter-1", 99, history), delivery())
    assert len(str(told[h.ERROR])) <= MOST_ERROR
    assert orjson.loads(str(told[h.ERROR]))["error_count"] == 50_000
    kept = orjson.loads(str(told[h.HISTORY]))
    assert (kept[0]["attempt"], kept[-1]["attempt"]) == (0, 98)
    assert sum(len(str(name)) + len(str(value)) for name, value in told.items()) < 16_384


def test_our_headers_stay_small_whatever_things_are_called() -> None:
    """The name of an exception, of a type, or one error's text: each part has its bound."""
    huge = "\u0000" * 100_000
    errors = (FieldError(huge, huge, huge, huge),)
    failure = Failure(ErrorCode.PROCESSING_FAILED, huge, errors, 1, exception=huge)
    told = dead(DeadLettered(Subject(huge, huge), failure, "letter-1"), delivery())
    assert len(str(told[h.ERROR])) <= MOST_ERROR
    assert sum(len(str(name)) + len(str(value)) for name, value in told.items()) < 16_384


def test_an_exceptions_name_is_told_in_part() -> None:
    """Whoever makes one up has its first letters in every place that tells it."""
    failure = failure_of(type("E" * 100_000, (Exception,), {})())
    assert failure.exception == "E" * 200
    assert len(failure.reason) < 500


def test_a_bare_copy_keeps_its_way_and_fits_a_small_frame() -> None:
    """Its code, the beginning of the reason, where it came from and goes back to; no more."""
    long = "\u0000" * 100_000
    history = tuple(Attempt(n, "processing_failed", long, "2026", "w") for n in range(10))
    failure = Failure(ErrorCode.REJECTED, long, (FieldError(long, "", "t", "m"),), 1)
    outcome = DeadLettered(Subject(long, long), failure, "letter-1", 3, history)
    sender = {f"name-{number}": "v" * 100 for number in range(30)}
    letter = dead_letter(delivery(message_id="m" * 255, headers=sender), outcome, ORIGIN, NOW)
    small = bare(letter)
    told = small.headers
    assert small._replace(headers=letter.headers) == letter
    assert orjson.loads(str(told[h.ERROR]))["code"] == "rejected"
    assert orjson.loads(str(told[h.ERROR]))["reason"]
    kept = (h.ID, h.ERROR_CODE, h.EXCHANGE, h.ROUTING_KEY, h.QUEUE, h.MESSAGE_ID, h.ATTEMPTS)
    assert {name: told[name] for name in kept} == {name: letter.headers[name] for name in kept}
    assert len(pack_table(told)) < 3_000
    assert bare(small) == small


def test_a_senders_headers_are_kept_within_bounds() -> None:
    """A sender cannot make our copies as large as its own frames."""
    many = {f"name-{n}": "v" * 1_000 for n in range(100)}
    kept = h.kept(Properties(headers=many))
    assert 0 < len(kept) < 9


def test_the_same_mistake_at_another_place_has_the_same_fingerprint() -> None:
    """Five hundred letters from one bad deploy are one group, not five hundred."""

    def of(path: str, kind: str = "missing") -> str:
        error = FieldError(path, "", kind, "x")
        return fingerprint(FAILURE._replace(errors=(error,)), Subject("batch"))

    assert of("payload.messages.3.msg_id") == of("payload.messages.41.msg_id")
    assert of("payload.messages.3.msg_id") != of("payload.messages.3.msg_type")
    assert of("a") != of("a", "extra_forbidden")


def test_each_type_that_is_missing_is_a_kind_of_its_own() -> None:
    """Those of one type can be found, seen and replayed without the others."""
    failure = Failure(ErrorCode.UNKNOWN_TASK_TYPE, "no processor is registered here")

    def letter(*types: str, asked: str = "") -> tuple[object, ...]:
        told = dead(DeadLettered(Subject(*types, asked=asked), failure, "letter-1"), delivery())
        return told[h.MESSAGE_TYPE], told[h.TASK_TYPE], told[h.FINGERPRINT]

    echo = letter("task_request", "unknown", asked="echo")
    assert echo[:2] == ("task_request", "echo")
    assert echo == letter("task_request", "unknown", asked="echo")
    of = {
        echo[2],
        letter("task_request", "unknown", asked="teleport")[2],
        letter("task_request", "unknown")[2],
        letter("unknown")[2],
        letter("unknown", asked="echo")[2],
    }
    assert len(of) == 5
    assert letter("unknown", asked="echo")[:2] == ("echo", "")
