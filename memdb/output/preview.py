"""Text for a dry run."""

import shlex
from collections.abc import Iterator
from typing import Any

from memdb.output import locks
from memdb.output.rendering import render
from memdb.preview import DryRun
from memdb.words import count


@render.register
def _(dry_run: DryRun) -> Iterator[Any]:
    """The SQL that would run, what it locks, and what would be lost."""
    for step in dry_run.steps:
        yield f"-- {step.path}"
        yield from step.sql.replace("\r\n", "\n").split("\n")
        yield from locks.of_step(step)
    yield from locks.summary(dry_run)
    yield from (f"-- may lose {loss.in_words()}" for loss in dry_run.losses)
    for refusal in dry_run.refusals:
        yield " ".join(filter(None, ("-- would be refused:", refusal.location, refusal.message)))
        yield from (f"--   {line}" for line in refusal.hint.splitlines())
    verb = "applied" if dry_run.direction == "migrate" else "rolled back"
    done = "the run would stop" if dry_run.refusals else f"{count(len(dry_run.steps), 'migration')} would be {verb}"
    yield f"-- {done}; nothing was run"
    if dry_run.saved_as is not None:
        yield f"-- to run exactly this: memdb {dry_run.direction} --plan {shlex.quote(str(dry_run.saved_as))}"
