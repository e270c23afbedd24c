"""Migrations tried on an embedded database: what a file makes, and whether its rollback takes that back."""

import re
from collections.abc import Iterator

from memdb import catalog, database, files, scratch
from memdb.database import Connection
from memdb.effects import trying
from memdb.errors import StatementFailed
from memdb.ledger.plan import Step
from memdb.ledger.sqlfiles import Migration, Sets
from memdb.linting import hazards, naming, undoing
from memdb.linting.findings import Finding, Level
from memdb.linting.state import Reader
from memdb.migrations import hints

_OWN_RULES = frozenset({"needs-rights", "not-applicable", "not-rehearsed", "rollback-fails", "rollback-incomplete"})
RULES = _OWN_RULES | naming.RULES | hazards.RULES

_NOT_ALLOWED = "42501"  # insufficient_privilege: what is tried has no rights of a superuser

_PLACE = re.compile(r":(\d+):(\d+)\Z")
_UNDO = "A rollback undoes exactly its own file."


def rehearse(sets: Sets, wanted: set[str], options: scratch.Options) -> tuple[list[Finding], list[str]]:
    """Applies each set on top of core, and takes back each wanted migration in between.

    Gives the wanted ones, too, that were not taken back, since one of them or before them cannot be applied. Raises
    EmbeddedError when the embedded database cannot be used.
    """
    found: list[Finding] = []
    unproved: list[str] = []
    with scratch.server(options) as server:
        for name in sets:
            migrations = sets.applicable(name)
            reviewed = {migration.id for migration in migrations} & wanted
            if reviewed:
                with (
                    server.database("lint") as fresh,
                    database.again(fresh.connection, purpose="lint") as reading,
                ):
                    rehearsal = _Rehearsal(fresh, reading, reviewed)
                    found += rehearsal.run([*sets.below(name), *migrations])
                    unproved += [migration.id for migration in migrations if migration.id in rehearsal.unproved]
    return found, unproved


class _Rehearsal:
    """One run through core and a set."""

    def __init__(self, fresh: scratch.Database, reading: Connection, reviewed: set[str]) -> None:
        self._fresh, self._reading, self._reviewed = fresh, reading, reviewed
        self._state = Reader(reading)
        self._rolled_back: set[str] = set()
        self.unproved = set(reviewed)

    def run(self, migrations: list[Migration]) -> Iterator[Finding]:
        """Ends at the first migration that cannot be applied, or that requires an extension that is not there, since
        what comes after it may need it.
        """
        made: dict[catalog.Key, Migration] = {}
        for migration in migrations:
            if self._fresh.lacks(migration):
                break
            try:
                if migration.id in self._reviewed:
                    yield from self._there_and_back(migration, made)
                else:
                    self._fresh.run(Step("migrate", migration))
            except StatementFailed as error:
                yield self._not_applicable(migration, error)
                return
        yield from naming.uncommented(self._read_catalog(), made)

    def _there_and_back(self, migration: Migration, made: dict[catalog.Key, Migration]) -> Iterator[Finding]:
        """Applies a migration, rolls it back and applies it again; adds to `made` what it makes."""
        before, there = self._state.read(), self._read_catalog()
        yield from self._try(Step("migrate", migration))
        new = self._read_catalog().keys() - there.keys()
        made |= dict.fromkeys(new, migration)
        yield from naming.unnamed(new, migration)
        back = Step("rollback", migration)
        try:
            yield from self._try(back)
        except StatementFailed as error:
            yield _found(back, "rollback-fails", error.message, error)
            return  # which has left it applied
        self._rolled_back.add(migration.id)
        given = undoing.Given(self._fresh.made_roles, self._fresh.made_rights)
        for message in undoing.differences(before, self._state.read(), given):
            yield _incomplete(back, message)
        self._fresh.run(Step("migrate", migration))
        self.unproved.discard(migration.id)

    def _read_catalog(self) -> catalog.Objects:
        return catalog.read(self._reading, self._fresh.schema).objects

    def _try(self, step: Step) -> Iterator[Finding]:
        """Takes a step, and looks at what its statements do meanwhile."""
        yield from hazards.findings(trying.take(self._fresh, step), files.shown(step.path))

    def _not_applicable(self, migration: Migration, error: StatementFailed) -> Finding:
        if migration.id in self._rolled_back:
            message = f"It leaves something that keeps {migration.id} from being applied again: {error.message}"
            return _incomplete(Step("rollback", migration), message)
        step = Step("migrate", migration)
        if hints.is_missing_there(error):  # an extension, or a program
            message = f"It was not tried: {error.message}"
            return _found(step, "not-rehearsed", message, error, "warning")
        if error.sqlstate == _NOT_ALLOWED:
            return _found(step, "needs-rights", f"It was not tried: {error.message}", error)
        message = f"It fails when only the migrations before it are applied: {error.message}"
        return _found(step, "not-applicable", message, error)


def _incomplete(step: Step, message: str) -> Finding:
    return Finding(files.shown(step.path), 1, 1, "rollback-incomplete", "error", message, _UNDO)


def _found(step: Step, rule: str, message: str, error: StatementFailed, level: Level = "error") -> Finding:
    """Where the error was; at the beginning where only the file is known."""
    place = _PLACE.search(error.location)
    line, column = map(int, place.groups()) if place else (1, 1)
    return Finding(files.shown(step.path), line, column, rule, level, message, error.hint)
