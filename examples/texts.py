"""`word_statistics` and `hash_file`: short work on a text and on a file."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from examples.shelf import find
from workers import Context, Registry

registry = Registry()

#: Words an adult reads silently in a minute; reading studies say 200 to 250.
WORDS_PER_MINUTE: Final = 220

#: Letters, with apostrophes of either form and hyphens inside: "don't" and "co-operate" are words.
_WORD: Final = re.compile(r"[^\W\d_]+(?:['\u2019-][^\W\d_]+)*")
_SENTENCE_END: Final = re.compile(r"[.!?…]+(?=\s|$)")


class TextParameters(BaseModel):
    """A text, and how many words the lists in the answer should have."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: Annotated[str, Field(max_length=100_000)]
    top: Annotated[int, Field(ge=1, le=100)] = 5


class WordCount(BaseModel):
    """A word in lower case and how often it stands in the text."""

    model_config = ConfigDict(frozen=True)

    word: str
    count: int


class TextStatistics(BaseModel):
    """Figures about a text; of equally frequent or long words the earlier one comes first."""

    model_config = ConfigDict(frozen=True)

    characters: int
    words: int
    distinct_words: int
    sentences: int
    most_common: tuple[WordCount, ...]
    longest: tuple[str, ...]
    mean_word_length: float
    reading_seconds: float


@registry.task("word_statistics", parameters=TextParameters)
async def word_statistics(parameters: TextParameters, _context: Context) -> TextStatistics:
    """Answer with counts, the commonest and longest words, and how long reading takes.

    It runs on the event loop: 100,000 characters take some 20 ms, and most texts far less than the
    hand-over to a thread would.
    """
    words = [found.casefold() for found in _WORD.findall(parameters.text)]
    counts = Counter(words)
    letters = sum(map(len, words))
    return TextStatistics(
        characters=len(parameters.text),
        words=len(words),
        distinct_words=len(counts),
        sentences=len(_SENTENCE_END.findall(parameters.text)),
        most_common=tuple(
            WordCount(word=word, count=count) for word, count in counts.most_common(parameters.top)
        ),
        longest=tuple(sorted(counts, key=len, reverse=True)[: parameters.top]),
        mean_word_length=round(letters / len(words), 2) if words else 0.0,
        reading_seconds=round(60 * len(words) / WORDS_PER_MINUTE, 1),
    )


class FileParameters(BaseModel):
    """The name of a file that ships with the examples, or of one of the operator's own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=200)]


class FileHash(BaseModel):
    """A file's name, its length in bytes, and its SHA-256 in hexadecimal digits."""

    model_config = ConfigDict(frozen=True)

    name: str
    size: int
    sha256: str


@registry.task("hash_file", parameters=FileParameters)
async def hash_file(parameters: FileParameters, _context: Context) -> FileHash:
    """Answer with a file's SHA-256 and length; rejects a name that it may not read.

    Reading blocks, so it is done in a thread. Here a thread is truly beside the event loop: both
    the disk and the hash of a large block let go of the interpreter's lock.
    """
    return await asyncio.to_thread(_hashed, parameters.name)


def _hashed(name: str) -> FileHash:
    path: Path = find(name)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return FileHash(name=name, size=file.tell(), sha256=digest.hexdigest())
