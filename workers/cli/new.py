"""`leveret new`: a package of one's own, ready for `make test`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from workers.cli import DONE, FAILED, WRONG_USE, Failure
from workers.cli.say import say, write
from workers.project.making import NotMade, make_project, own_source


def new(
    name: str,
    *,
    into: Annotated[
        Path | None, Parameter(help="The directory; by default one of that name here.")
    ] = None,
    source: Annotated[
        str | None, Parameter(help="Where its Makefile gets leveret from: a directory or a URL.")
    ] = None,
) -> int:
    """Make a package with a payload, a processor, tests, Dockerfile, compose file and Makefile.

    Example: `leveret new my-workers && make -C my-workers test`
    """
    directory = into or Path(name)
    try:
        files = make_project(name, directory, source=own_source() if source is None else source)
    except NotMade as error:
        raise Failure(str(error), code=WRONG_USE) from error
    except OSError as error:
        raise Failure(
            f"cannot write {error.filename} ({error.strerror}); "
            "take another directory with --into DIR",
            code=FAILED,
        ) from error
    for file in files:
        write(f"{file}\n".encode())
    say(f"now: make -C {directory} test")
    return DONE
