"""A wrong use is told in the words of the command line, with what to write in its place."""

from __future__ import annotations

import pytest

from workers.cli import WRONG_USE, _run


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("run --processes lots", "'lots' is neither a whole number nor auto; give 1 to 256, or"),
        ("run --prefetch lots", "'lots' is no whole number"),
        ("run --port 9470", "unknown option --port; set LEVERET_HTTP_PORT in the environment"),
        ("run --log-level=debug", "unknown option --log-level; set LEVERET_LOG_LEVEL in"),
        ("new", "`leveret new` needs NAME: "),
        ("dlq show", "`leveret dlq show` needs LETTER_ID: "),
        ("publish --task", "--task needs a value"),
        ("publish --count x", "--count takes a whole number, not 'x'"),
        ("publish --count 2.5", "--count takes a whole number, not '2.5'"),
        ("broker start --nodes 2.5", "--nodes takes a whole number, not '2.5'"),
        ("dlq ls --limit 1.0", "--limit takes a whole number, not '1.0'"),
        ("dlq export --limit=-5", "--limit is 0 or more; 0 is all of them"),
        ("dlq history --limit=-1", "--limit is 0 or more; 0 is all of them"),
        ("publish --timeout x", "--timeout takes a number, not 'x'"),
        ("publish --task a --type b", "--type, not both"),
        ("publish --task a -p x=1 width=300", "'width=300' was read as the FILE"),
        ("publish --task a -p x=1 width=300", "each time: -p width=300"),
        ("publish --task a x=1 y=2", "-p y=2"),
        ("publish some.json --ttl 60", "--ttl is a part of a message made here"),
        ("publish some.json --priority 9", "--priority is a part of a message made here"),
        ("publish --type b --budget 7", "--budget is a part of a task, and --type makes another"),
        ("publish --task a some.json", "'some.json' was read as the FILE to send, and --task"),
        ("top once", "nothing takes 'once'"),
    ],
)
def test_a_wrong_use_says_what_to_write(
    line: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No name of a type of Python's, no option that was not written."""
    monkeypatch.setattr("sys.argv", ["leveret", *line.split()])
    monkeypatch.delenv("LEVERET_AMQP_URL", raising=False)
    assert _run() == WRONG_USE
    said = capsys.readouterr().err
    assert told in said
    assert not any(word in said for word in ("|", "Literal", " int", "float", "[", "Did you"))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "publish --task echo --priority 9",
            "no worker would take that: a priority of 8 or more needs a budget of at least 1000.00",
        ),
        ("publish --task echo --ttl 0", "no worker would take that: ttl: "),
    ],
)
def test_what_no_worker_would_take_is_told_with_its_place_where_it_has_one(
    line: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rule of the whole task stands nowhere in it."""
    monkeypatch.setattr("sys.argv", ["leveret", *line.split()])
    assert _run() == WRONG_USE
    said = capsys.readouterr().err.strip()
    assert said.startswith(f"leveret: {told}")
    assert said.endswith("mend it there") is told.endswith(": ")


def test_the_page_of_run_says_where_the_port_is_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a setting, and no option."""
    monkeypatch.setattr("sys.argv", ["leveret", "run", "--help"])
    assert _run() == 0
    assert "LEVERET_HTTP_PORT" in capsys.readouterr().out
