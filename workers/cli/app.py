"""Which verbs there are; each is imported when it is called, so that `--help` is quick."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cyclopts import App

if TYPE_CHECKING:
    from collections.abc import Sequence

_HELP: Final = """A RabbitMQ worker service: every message comes to exactly one visible end.

Example: leveret dev starts everything on this machine and shows it at work.
"""

#: Verb → one line about it. Where it is: `workers.cli.<verb>:<verb>`.
VERBS: Final = {
    "dev": "Everything on this machine, at work, to look at.",
    "run": "Run the worker.",
    "publish": "Publish messages, and await their answers.",
    "new": "Make a package of your own, with tests.",
    "doctor": "Is everything as it should be, and what to do if not.",
    "top": "Replicas, rates, queues and dead letters, live.",
    "console": "The web console, and users for it.",
    "schema": "Print what messages look like, or what changed.",
}

#: Group → one line about it, and its verbs. Where they are: `workers.cli.<group>:<verb>`.
GROUPS: Final = {
    "topology": (
        "What is at the broker, and what should be.",
        {
            "plan": "Show what `apply` would change.",
            "apply": "Declare what is missing.",
            "export": "Print definitions for the broker.",
            "doctor": "Warn of what this version of RabbitMQ does.",
        },
    ),
    "dlq": (
        "Look at dead letters and send them again.",
        {
            "ls": "List dead letters, newest first.",
            "groups": "Group dead letters by what went wrong.",
            "show": "Show one dead letter: body, errors, history.",
            "replay": "Send dead letters again.",
            "edit": "Mend a dead letter and send it.",
            "discard": "Remove dead letters for good.",
            "export": "Write dead letters as JSON lines, or as a test.",
            "history": "Tell who did what with dead letters, and why.",
        },
    ),
    "ctl": (
        "Speak to running replicas.",
        {
            "ping": "Ask how they stand.",
            "pause": "Take no messages, stay connected.",
            "resume": "Take messages again.",
            "drain": "Finish what was begun, and leave.",
            "maintenance": "Refuse what changes something, or take it again.",
        },
    ),
    "broker": (
        "A private RabbitMQ on this machine.",
        {
            "start": "Start it; returns when it serves.",
            "stop": "Stop it.",
            "status": "Say whether it runs, and where.",
        },
    ),
    "bench": (
        "What things cost on this machine.",
        {
            "patterns": "Time ways of decoding messages side by side.",
            "echo": "Time one worker on a private broker.",
            "peers": "Time leveret and its peers side by side.",
        },
    ),
    "config": (
        "The settings.",
        {
            "show": "Show every setting, its value and where it came from.",
        },
    ),
}


def application(called: Sequence[str]) -> App:
    """Return the command line for these arguments.

    The verb that is called explains itself, with its example; the others are there by their line.
    """
    app = App(
        name="leveret",
        help=_HELP,
        help_format="plaintext",
        version=lambda: __import__("importlib.metadata").metadata.version("leveret"),
        result_action="return_value",
    )
    for verb, line in VERBS.items():
        own = [verb] == list(called[:1])
        app.command(f"workers.cli.{verb}:{verb}", name=verb, help=None if own else line)
    for name, (about, verbs) in GROUPS.items():
        group = App(name=name, help=about)
        for verb, line in verbs.items():
            own = [name, verb] == list(called[:2])
            group.command(f"workers.cli.{name}:{verb}", name=verb, help=None if own else line)
        app.command(group)
    return app
