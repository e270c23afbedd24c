"""Text for a dry run, which is SQL: what is said of it, of locks and losses, is in comments."""

import shlex
from collections.abc import Iterator
from typing import Any

from memdb.output.folding import Code
from memdb.output.rendering import render
from memdb.preview import DryRun
from memdb.preview.locks import Rows, StatementLocks
from memdb.words import count


@render.register
def _(dry_run: DryRun) -> Iterator[Any]:
    """What would be refused, lost and locked, and then the SQL that would run."""
    return map(Code, _lines(dry_run))


def _lines(dry_run: DryRun) -> Iterator[str]:
    verb = "applied" if dry_run.direction == "migrate" else "rolled back"
    done = "the run would stop" if dry_run.refusals else f"{count(len(dry_run.steps), 'migration')} would be {verb}"
    yield f"-- {done}; nothing was run"
    for refusal in dry_run.refusals:
        yield " ".join(filter(None, ("-- would be refused:", refusal.location, refusal.message)))
        yield from (f"--   {line}" for line in refusal.hint.splitlines())
    yield from (f"-- may lose {loss.in_words()}" for loss in dry_run.losses)
    if dry_run.advice:
        yield f"-- {dry_run.advice}"
    if dry_run.saved_as is not None:
        yield f"-- to run exactly this: memdb {dry_run.direction} --plan {shlex.quote(str(dry_run.saved_as))}"
    for step in dry_run.steps:
        yield f"-- {step.id}"
        for statement in step.statements:
            yield from (f"--   {line}" for line in _locks(statement))
    yield from _locked(dry_run)
    for step in dry_run.steps:
        yield ""
        yield f"-- {step.path}"
        yield from step.sql.replace("\r\n", "\n").rstrip("\n").split("\n")


def _locks(statement: StatementLocks) -> Iterator[str]:
    """What a statement locks and works through; nothing where it locks nothing."""
    where = f"line {statement.line}: {statement.statement}"
    if statement.locks is None:
        yield where
        yield "  locks are not known"
    elif statement.locks:
        yield where
        note = "" if statement.measured else " (as documented)"
        yield from (f"  locks {lock.relation}: {lock.mode}, blocks {lock.blocks}{note}" for lock in statement.locks)
    yield from (f"  {job.in_words()}" for job in statement.jobs)


def _locked(dry_run: DryRun) -> Iterator[str]:
    """The rows in the tables, and how the locks were found out."""
    yield from (f"-- {rows.table} holds {_rows(rows)}" for rows in dry_run.touched)
    if dry_run.locks_source and dry_run.steps:
        yield f"-- locks are held until their migration ends; they are {dry_run.locks_source}"


def _rows(rows: Rows) -> str:
    if rows.rows is None:
        return "an unknown number of rows (it was never analyzed)"
    counted = count(rows.rows, "row")
    return f"{counted} (counted)" if rows.exact else f"about {counted} (estimated)"
