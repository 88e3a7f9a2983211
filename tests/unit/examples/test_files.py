"""Which files a task may read, what is a table, and what k-means finds in one."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from examples.kmeans import Abandoned, Plan, cluster
from examples.shelf import DIRECTORY, LARGEST, find, shipped
from examples.sieve import primes_below
from examples.table import read_table
from workers import Reject


def always() -> bool:
    """Somebody waits for the result."""
    return True


def planted(name: str, column: str) -> list[str]:
    """Return which group each row of a shipped table was drawn from."""
    with find(name).open(newline="") as file:
        return [row[column] for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("name", "column", "clusters"), [("customers.csv", "segment", 4), ("points.csv", "cluster", 3)]
)
@pytest.mark.parametrize("seed", range(5))
def test_kmeans_finds_the_planted_clusters(
    name: str, column: str, clusters: int, seed: int
) -> None:
    """Whatever the seed, two rows share a cluster exactly if they were drawn from one group."""
    found = cluster(read_table(find(name)).rows, Plan(clusters=clusters, seed=seed), always)
    pairs = set(zip(planted(name, column), found.labels, strict=True))
    assert len(pairs) == clusters
    assert sum(found.sizes) == len(found.labels)


def test_kmeans_is_the_same_for_the_same_seed() -> None:
    """The seed decides everything."""
    rows = read_table(find("customers.csv")).rows
    plan = Plan(clusters=9, seed=3, starts=1)
    assert cluster(rows, plan, always) == cluster(rows, plan, always)
    assert cluster(rows, plan, always) != cluster(rows, Plan(clusters=9, seed=4, starts=1), always)


def test_more_clusters_leave_less_inertia() -> None:
    """One cluster has the variance of all; as many clusters as points have none."""
    rows = ((0.0, 0.0), (0.0, 2.0), (4.0, 0.0), (4.0, 2.0))
    inertia = [cluster(rows, Plan(clusters=n), always).inertia for n in (1, 2, 4)]
    assert inertia == [20.0, 4.0, 0.0]


def test_kmeans_copes_with_points_in_one_place() -> None:
    """More clusters than different points leave some clusters empty."""
    found = cluster([(1.0,)] * 5, Plan(clusters=3), always)
    assert sorted(found.sizes) == [0, 0, 5]
    assert found.settled


def test_kmeans_stops_at_its_last_round() -> None:
    """A result that was cut short says that it had not settled."""
    rows = read_table(find("customers.csv")).rows
    found = cluster(rows, Plan(clusters=20, starts=1, rounds=1), always)
    assert (found.rounds, found.settled) == (1, False)


def test_kmeans_stops_when_nobody_waits() -> None:
    """The thread of an attempt that was ended does not count on."""
    asked = iter((True, True, False))
    with pytest.raises(Abandoned):
        cluster(read_table(find("customers.csv")).rows, Plan(clusters=20), lambda: next(asked))


def test_the_shipped_files_are_found_by_name() -> None:
    """Everything that is offered can be read."""
    assert shipped() == ("customers.csv", "hares.txt", "points.csv")
    assert all(find(name).is_file() for name in shipped())


PATHS = [
    "../secret.csv",
    "/etc/passwd",
    "a/../../secret.csv",
    "..\\secret.csv",
    "",
    "nul\0.csv",
    ".",
]


@pytest.mark.parametrize("name", PATHS)
@pytest.mark.parametrize("configured", [True, False])
def test_no_path_leads_out(tmp_path: Path, name: str, *, configured: bool) -> None:
    """With or without a directory of the operator's, only what is in it can be named."""
    (tmp_path / "secret.csv").write_text("a\n1\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(Reject):
        find(name, directory=inside if configured else None)


def test_an_operators_own_files_are_found_below_the_directory(tmp_path: Path) -> None:
    """A file below the configured directory is named by its relative path."""
    (tmp_path / "2024").mkdir()
    (tmp_path / "2024" / "spring.csv").write_text("a\n1\n")
    assert find("2024/spring.csv", directory=tmp_path).read_text() == "a\n1\n"
    assert find("points.csv", directory=tmp_path).parent.name == "datasets"


def test_the_directory_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EXAMPLES_DATASETS names the operator's directory."""
    (tmp_path / "own.csv").write_text("a\n1\n")
    with pytest.raises(Reject):
        find("own.csv")
    monkeypatch.setenv(DIRECTORY, str(tmp_path))
    assert find("own.csv") == (tmp_path / "own.csv").resolve()


def test_a_link_does_not_lead_out(tmp_path: Path) -> None:
    """A symbolic link to a file outside the directory is refused like a path there."""
    (tmp_path / "secret.csv").write_text("a\n1\n")
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "link.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(Reject):
        find("link.csv", directory=inside)


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    """A file too large to be read at once is not read at all."""
    with (tmp_path / "large.csv").open("wb") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(Reject, match="larger"):
        find("large.csv", directory=tmp_path)


def test_only_columns_of_numbers_are_read(tmp_path: Path) -> None:
    """Columns with a text, a gap or an infinity in them are left out."""
    path = tmp_path / "mixed.csv"
    path.write_text("name,a,b,c,d\nx,1,2.5,inf,1\ny,2,-1e3,0,\n")
    table = read_table(path)
    assert table.columns == ("a", "b")
    assert table.rows == ((1.0, 2.5), (2.0, -1000.0))


def test_columns_come_in_the_order_asked_for(tmp_path: Path) -> None:
    """The columns named are read and no others."""
    path = tmp_path / "three.csv"
    path.write_text("a,b,c\n1,2,3\n")
    assert read_table(path, ("c", "a")).rows == ((3.0, 1.0),)


TABLES = [b"", b"a,b\n1\n", b"a\n\xff\xfe\n", b'a\n"1\n', b"a\nx\n"]


@pytest.mark.parametrize("content", TABLES, ids=["empty", "ragged", "latin", "quote", "text"])
def test_what_is_no_table_is_rejected(tmp_path: Path, content: bytes) -> None:
    """A file that cannot be read as numbers in columns ends the task, with no retry."""
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(Reject):
        read_table(path)


def test_the_sieve_agrees_with_trial_division() -> None:
    """Every bound up to 200 gives the count that dividing gives."""
    for below in range(200):
        slowly = sum(all(n % d for d in range(2, n)) for n in range(2, below))
        assert primes_below(below) == slowly
