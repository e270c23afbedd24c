"""Text for a dry run."""

from collections.abc import Iterator
from typing import Any

from memdb.migrations import DryRun
from memdb.output import locks
from memdb.output.migrations import count


def render(dry_run: DryRun) -> Iterator[Any]:
    """The SQL that would run, what it locks, and what would be lost."""
    for step in dry_run.steps:
        yield f"-- {step.path}"
        yield from step.sql.split("\n")
        yield from locks.of_step(step)
    yield from locks.summary(dry_run)
    yield from (f"-- would drop {loss.table} with {count(loss.rows, 'row')}" for loss in dry_run.losses)
    verb = "applied" if dry_run.direction == "migrate" else "rolled back"
    yield f"-- {count(len(dry_run.steps), 'migration')} would be {verb}; nothing was run"
