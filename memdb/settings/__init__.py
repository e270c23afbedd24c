"""Where a setting comes from: flag, then environment, then `.env`, then `memdb.toml`, then the default.

A setting that is there but empty is an error, and does not lead to the next one: a variable that was never filled in
must not lead to another database, schema or folder than the one that is meant.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from memdb import shipped
from memdb.errors import SettingsError
from memdb.settings import files

_FOR_MIGRATIONS = "MEMDB_MIGRATION_URL"
_NAMES = ("MEMDB_DATABASE_URL", "DATABASE_URL")
_FILES = (" in .env", " in memdb.toml")

Found: TypeAlias = tuple[object, str]  # a value and where it stands


@dataclass(frozen=True, slots=True)
class Settings:
    """`sql_dir` holds the sets of migrations. `schema` None means the first schema of the search_path.

    `directory` is where `memdb.toml` and `.env` are looked for.
    """

    sql_dir: Path
    sets: tuple[str, ...] = ()
    schema: str | None = None
    trusted_schemas: tuple[str, ...] = ()
    directory: Path = Path()
    names_sql_dir: bool = False  # memdb.toml does, and not whoever runs memdb

    @property
    def own_sql_dir(self) -> Path:
        """`sql_dir`, to write to it. Raises SettingsError where a project leads out of itself: whoever has written it
        does not choose which other folders of this machine are written to.
        """
        project = next((folder for folder in _above(self.directory) if (folder / ".git").exists()), self.directory)
        if self.names_sql_dir and not _real(self.sql_dir).is_relative_to(_real(project)):
            raise SettingsError(
                f"sql_dir in memdb.toml leads out of this project, to {_real(self.sql_dir)}, where nothing is written",
                hint="If you mean that folder, name it yourself: set MEMDB_SQL_DIR.",
            )
        return self.sql_dir


@dataclass(frozen=True, slots=True)
class Database:
    """A database URL and the setting that gave it; None is the embedded database.

    `rival` is a setting that one could take for the one that counts, with the database that it names.
    """

    url: str | None = field(default=None, repr=False)  # may hold a password
    source: str = "embedded"
    rival: "Database | None" = None

    @property
    def of_project(self) -> bool:
        """Whether files of the project name it, which whoever runs memdb need not have written."""
        return self.source.endswith(_FILES)


@dataclass(frozen=True, slots=True)
class Scratch:
    """Where to try migrations, None for an embedded server, and a file of SQL that is run there first.

    `of_project`: that memdb.toml names the server, which whoever has written the migrations may have written, too.
    """

    url: str | None = field(default=None, repr=False)  # may hold a password
    setup: Path | None = None
    of_project: bool = False


def load(
    *,
    sql_dir: Path | None = None,
    sets: tuple[str, ...] = (),
    schema: str | None = None,
    trusted_schemas: tuple[str, ...] = (),
    directory: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Settings:
    """Settings for a command that runs in `directory`, the current one by default.

    Raises SettingsError when the directory is not there, its `memdb.toml` cannot be used, or a setting is empty.
    """
    if directory is not None and not directory.is_dir():
        raise SettingsError(f"there is no directory {directory}", hint="Name one that has memdb.toml or .env, or none.")
    project = _Project(directory or Path.cwd(), environment)
    named, names_sql_dir = project.path("sql_dir", sql_dir)
    return Settings(
        sql_dir=named or shipped.sql_directory(),
        sets=project.names("sets", sets),
        trusted_schemas=project.names("trusted_schemas", trusted_schemas),
        schema=project.text("schema", schema),
        directory=directory or Path.cwd(),
        names_sql_dir=names_sql_dir,
    )


def database(
    url: str | None = None,
    *,
    migrating: bool = False,
    directory: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Database:
    """The database for a command; with `migrating`, MEMDB_MIGRATION_URL comes before the other names.

    Raises SettingsError when the setting that counts is empty, when `.env` or `memdb.toml` has to be read and cannot
    be, and when there is an address for migrations only.
    """
    directory = directory or Path.cwd()
    if url is not None:
        return next(_databases([(url, "--database-url")]))
    names = (_FOR_MIGRATIONS, *_NAMES) if migrating else _NAMES
    chosen = next(_databases(_places(names, directory, environment)), None)
    if chosen is None:
        if not migrating:
            _expect_no_address_for_migrations(directory, environment)
        return Database()
    with suppress(SettingsError, StopIteration):  # what does not count need not be right
        if chosen.source.startswith(_FOR_MIGRATIONS):
            others = _places(_NAMES, directory, environment)
        elif chosen.source == "DATABASE_URL":
            others = _places(("MEMDB_DATABASE_URL",), directory, environment)
        else:
            return chosen
        return Database(chosen.url, chosen.source, next(_databases(others)))
    return chosen


def scratch(
    *,
    url: str | None = None,
    setup: Path | None = None,
    directory: Path | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Scratch:
    """Settings for what is tried on temporary databases.

    Raises SettingsError when `memdb.toml` is there but cannot be used, and when a setting is empty.
    """
    project = _Project(directory or Path.cwd(), environment)
    named, of_project = project.first("scratch_url", url)
    return Scratch(named, project.path("scratch_setup", setup)[0], of_project)


class _Project:
    """The settings of a directory: `sql_dir` is --sql-dir, MEMDB_SQL_DIR, or sql_dir in memdb.toml, and so is each."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory, self._environment = directory, environment
        self._file = files.read_toml(directory / "memdb.toml")

    def text(self, key: str, given: str | None) -> str | None:
        return self.first(key, given)[0]

    def path(self, key: str, given: Path | None) -> tuple[Path | None, bool]:
        """The path that counts, and whether it is from memdb.toml: from there is meant what that says."""
        value, is_from_file = self.first(key, given)
        path = None if value is None else self._directory / value if is_from_file else Path(value)
        return path, is_from_file

    def names(self, key: str, given: Iterable[str]) -> tuple[str, ...]:
        """Those of the file and those that are given."""
        return tuple(dict.fromkeys((*files.names(self._file, key), *given)))

    def first(self, key: str, given: object) -> tuple[str | None, bool]:
        """The value that counts, and whether it is from the file."""
        variable, in_file = f"MEMDB_{key.upper()}", f"{key} in memdb.toml"
        places = [
            (given, f"--{key.replace('_', '-')}"),
            (self._environment.get(variable), variable),
            (self._file.get(key), in_file),
        ]
        value, source = next(_filled(places), (None, ""))
        if value and not key.endswith("_url"):
            files.expect_no_address(value, source)
        return value, source == in_file


def has_address_for_migrations(directory: Path, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether MEMDB_MIGRATION_URL is set. Raises SettingsError when `.env` has to be read and cannot be."""
    return bool(environment.get(_FOR_MIGRATIONS) or files.read_dotenv(directory / ".env").get(_FOR_MIGRATIONS))


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _above(folder: Path) -> tuple[Path, ...]:
    real = _real(folder)
    return (real, *real.parents)


def _expect_no_address_for_migrations(directory: Path, environment: Mapping[str, str]) -> None:
    if has_address_for_migrations(directory, environment):
        raise SettingsError(
            f"{_FOR_MIGRATIONS} is set, but no database for commands that do not migrate",
            hint=f"Set {_NAMES[0]} as well, to the same database, or give --database-url.",
        )


def _places(names: Iterable[str], directory: Path, environment: Mapping[str, str]) -> Iterator[Found]:
    """Where a database may be named, the most important first; a file is read when there was nothing before it."""
    yield from ((environment.get(name), name) for name in names)
    dotenv = files.read_dotenv(directory / ".env")
    yield from ((dotenv.get(name), f"{name} in .env") for name in names)
    yield files.read_toml(directory / "memdb.toml").get("database_url"), "database_url in memdb.toml"


def _databases(found: Iterable[Found]) -> Iterator[Database]:
    return (Database(url, source) for url, source in _filled(found))


def _filled(found: Iterable[Found]) -> Iterator[tuple[str, str]]:
    """What is set. Raises SettingsError at what is set and empty."""
    for value, source in found:
        if value is not None:
            if not str(value).strip():
                raise SettingsError(
                    f"{source} is empty", hint="Give it a value, or remove it: no other setting is used in its place."
                )
            yield str(value), source
