"""What the page about the inbox shows is what the broker tests run."""

from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_example_of_a_transaction_is_the_one_that_workers_are_killed_in() -> None:
    """A reader copies what was seen to hold through kill -9."""
    page = (ROOT / "docs" / "inbox.md").read_text()
    example = page.split("```python\n")[1].split("```")[0]
    code = (ROOT / "tests" / "broker" / "paying.py").read_text()
    lines = [line.strip() for line in example.splitlines() if line.strip()]
    assert lines
    for line in lines:
        assert line in code


def test_every_count_of_the_inbox_is_explained() -> None:
    """An operator finds each value of the metric."""
    page = (ROOT / "docs" / "inbox.md").read_text()
    once = (ROOT / "workers" / "inbox" / "once.py").read_text()
    results = {part.split('"')[0] for part in once.split('_counted("')[1:]}
    assert len(results) > 5
    assert all(f"`{result}`" in page for result in results)
