"""A team's own SQL directory: a copy of the one memdb ships, and new migrations in it."""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from memdb import sqlfiles
from memdb.errors import SqlFilesError, UsageError

_MIGRATION = """\
-- {title}.
--
-- Say why here. The file runs in one transaction; name every constraint and index, and comment on each object.
"""
_ROLLBACK = """\
-- Undoes {id}.sql, and nothing else.
"""
_SETTINGS = """\
# Settings of memdb for this directory. Flags, the environment and .env come first.
sql_dir = "sql"
"""


@dataclass(frozen=True, slots=True)
class Project:
    """A directory that memdb commands can be run in; `created` are the files that were written."""

    directory: Path
    sql_dir: Path
    created: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class NewMigration:
    id: str
    path: Path
    rollback_path: Path


def init(directory: Path) -> Project:
    """Copies the shipped sets and snapshot to `directory/sql`, and points memdb.toml at them.

    Raises SqlFilesError when there is something at `directory/sql` already; nothing is overwritten.
    """
    target = directory / "sql"
    if target.exists():
        raise SqlFilesError(f"{target} is there already", hint="Choose another directory; nothing is overwritten.")
    # What the program itself runs is not the team's to edit, and must fit the installed version.
    leave_out = shutil.ignore_patterns(*sqlfiles.NOT_SETS)
    try:
        shutil.copytree(sqlfiles.shipped_directory(), target, ignore=leave_out)
        created = sorted(path for path in target.rglob("*") if path.is_file())
        settings = directory / "memdb.toml"
        if not settings.exists():
            settings.write_text(_SETTINGS, encoding="utf-8")
            created.append(settings)
    except OSError as error:
        raise SqlFilesError(
            f"{error.filename or target} cannot be written: {error.strerror or error}", hint="Choose another directory."
        ) from None
    return Project(directory, target, tuple(created))


def new(sql_dir: Path, name: str, *, set_name: str = sqlfiles.CORE) -> NewMigration:
    """Writes the next numbered pair into a set of `sql_dir`.

    Raises UsageError when nothing of `name` is left as a file name, or for the SQL that memdb itself ships.
    """
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not slug:
        raise UsageError(f"{name!r} has no letter or digit", hint="Name what it does: memdb new add_importance")
    if sql_dir == sqlfiles.shipped_directory():
        raise UsageError(
            "the SQL that memdb ships is not yours to extend",
            hint="Make a copy with: memdb init . (or name your own with --sql-dir)",
        )
    folder = sql_dir / set_name
    numbers = [int(path.name.split("_")[0]) for path in folder.glob("[0-9]*_*.sql") if path.name[:4].isdigit()]
    id = f"{max(numbers, default=0) + 1:04}_{slug}"
    path, rollback_path = folder / f"{id}.sql", folder / f"{id}{sqlfiles.ROLLBACK_SUFFIX}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write_new(path, _MIGRATION.format(title=name.strip().rstrip(".").capitalize()))
        _write_new(rollback_path, _ROLLBACK.format(id=id))
    except OSError as error:
        raise SqlFilesError(
            f"{error.filename} cannot be written: {error.strerror}", hint="Check the permissions of the SQL directory."
        ) from None
    return NewMigration(id, path, rollback_path)


def _write_new(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
