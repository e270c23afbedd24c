"""The migrations on disk, each with its rollback. Reads files and nothing else: `history` knows what is applied."""

import hashlib
import re
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from memdb.errors import SqlFilesError, UsageError
from memdb.ledger import directives, texts

CORE = "core"
OWN = "app"
"""The set for an application's own migrations, which are always applied, too; memdb ships none of that name."""
ROLLBACK_SUFFIX = ".rollback.sql"
NOT_SETS = {"queries", "changing_model"}

_MIGRATION_NAME = re.compile(r"(?P<number>[0-9]{4,})_[a-z0-9_]+")
_NOT_FILES = {
    stat.S_IFDIR: "a directory",
    stat.S_IFLNK: "a broken symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


@dataclass(frozen=True, slots=True)
class Migration:
    """One `NNNN_name.sql` and its rollback. `sql` is what the file holds, but for a byte order mark.

    `formerly` are checksums of earlier texts of the file: where one of them was applied, this one is. What is
    `alongside` other sets is applied only where all of them are, whichever was chosen first; its set comes
    `after` others where they are applied. Extensions that it `requires` cannot be had on a temporary server; where they
    are missing, the file itself says so.
    """

    id: str
    set: str
    path: Path
    sql: str
    transactional: bool = True
    depends: tuple[str, ...] = ()
    formerly: tuple[str, ...] = ()
    alongside: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def checksum(self) -> str:
        """SHA-256 of the normalised text, so that a checkout with other line ends is no edit."""
        return hashlib.sha256(texts.normalised(self.sql).encode()).hexdigest()

    @property
    def rollback_path(self) -> Path:
        return self.path.with_name(self.id + ROLLBACK_SUFFIX)

    def read_rollback(self) -> str:
        """The text of the rollback file as it is now. Raises what texts.read raises."""
        return texts.read(self.rollback_path)


class Sets(Mapping[str, tuple[Migration, ...]]):
    """The sets of a folder by name, each with its migrations, in the order in which they apply: core first."""

    def __init__(self, sets: Mapping[str, Iterable[Migration]]) -> None:
        self._sets = {name: tuple(migrations) for name, migrations in sets.items()}
        self.by_id = {migration.id: migration for migrations in self._sets.values() for migration in migrations}

    def __getitem__(self, name: str) -> tuple[Migration, ...]:
        return self._sets[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sets)

    def __len__(self) -> int:
        return len(self._sets)

    @property
    def migrations(self) -> tuple[Migration, ...]:
        """Those of all sets, in the order in which they apply."""
        return tuple(self.by_id.values())

    def below(self, name: str) -> tuple[Migration, ...]:
        """What a set is applied on top of: core, and the sets that its migrations depend on or are alongside; nothing
        for core.
        """
        if name == CORE:
            return ()
        depended = {self.by_id[id].set for migration in self[name] for id in migration.depends}
        needed = {CORE, *depended, *(other for migration in self[name] for other in migration.alongside)} - {name}
        return tuple(self.of(needed))

    def applicable(self, name: str) -> list[Migration]:
        """Those of a set that this folder can apply: not what is alongside a set that a team has left out."""
        return [migration for migration in self[name] if all(map(self.get, migration.alongside))]

    def active(self, applied: Collection[str], chosen: Iterable[str] = ()) -> list[Migration]:
        """The migrations of core, the application's own, and those of sets that are chosen or begun, in order.

        Raises UsageError for a chosen set that is not there.
        """
        for name in chosen:
            if name not in self:
                several = " Name each by itself: --with ONE --with OTHER." if "," in name else ""
                raise UsageError(f"there is no set {name!r}", hint=f"The sets are {', '.join(self)}.{several}")
        begun = {migration.set for migration in self.migrations if migration.id in applied}
        return self.of({CORE, OWN, *chosen, *begun})

    def after(self, migration: Migration) -> list[str]:
        """The ids of those of its set that come after it."""
        later = self[migration.set]
        return [item.id for item in later[later.index(migration) + 1 :]]

    def of(self, names: Collection[str]) -> list[Migration]:
        """The migrations of these sets, in order, without those that are alongside another."""
        return [item for item in self.migrations if {item.set, *item.alongside} <= set(names)]


def number_of(id: str) -> int:
    """The number with which the name of a migration begins."""
    return int(id.split("_")[0])


def find(migrations: Iterable[Migration], name: str) -> Migration:
    """The one migration whose id is `name` or begins with it. Raises UsageError when none or several do."""
    choice = list(migrations)
    exact = [migration for migration in choice if migration.id == name]
    matches = exact or [migration for migration in choice if migration.id.startswith(name)]
    if name and len(matches) == 1:
        return matches[0]
    ids = ", ".join(migration.id for migration in matches or choice) or "none"
    if matches:
        raise UsageError(f"several migrations begin with {name!r}", hint=f"Name one of {ids}.")
    raise UsageError(f"no migration {name!r}", hint=f"The migrations to choose from are {ids}.")


def read_sets(directory: Path) -> Sets:
    """Every set in `directory` with its migrations, in the order in which they apply: core first, the own ones last.

    Raises SqlFilesError when the directory, a name, a pair or a header is not as it must be.
    """
    if not directory.is_dir():
        raise SqlFilesError(
            f"the SQL directory {directory} does not exist",
            hint="Name another with --sql-dir, or create one with: memdb init DIR",
        )
    try:
        folders = {path.name: path for path in directory.iterdir() if path.is_dir() and path.name not in NOT_SETS}
        names = sorted(folders, key=lambda name: (name != CORE, name == OWN, name))
        sets = {name: _read_set(folders[name]) for name in names if not name.startswith((".", "_"))}
    except OSError as error:
        raise SqlFilesError(
            f"the SQL directory {directory} cannot be read: {error.strerror}: {error.filename}",
            hint="Check the permissions of the directory and its files.",
        ) from None
    if not sets.get(CORE):
        raise SqlFilesError(
            f"the SQL directory {directory} has no migrations in {CORE}/",
            hint=f"Put migrations named NNNN_name.sql into {directory / CORE}, or make a copy with: memdb init DIR",
        )
    sets = _in_order(sets)
    _check_names([migration for migrations in sets.values() for migration in migrations])
    return Sets(sets)


def _in_order(sets: Mapping[str, list[Migration]]) -> dict[str, list[Migration]]:
    """Each set after those that its migrations are alongside, or that they come after."""
    ordered: dict[str, list[Migration]] = {}
    begun: set[str] = set()

    def place(name: str) -> None:
        if name not in begun:
            begun.add(name)
            named = {other for item in sets[name] for other in (*item.alongside, *item.after)}
            for other in sorted(named & sets.keys()):
                place(other)
            ordered[name] = sets[name]

    for name in sets:
        place(name)
    return ordered


def _read_set(folder: Path) -> list[Migration]:
    files = {path.name: path for path in folder.iterdir() if _is_sql(path)}
    forward = sorted(name for name in files if not name.endswith(ROLLBACK_SUFFIX))
    for name in files.keys() - set(forward):
        if name.removesuffix(ROLLBACK_SUFFIX) + ".sql" not in files:
            raise SqlFilesError(
                f"{files[name]} rolls back a migration that does not exist",
                hint=f"Add {name.removesuffix(ROLLBACK_SUFFIX)}.sql beside it, or remove it.",
            )
    by_number: dict[int, str] = {}
    migrations = []
    for name in forward:
        number = _number(files[name])
        if number in by_number:
            raise SqlFilesError(
                f"{folder}: {by_number[number]} and {name} have the same number",
                hint="Give one of them the next free number; a migration that is applied somewhere must keep its "
                "number.",
            )
        by_number[number] = name
        if name.removesuffix(".sql") + ROLLBACK_SUFFIX not in files:
            raise SqlFilesError(
                f"{files[name]} has no rollback",
                hint=f"Write {name.removesuffix('.sql') + ROLLBACK_SUFFIX} beside it, with the SQL that undoes it.",
            )
        migrations.append(_read_migration(folder.name, files[name]))
    return sorted(migrations, key=lambda migration: number_of(migration.id))


def _is_sql(path: Path) -> bool:
    """Whether this is SQL of the set; what editors, merges and file managers leave beside it is passed over.

    Raises SqlFilesError for what would be taken for a migration by whoever sees its name, and is none.
    """
    if path.name.startswith((".", "#")) or path.suffix.lower() != ".sql":
        return False
    if path.suffix != ".sql":
        raise SqlFilesError(f"{path} ends in {path.suffix}", hint="Rename it: names of migrations are in lower case.")
    if not path.is_file():
        kind = _NOT_FILES.get(stat.S_IFMT(path.stat().st_mode if path.exists() else path.lstat().st_mode), "a device")
        raise SqlFilesError(f"{path} is {kind}", hint="Put a file in its place, or remove it.")
    return True


def _number(path: Path) -> int:
    match = _MIGRATION_NAME.fullmatch(path.stem)
    if match is None:
        raise SqlFilesError(
            f"{path} is not named like a migration",
            hint="Name it NNNN_name.sql: four digits, then lower-case letters, digits and underscores.",
        )
    return int(match["number"])


def _read_migration(set_name: str, path: Path) -> Migration:
    sql = texts.read(path)
    said = directives.read(path, sql)
    is_alone = "false" in said.pop("transactional", ())
    return Migration(path.stem, set_name, path, sql, transactional=not is_alone, **said)


def _check_names(migrations: Iterable[Migration]) -> None:
    """Raises SqlFilesError where two are called alike, or one depends on what does not come before it."""
    earlier: dict[str, Migration] = {}
    for migration in migrations:
        if other := earlier.get(migration.id):
            raise SqlFilesError(
                f"{other.path} and {migration.path} have the same name",
                hint="Rename the one that is not applied anywhere: the history identifies a migration by its name.",
            )
        if missing := [name for name in migration.depends if name not in earlier]:
            raise SqlFilesError(
                f"{migration.path} depends on {missing[0]}, which does not come before it",
                hint="Name a migration with a lower number, or one of core.",
            )
        earlier[migration.id] = migration
