"""The dead-letter workbench: what the letters say, which ones are meant, and sending them again.

bench = Workbench(Desk(amqp_url=url, names=Names(), group="default"), Operator(who="ada"))
listing = await bench.ls(Selection(error_code="invalid_payload"))
proposal = await bench.preview(Selection(fingerprint="d461dac7"))
async for progress in bench.replay(proposal, Pace(rate=50)):
    print(progress.done, "of", progress.total)
"""

from workers.deadletters.deeds import Deed
from workers.deadletters.finding import Ambiguous, NoSuchLetter, Survey
from workers.deadletters.foresight import Foreseen, Foresight
from workers.deadletters.groups import Group, sparkline
from workers.deadletters.letter import Diagnosis, Letter, Summary
from workers.deadletters.looking import Scanning
from workers.deadletters.marking import Line, Shape, shape
from workers.deadletters.masking import Masking
from workers.deadletters.notes import Verb
from workers.deadletters.pacing import Pace
from workers.deadletters.person import Operator, this_person
from workers.deadletters.placing import changed
from workers.deadletters.pointers import BadPointer
from workers.deadletters.reading import Reader
from workers.deadletters.restoring import MASK, Unrestored
from workers.deadletters.running import Running
from workers.deadletters.selection import Selection, TooShort
from workers.deadletters.views import (
    Canary,
    Ending,
    Grouping,
    Halt,
    Listing,
    Meant,
    Overview,
    Phase,
    Progress,
    Proposal,
    Shown,
    Standing,
    Verdict,
)
from workers.deadletters.workbench import Workbench
from workers.link.desk import Desk, ScanRefused

__all__ = [
    "MASK",
    "Ambiguous",
    "BadPointer",
    "Canary",
    "Deed",
    "Desk",
    "Diagnosis",
    "Ending",
    "Foreseen",
    "Foresight",
    "Group",
    "Grouping",
    "Halt",
    "Letter",
    "Line",
    "Listing",
    "Masking",
    "Meant",
    "NoSuchLetter",
    "Operator",
    "Overview",
    "Pace",
    "Phase",
    "Progress",
    "Proposal",
    "Reader",
    "Running",
    "ScanRefused",
    "Scanning",
    "Selection",
    "Shape",
    "Shown",
    "Standing",
    "Summary",
    "Survey",
    "TooShort",
    "Unrestored",
    "Verb",
    "Verdict",
    "Workbench",
    "changed",
    "shape",
    "sparkline",
    "this_person",
]
