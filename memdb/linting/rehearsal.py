"""Migrations tried on an embedded database: what a file makes, and whether its rollback takes that back."""

from collections.abc import Callable, Iterator

from memdb import catalog, database, scratch
from memdb.database import Connection
from memdb.effects import trying
from memdb.errors import StatementFailed
from memdb.ledger.plan import Direction, Step
from memdb.ledger.sqlfiles import Migration, Sets
from memdb.linting import hazards, naming, undoing
from memdb.linting.findings import Finding
from memdb.linting.state import Reader

_OWN_RULES = frozenset({"not-applicable", "not-rehearsed", "rollback-fails", "rollback-incomplete"})
RULES = _OWN_RULES | naming.RULES | hazards.RULES

_NOT_OFFERED = "0A000"  # feature_not_supported: an extension that this server does not have, a program

_UNDO = "A rollback undoes exactly its own file."

Shown = Callable[[Migration, Direction], str]
"""The path of a migration's file, as findings name it."""


def rehearse(sets: Sets, wanted: set[str], shown: Shown, options: scratch.Options) -> Iterator[Finding]:
    """Applies each set on top of core, and takes back each wanted migration in between.

    Raises EmbeddedError when the embedded database cannot be used.
    """
    with scratch.server(options) as server:
        for name, migrations in sets.items():
            reviewed = {migration.id for migration in migrations} & wanted
            if reviewed:
                with (
                    server.database("lint") as fresh,
                    database.again(fresh.connection, purpose="lint") as reading,
                ):
                    yield from _Rehearsal(fresh, reading, reviewed, shown).run([*sets.below(name), *migrations])


class _Rehearsal:
    """One run through core and a set."""

    def __init__(self, fresh: scratch.Database, reading: Connection, reviewed: set[str], shown: Shown) -> None:
        self._fresh, self._reading, self._reviewed, self._shown = fresh, reading, reviewed, shown
        self._state = Reader(reading)
        self._rolled_back: set[str] = set()

    def run(self, migrations: list[Migration]) -> Iterator[Finding]:
        """Ends at the first migration that cannot be applied, since what comes after it may need it."""
        made: dict[str, Migration] = {}
        for migration in migrations:
            try:
                if migration.id in self._reviewed:
                    yield from self._there_and_back(migration, made)
                else:
                    self._go("migrate", migration)
            except StatementFailed as error:
                yield self._not_applicable(migration, error)
                return
        yield from naming.uncommented(self._read_catalog(), made, self._shown)

    def _there_and_back(self, migration: Migration, made: dict[str, Migration]) -> Iterator[Finding]:
        """Applies a migration, rolls it back and applies it again; adds to `made` what it makes."""
        before, there = self._state.read(), self._read_catalog()
        yield from self._try("migrate", migration)
        new = self._read_catalog().keys() - there.keys()
        made |= dict.fromkeys(new, migration)
        yield from naming.unnamed(new, migration, self._shown)
        file = self._shown(migration, "rollback")
        try:
            yield from self._try("rollback", migration)
        except StatementFailed as error:
            yield Finding(file, *_place(error), "rollback-fails", "error", error.message, error.hint)
            return  # which has left it applied
        self._rolled_back.add(migration.id)
        for message in undoing.differences(before, self._state.read(), given_roles=self._fresh.made_roles):
            yield Finding(file, 1, 1, "rollback-incomplete", "error", message, _UNDO)
        self._go("migrate", migration)

    def _read_catalog(self) -> catalog.Objects:
        return catalog.read(self._reading, self._fresh.schema).objects

    def _try(self, direction: Direction, migration: Migration) -> Iterator[Finding]:
        """Takes a step, and looks at what its statements do meanwhile."""
        tried = trying.take(self._fresh, Step(direction, migration))
        yield from hazards.findings(tried, self._shown(migration, direction))

    def _go(self, direction: Direction, migration: Migration) -> None:
        self._fresh.run(Step(direction, migration))

    def _not_applicable(self, migration: Migration, error: StatementFailed) -> Finding:
        if migration.id in self._rolled_back:
            message = f"It leaves what keeps {migration.id} from being applied again: {error.message}"
            return Finding(self._shown(migration, "rollback"), 1, 1, "rollback-incomplete", "error", message, _UNDO)
        file = self._shown(migration, "migrate")
        if error.sqlstate == _NOT_OFFERED:
            message = f"It was not tried, nor what comes after it: {error.message}"
            return Finding(file, *_place(error), "not-rehearsed", "warning", message, error.hint)
        message = f"It fails where only the migrations before it are applied: {error.message}"
        return Finding(file, *_place(error), "not-applicable", "error", message, error.hint)


def _place(error: StatementFailed) -> tuple[int, int]:
    """Line and column."""
    _, line, column = error.location.rsplit(":", 2)
    return int(line), int(column)
