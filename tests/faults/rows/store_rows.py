"""An inbox in PostgreSQL under fire: no effect without a claim, and in its transaction just one."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import postgres
import psycopg
from faults import booking
from faults.row import Figure, Row
from faults.rows.inbox_rows import store_away
from faults.rows.worker_rows import kill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from faults.rig import Rig
    from faults.scales import Scale

    #: Takes a server away from its clients while its context is open.
    Trouble = Callable[[postgres.Server], AbstractContextManager[None]]

#: Rows that make the inbox's file longer than a segment of the log, which must go on growing.
JUNK: Final = (
    "INSERT INTO leveret_inbox SELECT decode(md5(n::text), 'hex'), '', '', now(), now(), '',"
    " decode(repeat('00', 400), 'hex') FROM generate_series(1, 60000) n ON CONFLICT DO NOTHING"
)
#: A claim that takes longer than the worker waits for one.
SLOW: Final = (
    (
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN PERFORM pg_sleep(6); RETURN new; END$$"
    ),
    "CREATE TRIGGER slow BEFORE INSERT ON leveret_inbox FOR EACH ROW EXECUTE FUNCTION dawdle()",
)
#: Bytes: no limit that anything here comes to.
AMPLE: Final = 1 << 40


def missing() -> str:
    """Return why there is no PostgreSQL to be had; empty where there is one."""
    return "" if postgres.installed() else "no PostgreSQL is installed (apt-get install postgresql)"


@contextmanager
def serving() -> Iterator[postgres.Server]:
    """Lend a server of our own."""
    programs = postgres.installed()
    assert programs is not None
    with postgres.server(programs) as server:
        yield server


def execute(server: postgres.Server, *statements: str) -> None:
    """Run statements, each committed by itself."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def locked(server: postgres.Server) -> Iterator[None]:
    """Hold the table, as a migration or a dump does."""
    with psycopg.connect(server.url) as connection:
        connection.execute("LOCK TABLE leveret_inbox IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def slow(server: postgres.Server) -> Iterator[None]:
    """Let each claim take 6 s."""
    execute(server, *SLOW)
    yield
    execute(server, "DROP FUNCTION dawdle CASCADE")


@contextmanager
def down(server: postgres.Server) -> Iterator[None]:
    """Have the server crash, and start it again."""
    server.stop()
    yield
    server.start()


@contextmanager
def full(server: postgres.Server) -> Iterator[None]:
    """Let the inbox's file grow no more."""
    # Written anew, so that no page has room for another row.
    execute(server, JUNK, "VACUUM FULL leveret_inbox")
    with psycopg.connect(server.url) as connection:
        found = connection.execute("SELECT pg_relation_size('leveret_inbox')").fetchone()
        assert found is not None
        server.limit_files(found[0])
    yield
    server.limit_files(AMPLE)


async def away(rig: Rig, scale: Scale, *, trouble: Trouble) -> Figure:
    """Take the server away from working workers, for a while and again."""
    with serving() as server:
        rig.settings["inbox"] = server.url
        return await store_away(
            rig, scale, away=partial(trouble, server), claims=partial(_claims, server)
        )


def _claims(server: postgres.Server) -> set[bytes]:
    with psycopg.connect(server.url) as connection:
        rows = connection.execute("SELECT key FROM leveret_inbox").fetchall()
        return {key for (key,) in rows}


async def booked(rig: Rig, scale: Scale) -> Figure:
    """Kill workers whose effects commit with the inbox's mark: each has one, and just one."""
    with serving() as server:
        execute(server, booking.TABLE)
        rig.settings["inbox"] = server.url
        rig.registry = "faults.booking:registry"
        rig.effects = partial(booking.read, server.url)
        figure = await kill(rig, scale, tasks=(("book", {"after": 0.005}),))
        rows = rig.effects()
    answered = len({seen.id for seen in rig.books.answers})
    figure.told |= {"rows": len(rows), "answered": answered}
    figure.must(figure.effects_doubled == 0, "an effect was had twice")
    figure.must(figure.dead == 0, "healthy work was dead-lettered")
    figure.must(len(rows) == answered, "an effect without an answer, or an answer without one")
    return figure


ROWS: Final = (
    *(
        Row(
            name=f"inbox in PostgreSQL: {name}",
            run=partial(away, trouble=trouble),
            lacks=missing,
        )
        for name, trouble in (
            ("table locked by somebody else", locked),
            ("claims too slow", slow),
            ("server killed and started again", down),
            ("disk full", full),
        )
    ),
    Row(
        name="inbox in PostgreSQL: worker kill -9, effects in its transaction",
        run=booked,
        lacks=missing,
    ),
)
