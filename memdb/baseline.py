"""Taking a schema that is there already for migrated, after proof that it is what the migrations make."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from memdb.catalog import Patch
from memdb.database import Connection
from memdb.migrations import Hooks, Limits, history, locking, plan
from memdb.migrations.plan import Sets
from memdb.verification import verify
from memdb.verification.verify import Verification

REASON = "memdb baseline: the schema was there, and was verified"


@dataclass(frozen=True, slots=True)
class Baseline:
    """`marked` are the migrations that count as applied now: none where the schema differs."""

    ok: bool
    marked: tuple[str, ...]
    verification: Verification


def baseline(
    connection: Connection,
    sets: Sets,
    patches: Mapping[str, Patch],
    *,
    to: str | None = None,
    chosen: Iterable[str] = (),
    limits: Limits = Limits(),
    hooks: Hooks = Hooks(),
) -> Baseline:
    """Marks the pending migrations, up to and including `to`, as applied without running them.

    Nothing is marked unless the database holds exactly what all of them, and those applied before, make.
    """
    from memdb.migrations.runner import Runner

    locking.prepare_session(connection, lock_timeout_seconds=limits.lock_timeout_seconds)
    with locking.migration_lock(connection, wait_seconds=limits.wait_seconds, on_wait=hooks.on_wait):
        past = history.read(connection)
        planned = plan.to_migrate(sets, past, to=to, chosen=chosen, out_of_order=True).migrations
        ids = [*past.ids, *(migration.id for migration in planned)]
        in_order = [migration.id for migrations in sets.values() for migration in migrations if migration.id in ids]
        result = verify.verify(connection, sets, patches, assumed=in_order)
        if result.ok and planned:
            runner = Runner(connection)
            for migration in planned:
                runner.mark(migration, REASON)
        marked = tuple(migration.id for migration in planned) if result.ok else ()
    return Baseline(result.ok, marked, result)
