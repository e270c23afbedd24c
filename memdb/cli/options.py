"""The options that several commands share, and what they lead to."""

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from memdb import output, words
from memdb.errors import MemdbError, UsageError

if TYPE_CHECKING:
    from memdb import scratch, settings
    from memdb.database import Connection
    from memdb.ledger import sqlfiles
    from memdb.migrations import Hooks


class Format(StrEnum):
    """How results are written to stdout."""

    text = "text"
    json = "json"


MOST = 2**31 - 1  # for options that have no other limit: what is larger cannot be counted to, or not be sent


def finite(value: float | None) -> float | None:
    """For options: no comparison holds for NaN, so it would pass every limit, and be waited for without end."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("it is no finite number.")
    return value


def _folder(text: str) -> Path:
    if not text.strip():
        raise UsageError("--sql-dir is empty", hint="Give a folder, or leave the option out.")
    return Path(text)


SqlDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder with the SQL files. Else memdb.toml, or those memdb ships.", metavar="<path>", parser=_folder
    ),
]
Wait = Annotated[
    float, typer.Option(min=0, callback=finite, help="How long to wait for others, in all.", metavar="SECONDS")
]
OutputFormat = Annotated[Format, typer.Option("--format", "-f", help="Format of the result.")]
With = Annotated[
    list[str] | None, typer.Option("--with", help="Include this optional set, too (can be repeated).", metavar="SET")
]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Place:
    """Which database a command works in, and with which files. What it shows of itself may not hold a password."""

    database_url: Annotated[
        str | None,
        typer.Option(
            help="Database to use. Else MEMDB_DATABASE_URL, DATABASE_URL, .env, memdb.toml, or the embedded database.",
            metavar="URL",
        ),
    ] = None
    schema: Annotated[
        str | None,
        typer.Option(help="Schema to work in. Else MEMDB_SCHEMA, memdb.toml, or the first of the search_path."),
    ] = None
    sql_dir: SqlDir = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MigratingPlace(Place):
    """A place whose history is changed: MEMDB_MIGRATION_URL counts, where that is set."""

    trust_schema: Annotated[
        list[str] | None,
        typer.Option(
            "--trust-schema",
            help="Let a superuser work where others may create in this schema, too (can be repeated). Also in "
            "memdb.toml.",
            metavar="NAME",
        ),
    ] = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Trial:
    """Where migrations are tried."""

    scratch_url: Annotated[
        str | None,
        typer.Option(
            help="Server to try migrations on, where it may make databases. Else MEMDB_SCRATCH_URL, memdb.toml, or an "
            "embedded one, made for this.",
            metavar="URL",
        ),
    ] = None
    scratch_setup: Annotated[
        Path | None,
        typer.Option(
            help="SQL that makes there what migrations expect to find. Else MEMDB_SCRATCH_SETUP or memdb.toml.",
            metavar="FILE",
        ),
    ] = None

    def options(self) -> "scratch.Options":
        """What was given, completed by the settings, and what is said when a trial begins."""
        from memdb import scratch, settings

        loaded = settings.scratch(url=self.scratch_url, setup=self.scratch_setup)
        return scratch.Options(loaded.url, loaded.setup, on_start=output.say)


@dataclass(frozen=True, slots=True)
class Session:
    """A connection, with what the settings say about the SQL to use on it.

    `address` is where it leads; `dispute` says so when settings contradict each other about that.
    """

    connection: "Connection"
    settings: "settings.Settings"
    address: str
    dispute: str = ""

    @property
    def sets(self) -> "sqlfiles.Sets":
        from memdb.ledger import sqlfiles

        return sqlfiles.read_sets(self.settings.sql_dir)

    def emit(self, result: object, format: str, *, label: str = "Database", to_stderr: bool = False) -> None:
        """Prints a result with the database that it is about."""
        output.emit(result, format, address=self.address, label=label, to_stderr=to_stderr)

    def expect_no_dispute(self) -> None:
        """Raises UsageError where what is about to be lost may be in another database than is meant."""
        if self.dispute:
            raise UsageError(
                f"two settings name different databases: {self.dispute}",
                hint="Give --database-url for the one that is meant.",
            )


@contextmanager
def session(purpose: str, place: Place, *, chosen: list[str] | None = None) -> Iterator[Session]:
    """Connects to the database that the settings name; says so when that is the embedded one.

    For a MigratingPlace, MEMDB_MIGRATION_URL comes before the other addresses: migrations cannot go through a pooler.
    """
    from memdb import database, settings

    trusted = place.trust_schema if isinstance(place, MigratingPlace) else None
    loaded = settings.load(
        sql_dir=place.sql_dir, sets=tuple(chosen or ()), schema=place.schema, trusted_schemas=tuple(trusted or ())
    )
    chosen_database = settings.database(place.database_url, migrating=isinstance(place, MigratingPlace))
    conninfo, embedded_server = database.resolve(chosen_database.url)
    if embedded_server is not None:
        output.say(f"Using {embedded_server.description} (memdb db stop ends it).")
    with database.connect(conninfo, purpose=purpose, schema=loaded.schema) as connection:
        address = embedded_server.description if embedded_server else database.describe(connection)
        dispute = _dispute(address, chosen_database)
        if dispute:
            output.say(f"Using {address}: {dispute}.")
        try:
            yield Session(connection, loaded, address, dispute)
        except MemdbError as error:
            error.address = address
            raise


def _dispute(address: str, chosen: "settings.Database") -> str:
    """Says which setting counts, where another one names another database; else nothing."""
    if chosen.url is None or chosen.rival is None or chosen.rival.url is None:
        return ""
    from memdb import addresses

    # A pooler has another host and port than the server behind it.
    compared = ("dbname",) if "MIGRATION" in chosen.source else ("host", "hostaddr", "port", "dbname", "service")
    with suppress(MemdbError):
        ours, other = (addresses.parameters(addresses.conninfo(url)) for url in (chosen.url, chosen.rival.url))
        if any(ours.get(key) != other.get(key) for key in compared):
            return f"{chosen.source} says {address}, {chosen.rival.source} says {addresses.describe(other)}"
    return ""


def confirm(consequence: str, address: str = "") -> None:
    """Goes on only if the person at the terminal agrees. Raises UsageError where nobody can answer."""
    consequence = f"{address}: {consequence}" if address else consequence
    if not sys.stdin.isatty():
        raise UsageError(f"nobody can be asked: {consequence}", hint="Add --yes if that is meant.")
    typer.confirm(f"{words.printable(consequence)} Go on?", abort=True, err=True)


@contextmanager
def hooks() -> Iterator["Hooks"]:
    """What the person at the terminal hears while a run goes on."""
    from memdb.migrations import Hooks
    from memdb.output import bars

    with bars.BuildProgress() as progress:
        yield Hooks(
            on_start=lambda direction, migration: output.say(
                f"{'Applying' if direction == 'migrate' else 'Rolling back'} {migration.id} …"
            ),
            on_wait=lambda whom: output.say(f"Waiting for {whom}"),
            on_build=lambda build: progress.show(f"{build.table}: {build.phase}", build.done),
            on_advice=lambda advice: output.say(advice) if advice else None,
        )
