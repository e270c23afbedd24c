"""The options that several commands share, and what they lead to."""

import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from memdb import door, output, settings, words
from memdb.errors import UsageError
from memdb.output import formats

if TYPE_CHECKING:
    from memdb import scratch


def format_option(result: type = object) -> Any:
    """--format, with the formats that there are for results of this type."""
    names = formats.names(result)

    def named(text: str) -> str:
        if text not in names:
            raise typer.BadParameter(f"{text!r} is not one of {', '.join(map(repr, names))}.")
        return text

    shown = f"<{'|'.join(names)}>"
    return typer.Option(
        "--format", "-f", help="Format of the result.", metavar=shown, parser=named, autocompletion=lambda: names
    )


MOST = 2**31 - 1  # for options that have no other limit: what is larger cannot be counted to, or not be sent


def finite(value: float | None) -> float | None:
    """For options: no comparison holds for NaN, so it would pass every limit, and be waited for without end."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter("it is not a finite number.")
    return value


def _folder(text: str) -> Path:
    if not text.strip():
        raise UsageError("--sql-dir is empty", hint="Name a folder, or leave the option out.")
    return Path(text)


SqlDir = Annotated[
    Path | None,
    typer.Option(
        help="Folder with the SQL files. Default: from memdb.toml, or memdb's own.", metavar="<path>", parser=_folder
    ),
]
Wait = Annotated[
    float, typer.Option(min=0, callback=finite, help="How long to wait for others, in total.", metavar="SECONDS")
]
LockTimeout = Annotated[
    float,
    typer.Option(
        min=0.001,
        max=MOST // 1000,
        callback=finite,
        help="How long a statement may wait for a lock before it gives up and tries again.",
        metavar="SECONDS",
    ),
]
OutputFormat = Annotated[str, format_option()]
With = Annotated[
    list[str] | None, typer.Option("--with", help="Include this optional set (can be repeated).", metavar="SET")
]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Place:
    """Which database a command works in, and with which files. What it shows of itself may not hold a password."""

    database_url: Annotated[
        str | None,
        typer.Option(
            help="Database to use. Default: from MEMDB_DATABASE_URL, DATABASE_URL, .env or memdb.toml, or the embedded "
            "database.",
            metavar="URL",
        ),
    ] = None
    schema: Annotated[
        str | None,
        typer.Option(
            help="Schema to work in. Default: from MEMDB_SCHEMA or memdb.toml, or the first in the search_path."
        ),
    ] = None
    sql_dir: SqlDir = None

    def open(self, *, chosen: list[str] | None = None, trial: "Trial | None" = None) -> door.Database:
        """The database, which says on stderr what happens there; a MigratingPlace by MEMDB_MIGRATION_URL."""
        return door.open(
            self.database_url,
            schema=self.schema,
            sql_dir=self.sql_dir,
            sets=tuple(chosen or ()),
            trusted_schemas=tuple(getattr(self, "trust_schema", None) or ()),
            scratch_url=trial.scratch_url if trial else None,
            scratch_setup=trial.scratch_setup if trial else None,
            migrating=isinstance(self, MigratingPlace),
            on_message=output.say,
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MigratingPlace(Place):
    """A place whose history is changed: MEMDB_MIGRATION_URL counts, where that is set."""

    trust_schema: Annotated[
        list[str] | None,
        typer.Option(
            "--trust-schema",
            help="Let a superuser work although other roles may create objects in this schema (can be repeated). Also "
            "in memdb.toml.",
            metavar="NAME",
        ),
    ] = None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Trial:
    """Where migrations are tried."""

    scratch_url: Annotated[
        str | None,
        typer.Option(
            help="Server to try migrations on; memdb creates databases there. Default: from MEMDB_SCRATCH_URL or "
            "memdb.toml, or a temporary embedded one.",
            metavar="URL",
        ),
    ] = None
    scratch_setup: Annotated[
        Path | None,
        typer.Option(
            help="SQL to run there first, to create what migrations expect. Default: from MEMDB_SCRATCH_SETUP or "
            "memdb.toml.",
            metavar="FILE",
        ),
    ] = None

    def options(self, directory: Path) -> "scratch.Options":
        """For the project in a directory, whichever one the command runs in."""
        from memdb import scratch

        found = settings.scratch(url=self.scratch_url, setup=self.scratch_setup, directory=directory)
        return scratch.Options.of(found, output.say)


def confirm(consequence: str, address: str = "") -> None:
    """Goes on only if the person at the terminal agrees. Raises UsageError where nobody can answer."""
    consequence = f"{address}: {consequence}" if address else consequence
    if not sys.stdin.isatty():
        raise UsageError(f"cannot ask for confirmation: {consequence}", hint="Add --yes if you want that.")
    typer.confirm(f"{words.printable(consequence)} Continue?", abort=True, err=True)
