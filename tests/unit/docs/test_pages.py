"""How pages of documentation are read, so that their test can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from docs.pages import FOLLOWED, Type, Write, matches, steps

ROOT = Path(__file__).parents[3]
PAGE = """
```python
# one.py
x = 1
```

```console
$ python one.py
$ echo a \\
    b   # exits 0
a b
$ serve &
ready
$ export PORT="$(cat port)"
$ cd elsewhere
```

<!-- not run: needs a rocket -->
```console
$ launch
```
"""


def test_a_page_is_its_files_and_lines(tmp_path: Path) -> None:
    """Files are written, lines typed in order, and what is marked is left out."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    found = list(steps(page))
    assert found == [
        Write("one.py", "x = 1\n"),
        Type("python one.py", ""),
        Type("echo a b", "a b"),
        Type("serve &", "ready"),
        Type('export PORT="$(cat port)"', ""),
        Type("cd elsewhere", ""),
    ]
    serve, export, go = (one for one in found[-3:] if isinstance(one, Type))
    assert serve.in_background
    assert export.exported == ("PORT", '"$(cat port)"')
    assert go.place == "elsewhere"
    assert (serve.exported, serve.place) == (None, None)


@pytest.mark.parametrize(
    ("expected", "found", "fits"),
    [
        ("", "anything", True),
        ("a … c", "a b c", True),
        ("a … c", "a b d", False),
        ('{"lost":0}', 'noise\n{"lost":0}\n', True),
        ('{"lost":0}', '{"lost":1}', False),
    ],
)
def test_shown_output_must_be_there(expected: str, found: str, *, fits: bool) -> None:
    """An ellipsis stands for anything, all else must be there as shown."""
    assert matches(expected, found) is fits


def test_the_references_are_what_the_code_says() -> None:
    """Whoever adds a setting or a metric finds it documented, or is told what to run."""
    asked = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_every_command_of_a_page_is_run_or_says_why_not() -> None:
    """A page with commands is followed by a test; the exceptions have tests of their own."""
    own = {"protocol.md", "README.md"}
    for page in (*ROOT.glob("docs/*.md"), ROOT / "README.md"):
        text = page.read_text(encoding="utf-8")
        if "```console" in text and page.name not in own:
            assert FOLLOWED in text, f"{page.name} shows commands that nobody runs"


def test_the_index_names_every_page() -> None:
    """Whoever does not know where to look finds each page by the question it answers."""
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    pages = {page.name for page in ROOT.glob("docs/*.md")} - {"index.md"}
    assert [name for name in sorted(pages) if f"({name})" not in index] == []
