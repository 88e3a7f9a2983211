"""The dead-letter workbench: what the letters say, which ones are meant, and sending them again."""

from workers.deadletters.letter import Diagnosis, Letter, Summary
from workers.deadletters.reading import Reader
from workers.deadletters.replay import Replay, Replayed
from workers.deadletters.selection import Selection, TooShort
from workers.deadletters.workbench import (
    Ambiguous,
    Listing,
    NoSuchLetter,
    Proposal,
    Workbench,
)
from workers.link.desk import Desk, ScanRefused

__all__ = [
    "Ambiguous",
    "Desk",
    "Diagnosis",
    "Letter",
    "Listing",
    "NoSuchLetter",
    "Proposal",
    "Reader",
    "Replay",
    "Replayed",
    "ScanRefused",
    "Selection",
    "Summary",
    "TooShort",
    "Workbench",
]
