"""What each migration does to the catalog, found out on temporary databases: what the snapshot holds."""

from collections.abc import Callable, Iterable

from memdb import catalog, scratch
from memdb.ledger.plan import Step
from memdb.ledger.sqlfiles import Migration, Sets
from memdb.migrations import preflight
from memdb.verification.snapshot import Patches


def record(
    sets: Sets,
    *,
    options: scratch.Options = scratch.Options(),
    on_start: Callable[[Migration], None] = lambda _: None,
) -> Patches:
    """The patches of all migrations, from a fresh database for each set that has any."""
    patches: Patches = {}
    with scratch.server(options) as server:
        for name in filter(sets.applicable, sets):
            below = sets.below(name)
            preflight.check([Step("migrate", migration) for migration in below])
            with server.database("snapshot") as fresh:
                fresh.apply(below)
                patches |= record_in(fresh, sets.applicable(name), on_start=on_start)
    return patches


def record_in(
    fresh: scratch.Database,
    migrations: Iterable[Migration],
    *,
    on_start: Callable[[Migration], None] = lambda _: None,
) -> Patches:
    """Applies the migrations one by one, and notes what each does to the catalog.

    Raises MigrationError for a file that a run would refuse.
    """
    before, patches = catalog.read(fresh.connection, fresh.schema).objects, {}
    for migration in migrations:
        on_start(migration)
        step = Step("migrate", migration)
        preflight.check([step])
        fresh.run(step)
        after = catalog.read(fresh.connection, fresh.schema).objects
        patches[migration.id] = catalog.patch(before, after)
        before = after
    return patches
