"""Whether two topic patterns can catch the same message, decided without a broker.

A key is words between dots; in a pattern `*` stands for one word and `#` for none or more. The
empty key has no words, as the broker sees it.
"""

from __future__ import annotations

from typing import Final

from topology.errors import NameRefused
from topology.names import LONGEST_NAME, URGENT

ONE_WORD: Final = "*"
ANY_WORDS: Final = "#"


def checked_pattern(pattern: str) -> str:
    """Return the pattern as it is; raises `NameRefused` if it cannot be bound or says nothing.

    A wildcard inside a word is refused: the broker takes `task_*` literally, which nobody means.
    """
    if not pattern or len(pattern.encode()) + len(f".{URGENT}") > LONGEST_NAME:
        raise NameRefused(
            f"the binding {pattern[:60]!r} is empty or longer than 248 bytes: "
            "write words, '*' or '#' between dots, such as task_request.*"
        )
    for word in pattern.split("."):
        if not word or (len(word) > 1 and (ONE_WORD in word or ANY_WORDS in word)):
            raise NameRefused(
                f"the word {word[:60]!r} of the binding {pattern[:60]!r} matches nothing: "
                "put a word, '*' (one word) or '#' (any words) between dots"
            )
    return pattern


def overlap(left: str, right: str) -> bool:
    """Whether some routing key matches both patterns."""
    ours, theirs = words(left), words(right)
    # after[j]: the rest of ours, from the row below, and theirs[j:] can match the same words.
    after = _row(len(theirs))
    for i in range(len(ours), -1, -1):
        here = _row(len(theirs))
        for j in range(len(theirs), -1, -1):
            if i == len(ours) and j == len(theirs):
                here[j] = True
            elif i < len(ours) and ours[i] == ANY_WORDS:
                here[j] = after[j] or (j < len(theirs) and here[j + 1])
            elif j < len(theirs) and theirs[j] == ANY_WORDS:
                here[j] = here[j + 1] or (i < len(ours) and after[j])
            elif i < len(ours) and j < len(theirs):
                same = ours[i] == theirs[j] or ONE_WORD in (ours[i], theirs[j])
                here[j] = same and after[j + 1]
        after = here
    return after[0]


def covers(general: str, special: str) -> bool:
    """Whether every key of `special` surely matches `general` too.

    Word by word, so a few equal ways of writing are missed (`*.#` and `#.*`): a True is certain.
    """
    wide, narrow = words(general), words(special)
    after = _row(len(narrow))
    for i in range(len(wide), -1, -1):
        here = _row(len(narrow))
        for j in range(len(narrow), -1, -1):
            if i == len(wide):
                here[j] = j == len(narrow)
            elif wide[i] == ANY_WORDS:
                here[j] = after[j] or (j < len(narrow) and here[j + 1])
            elif j < len(narrow) and narrow[j] != ANY_WORDS:
                here[j] = wide[i] in (ONE_WORD, narrow[j]) and after[j + 1]
        after = here
    return after[0]


def words(key: str) -> tuple[str, ...]:
    """Return the words of a key or pattern."""
    return tuple(key.split(".")) if key else ()


def _row(length: int) -> list[bool]:
    return [False] * (length + 1)
