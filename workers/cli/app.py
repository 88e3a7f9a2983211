"""Which verbs there are; each is imported when it is called, so that `--help` is quick."""

from __future__ import annotations

from typing import Final

from cyclopts import App

app: Final = App(
    name="leveret",
    help="""A RabbitMQ worker service: every message comes to exactly one visible end.

    Example: `leveret dev` starts everything on this machine and shows it at work.
    """,
    help_format="markdown",
    version=lambda: __import__("importlib.metadata").metadata.version("leveret"),
    result_action="return_value",
)

app.command(
    "workers.cli.dev:dev", name="dev", help="Everything on this machine, at work, to look at."
)
app.command("workers.cli.run:run", name="run", help="Run the worker.")
app.command(
    "workers.cli.publish:publish", name="publish", help="Publish messages, and await their answers."
)

_GROUPS: Final = (
    (
        "topology",
        "What is at the broker, and what should be.",
        {
            "plan": "Show what `apply` would change.",
            "apply": "Declare what is missing.",
            "export": "Print definitions for the broker.",
        },
    ),
    (
        "dlq",
        "Look at dead letters and send them again.",
        {
            "ls": "List dead letters, newest first.",
            "show": "Show one dead letter: body, errors, history.",
            "replay": "Send dead letters again.",
        },
    ),
    (
        "broker",
        "A private RabbitMQ on this machine.",
        {
            "start": "Start it; returns when it serves.",
            "stop": "Stop it.",
            "status": "Say whether it runs, and where.",
        },
    ),
    (
        "config",
        "The settings.",
        {
            "show": "Show every setting, its value and where it came from.",
        },
    ),
)
for _name, _help, _verbs in _GROUPS:
    _group = App(name=_name, help=_help)
    for _verb, _does in _verbs.items():
        _group.command(f"workers.cli.{_name}:{_verb}", name=_verb, help=_does)
    app.command(_group)
