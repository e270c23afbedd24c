"""Text for the locks that a dry run has found, as SQL comments, so that the whole is still SQL."""

from collections.abc import Iterator

from memdb.effects import costs
from memdb.preview import DryRun, PlannedStep
from memdb.preview.locks import Job, Rows, StatementLocks


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
    rows = "an unknown number of rows" if job.rows is None else f"{job.rows:,} {'row' if job.rows == 1 else 'rows'}"
    time = "a time that cannot be told" if job.seconds is None else costs.duration(job.seconds)
    nobody = {"reads and writes": "read or write", "writes": "write to"}[job.work.blocks]
    return f"{costs.in_words(job.work)} ({rows}, {_size(job.bytes)}): {time}, nobody can {nobody} it meanwhile"


def _size(bytes: int) -> str:
    return f"{bytes / 1e6:,.0f} MB" if bytes >= 1e6 else f"{bytes / 1e3:,.0f} kB"


def summary(dry_run: DryRun) -> Iterator[str]:
    """The rows in the tables, and how the locks were found out."""
    yield from (f"-- {rows.table} holds {_count(rows)}" for rows in dry_run.touched)
    if dry_run.locks_source and dry_run.steps:
        yield f"-- locks are held until their migration ends; they are {dry_run.locks_source}"


def _count(rows: Rows) -> str:
    if rows.rows is None:
        return "an unknown number of rows (it was never analyzed)"
    noun = "row" if rows.rows == 1 else "rows"
    return f"{rows.rows:,} {noun} (counted)" if rows.exact else f"about {rows.rows:,} {noun} (estimated)"
