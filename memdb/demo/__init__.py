"""The whole story on the embedded database: migrate, verify, seed, search, benchmark."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg import sql

from memdb import database, embedded, settings, shipped, target
from memdb.benchmark.preparation import Wanted
from memdb.database import Connection
from memdb.door import Database
from memdb.errors import DatabaseError
from memdb.seeding.hooks import Hooks

DATABASE = "memdb_demo"


@dataclass(frozen=True, slots=True)
class Chapter:
    """One step of the story: what it is for, and what came of it."""

    title: str
    story: str
    result: Any


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A memory that was found; `distance` is the cosine distance, 0 (same meaning) to 2."""

    distance: float
    tier: str
    content: str


@dataclass(frozen=True, slots=True)
class Search:
    """A memory, and what lies nearest to it among the memories of the same user."""

    question: str
    neighbours: tuple[Neighbour, ...]


@dataclass(frozen=True, slots=True)
class Farewell:
    """Where the demo's database is, for whoever wants to look around; `has_own_sql`: not that which memdb ships."""

    url: str
    has_own_sql: bool = False


@contextmanager
def fresh_database(
    server: embedded.Server, sql_dir: Path | None = None, sets: tuple[str, ...] = ()
) -> Iterator[Database]:
    """The demo's own database, which is made anew, with the SQL that memdb ships or another; it stays afterwards.

    Raises DatabaseError while another demo runs there.
    """
    name = sql.Identifier(DATABASE)
    with database.connect(database.conninfo(server.url()), purpose="demo") as admin:
        if not admin.value("select pg_try_advisory_lock(hashtextextended(%s, 0))", [DATABASE]):
            raise DatabaseError("another demo is running", hint="Wait for it to end.")
        admin.execute(sql.SQL("drop database if exists {} with (force)").format(name))
        admin.execute(sql.SQL("create database {}").format(name))
        # Whatever a memdb.toml or the environment says.
        place = settings.Database(server.url(DATABASE))
        yield Database(settings.Settings(sql_dir or shipped.sql_directory(), sets), lambda: place)


def run(
    db: Database, *, count: int, random_seed: int, on_progress: Callable[[int], None] = lambda _: None
) -> Iterator[Chapter]:
    """The chapters, as they happen, on an empty database."""
    yield Chapter(
        "memdb migrate",
        "Eight plain SQL files make the schema, each in one transaction with its entry in the history.",
        db.migrate(),
    )
    yield Chapter(
        "memdb verify-schema",
        "Is it really there? Every column, key, index, parameter and comment is compared with the snapshot.",
        db.verify(),
    )
    yield Chapter(
        "memdb seed",
        "A companion with 20 users: who they are, what they plan, what they talked about.",
        db.seed(memories=count, random_seed=random_seed, hooks=Hooks(on_progress=on_progress)),
    )
    yield Chapter(
        "A search",
        "What else did this user tell us that is close in meaning? Cosine distance, smallest first.",
        _search(db),
    )
    yield Chapter(
        "memdb benchmark-similarity",
        "Fast is not enough: latency, recall against an exact scan, and the plan that the server chose.",
        db.benchmark(Wanted(queries=100, random_seed=random_seed)),
    )


def _search(db: Database) -> Search:
    with db.connected("demo") as connection:
        return search(connection)


def search(connection: Connection) -> Search:
    """The memories nearest to one of the user who has most."""
    with connection.transaction():
        question, *nearest = connection.execute(target.enter(connection).query("demo", "search")).fetchall()
    neighbours = tuple(Neighbour(distance, tier, content) for distance, tier, content in nearest)
    return Search(question[2], neighbours)
