"""A team's own SQL directory: written once, and brought up to date by newer versions of memdb."""

import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from memdb import catalog, files, recording, scratch
from memdb.errors import EmbeddedError, SqlFilesError
from memdb.ledger import sqlfiles
from memdb.ledger.sqlfiles import OWN, Migration
from memdb.project import shipping
from memdb.project.own import FIRST_NUMBER, require_own
from memdb.project.shipping import SNAPSHOT, STAND_IN, Texts
from memdb.project.writing import writing
from memdb.shape import DEFAULT, Shape
from memdb.verification import snapshot

_SETTINGS = """\
# Settings of memdb for this directory. Flags, the environment and .env come first.
sql_dir = "sql"
"""
_SCRATCH_SETUP = f"""\
# Migrations expect the application's users; this file creates them where migrations are only tried.
scratch_setup = "sql/{STAND_IN}"
"""
_OWN_README = PurePosixPath(OWN, "README.md")
_README = f"""\
# {OWN}

The migrations of this application. `memdb new NAME` writes them here, with numbers from {FIRST_NUMBER}, and
`memdb migrate` applies them after those of memdb. memdb itself ships nothing for this folder.
"""

OnStart: TypeAlias = Callable[[Migration, int], None]
"""Hears which migration is tried for the snapshot, and how many there are in all."""


@dataclass(frozen=True, slots=True)
class Project:
    """A directory that memdb commands can be run in; `created` are the files that were written.

    `settings` are lines for a memdb.toml that was there already, and `has_snapshot` says whether verify-schema can be
    run: not where migrations could not be tried.
    """

    directory: Path
    sql_dir: Path
    shape: Shape
    created: tuple[Path, ...]
    has_snapshot: bool
    settings: str


@dataclass(frozen=True, slots=True)
class Upgrade:
    """`added` are the files that memdb ships and the folder did not have.

    `differing` are those of the folder that memdb ships with another text: they were edited, or memdb has changed them
    since. They are left as they are.
    """

    sql_dir: Path
    shape: Shape
    added: tuple[Path, ...]
    differing: tuple[Path, ...]
    has_snapshot: bool
    is_dry_run: bool


def init(
    directory: Path,
    shape: Shape = DEFAULT,
    *,
    only: frozenset[str] | None = None,
    schema: str | None = None,
    trial: scratch.Options = scratch.Options(),
    on_start: OnStart = lambda *_: None,
) -> Project:
    """Writes the shipped sets for a shape to `directory/sql`, with their snapshot, and points memdb.toml at them.

    `only` are the sets to be written, where not all are. `schema` is one that memdb.toml is to name. Raises
    SqlFilesError when there is something at `directory/sql` already; nothing is overwritten.
    """
    expect_free(directory)
    target, settings = directory / "sql", directory / "memdb.toml"
    wanted = _settings(shape, schema)
    is_new = not os.path.lexists(settings)
    is_there = _reads(settings) == wanted  # an earlier init was killed
    texts = {path: text for path, text in shipping.texts(shape).items() if _is_chosen(path, only)}
    texts[_OWN_README] = _README
    with tempfile.TemporaryDirectory() as temporary, writing("Choose another directory."):
        folder = Path(temporary, "sql")
        files.create({folder / path: text for path, text in texts.items()})
        if trial.setup is not None and trial.setup.absolute() == (target / STAND_IN).absolute():
            trial = replace(trial, setup=None)  # of this project, as an earlier init that was killed has written it
        has_snapshot = SNAPSHOT in texts or _record(folder, trial, on_start)
        # The copy comes last: until it is there, an init that was interrupted can be repeated.
        with files.created({settings: wanted} if is_new else {}):
            files.copy_folder(folder, target)
    written = sorted(path for path in target.rglob("*") if path.is_file())
    created = (*written, *([settings] if is_new else []))
    return Project(directory, target, shape, created, has_snapshot, "" if is_new or is_there else wanted)


def _is_chosen(path: PurePosixPath, only: frozenset[str] | None) -> bool:
    """Whether it is of a set that is wanted. The snapshot has all sets, and is made anew for some."""
    return only is None or (path.parent.name in {"", *only} and path != SNAPSHOT)


def _settings(shape: Shape, schema: str | None) -> str:
    """What memdb.toml says. A string of JSON is one of TOML, too."""
    chosen = "" if schema is None else f"schema = {json.dumps(schema)}\n"
    return _SETTINGS + chosen + ("" if shape.users.may_be_made else _SCRATCH_SETUP)


def expect_free(directory: Path) -> None:
    """Raises SqlFilesError where `init` would find something in its place."""
    target = directory / "sql"
    if os.path.lexists(target):
        raise SqlFilesError(f"{target} already exists", hint="Choose another directory; nothing is overwritten.")


def upgrade(
    sql_dir: Path,
    *,
    trial: scratch.Options = scratch.Options(),
    dry_run: bool = False,
    on_start: OnStart = lambda *_: None,
) -> Upgrade:
    """Adds what this version of memdb ships and the folder does not have, for the folder's shape.

    No file that is there is touched, but for the snapshot, which is written anew. Raises SqlFilesError where the shape
    cannot be told, or where a migration of the team's has the number of one of memdb's; UsageError for memdb's own SQL.
    """
    require_own(sql_dir)
    with writing("Check the permissions of the SQL directory."), files.alone(sql_dir):
        sets, shape = sqlfiles.read_sets(sql_dir), shape_of(sql_dir)
        texts = _wanted(sql_dir, shape)
        new = {path: text for path, text in texts.items() if not os.path.lexists(sql_dir / path)}
        _expect_no_collision(sets, new)
        if not os.path.lexists(sql_dir / OWN):
            new[_OWN_README] = _README
        differing = [
            sql_dir / path for path, text in texts.items() if path not in new and _reads(sql_dir / path) != text
        ]
        has_snapshot = True
        if (new or _lacks_any(sets, texts, snapshot.read(sql_dir))) and not dry_run:
            for path in new:
                files.expect_inside(sql_dir, sql_dir / path)
            with files.created({sql_dir / path: text for path, text in new.items()}):
                has_snapshot = _record(sql_dir, trial, on_start)
    return Upgrade(sql_dir, shape, tuple(sql_dir / path for path in new), tuple(differing), has_snapshot, dry_run)


def _wanted(sql_dir: Path, shape: Shape) -> Texts:
    """What memdb ships, but for the snapshot, and for sets of which a team has kept the folder and no migration."""
    texts = {path: text for path, text in shipping.texts(shape).items() if path != SNAPSHOT}
    folders = {path.parent.name for path in texts} - {""}
    left_out = {name for name in folders if (sql_dir / name).is_dir() and not any((sql_dir / name).glob("*.sql"))}
    return {path: text for path, text in texts.items() if path.parent.name not in left_out}


def shape_of(sql_dir: Path) -> Shape:
    """The shape for which a folder was written, as its snapshot has it.

    Raises SqlFilesError where there is no snapshot, or none of memories.
    """
    found = catalog.shape_of(catalog.fold(snapshot.read(sql_dir).values()))
    if found is None:
        raise SqlFilesError(
            f"{sql_dir / SNAPSHOT} describes no table of memories",
            hint="Write it again with: memdb snapshot",
        )
    # Where a migration of the team's makes the users, those of memdb leave them alone, and are what memdb ships.
    made = found.users.may_be_made or (sql_dir / shipping.MAKES_USERS).exists()
    return replace(found, users=replace(found.users, may_be_made=made))


def _lacks_any(sets: sqlfiles.Sets, texts: Texts, recorded: snapshot.Patches) -> bool:
    """Whether a snapshot lacks a migration that memdb ships: an earlier upgrade was killed, or had no server for it."""
    rollbacks = {path for path in texts if path.name.endswith(sqlfiles.ROLLBACK_SUFFIX)}
    migrations = {path.stem for path in texts.keys() - rollbacks - {STAND_IN} if path.suffix == ".sql"}
    applicable = {migration.id for name in sets for migration in sets.applicable(name)}
    return not migrations & applicable <= recorded.keys()


def _record(sql_dir: Path, trial: scratch.Options, on_start: OnStart) -> bool:
    """Writes the snapshot, where there is a server to try migrations on."""
    setup = sql_dir / STAND_IN
    if trial.setup is None and setup.exists():
        trial = replace(trial, setup=setup)
    sets = sqlfiles.read_sets(sql_dir)
    total = sum(len(sets.applicable(name)) for name in sets)
    try:
        patches = recording.record(sets, options=trial, on_start=lambda migration: on_start(migration, total))
    except EmbeddedError:
        return False
    snapshot.write(sql_dir, patches)
    return True


def _expect_no_collision(sets: sqlfiles.Sets, new: Texts) -> None:
    theirs = {(item.set, sqlfiles.number_of(item.id)): item for item in sets.migrations}
    for path in new:
        if path.suffix == ".sql" and (there := theirs.get((path.parent.name, sqlfiles.number_of(path.stem)))):
            raise SqlFilesError(
                f"{there.path} has the number of {path.name}, which memdb brings",
                hint=f"Nothing was written. If it is not applied yet, move it to the set {OWN}. If it is, do what "
                f"{path.name} does in a migration of your own.",
            )


def _reads(path: Path) -> str | None:
    """None where there is none; also for a pipe or a device that a link leads to, which would be read for ever."""
    try:
        return path.read_text(encoding="utf-8") if path.is_file() else None
    except (OSError, ValueError):
        return None
