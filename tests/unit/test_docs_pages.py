"""How pages of documentation are read, so that their test can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from docs.pages import Type, Write, matches, steps

if TYPE_CHECKING:
    from pathlib import Path

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
        Type("serve &", ""),
    ]
    assert isinstance(found[-1], Type)
    assert found[-1].in_background


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
