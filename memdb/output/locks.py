"""Text for the locks that a dry run has found, as SQL comments, so that the whole is still SQL."""

from collections.abc import Iterator

from memdb.effects import costs
from memdb.preview import DryRun, PlannedStep
from memdb.preview.locks import Job, Rows, StatementLocks
from memdb.words import count


def of_step(step: PlannedStep) -> Iterator[str]:
    """A line for each statement that locks something, or of which that is not known."""
    yield from (line for statement in step.statements for line in _of_statement(statement))


def _of_statement(statement: StatementLocks) -> Iterator[str]:
    where = f"-- line {statement.line}: {statement.statement}"
    if statement.locks is None:
        yield where
        yield "--   locks are not known"
    elif statement.locks:
        yield where
        note = "" if statement.measured else " (as documented)"
        yield from (f"--   locks {lock.relation}: {lock.mode}, blocks {lock.blocks}{note}" for lock in statement.locks)
    yield from (f"--   {_job(job)}" for job in statement.jobs)


def _job(job: Job) -> str:
    rows = "an unknown number of rows" if job.rows is None else count(job.rows, "row")
    time = "a time that cannot be told" if job.seconds is None else costs.duration(job.seconds)
    size = f"({rows}, {_size(job.bytes)})"
    return f"{costs.in_words(job.work)} {size}: {time}, {costs.who_waits(job.work, 'it')}"


def _size(bytes: int) -> str:
    return f"{bytes / 1e6:,.0f} MB" if bytes >= 1e6 else f"{bytes / 1e3:,.0f} kB"


def summary(dry_run: DryRun) -> Iterator[str]:
    """The rows in the tables, and how the locks were found out."""
    yield from (f"-- {rows.table} holds {_rows(rows)}" for rows in dry_run.touched)
    if dry_run.locks_source and dry_run.steps:
        yield f"-- locks are held until their migration ends; they are {dry_run.locks_source}"


def _rows(rows: Rows) -> str:
    if rows.rows is None:
        return "an unknown number of rows (it was never analyzed)"
    counted = count(rows.rows, "row")
    return f"{counted} (counted)" if rows.exact else f"about {counted} (estimated)"
