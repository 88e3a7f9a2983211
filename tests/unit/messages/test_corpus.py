"""The corpus of bad input, through the pure decoder."""

from __future__ import annotations

from time import thread_time

import orjson
import pytest
from corpus.corpus import HERE, LARGE, Case, cases, names_on_disk
from writing import CATALOG

from messages import InvalidMessage, SecurityLevel, ValidationContext
from messages.errors import MOST_BYTES

CASES = cases()
#: Of the processor, for one body of up to a mebibyte; generous: a bound and no benchmark.
LONGEST_SECONDS = 5.0


def test_every_file_has_its_expectation() -> None:
    """And every expectation its file, or its maker."""
    known = {case.name for case in CASES}
    assert names_on_disk() == known - set(LARGE)
    assert set(LARGE) <= known
    assert (HERE / "expected.json").is_file()


def refusal(case: Case) -> InvalidMessage | None:
    """Return why a body is refused, or None; anything else than that fails the test."""
    try:
        CATALOG.decode(case.body, context=ValidationContext(SecurityLevel.PUBLIC))
    except InvalidMessage as invalid:
        return invalid
    return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_ends_as_expected(case: Case) -> None:
    """A message or a formatted error within bounds, and nothing else."""
    began = thread_time()
    invalid = refusal(case)
    assert thread_time() - began < LONGEST_SECONDS
    if invalid is None:
        assert case.decodes or case.code is None
        return
    assert not case.decodes
    assert invalid.code == case.code
    told = [[one.field_path, one.error_type] for one in invalid.errors]
    assert case.errors is None or told == case.errors
    assert case.count is None or invalid.error_count == case.count
    assert 1 <= len(told) <= min(20, invalid.error_count)
    whole = orjson.dumps([one._asdict() for one in invalid.errors])
    assert len(whole) <= MOST_BYTES
    assert len(invalid.reason) <= 1_000
    assert b"hunter2" not in whole + invalid.reason.encode()
    assert invalid.reason.isprintable()
