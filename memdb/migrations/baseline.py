"""Taking a schema that is there already for migrated, after proof that it is what the migrations make."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from memdb import trust
from memdb.catalog import Patch
from memdb.database import Connection
from memdb.ledger.plan import Migrate
from memdb.ledger.sqlfiles import Sets
from memdb.migrations import planning, session
from memdb.migrations.outcome import Hooks
from memdb.migrations.session import Limits
from memdb.verification import verify
from memdb.verification.verify import Verification

REASON = "memdb baseline: the schema was there, and was verified"


@dataclass(frozen=True, slots=True)
class Baseline:
    """`marked` are the migrations that count as applied now: none where the schema differs."""

    marked: tuple[str, ...]
    verification: Verification

    @property
    def ok(self) -> bool:
        return self.verification.ok


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
    from memdb.migrations.scribe import Scribe

    with session.exclusive(connection, limits, hooks.on_wait):
        planned = planning.make_plan(connection, sets, Migrate(to, tuple(chosen), out_of_order=True))
        ids = [item.id for item in planned.history.applied if item.id in patches] + [step.id for step in planned.steps]
        result = verify.verify(connection, sets, patches, assumed=ids)
        if result.ok and planned.steps:
            trust.require(connection, planned.history.home.schema, limits.trusted_schemas)
            scribe = Scribe(connection, planned.history.home)
            with scribe.writing():
                for step in planned.steps:
                    scribe.mark(step.migration, REASON, planned.history.on_top_of(step.migration, sets))
        marked = tuple(step.id for step in planned.steps) if result.ok else ()
    return Baseline(marked, result)
