"""Memories that are summed up by a worker: it has the model, and memdb keeps the books."""

import json
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

from memdb import trust, values
from memdb.database import Connection, query
from memdb.errors import InvalidMemory, UsageError
from memdb.lifecycle import entering, repeating
from memdb.lifecycle.entering import Needed
from memdb.target import Target

_in_time = repeating.in_time(
    "what is to be written",
    "What was done before is stored, and the rest is still to be done. Try again, or allow more time.",
)
_WRITTEN = ("memory_sources", "memory_consolidation_jobs", "memory_consolidation_sources")
_NEEDED = Needed(
    ("consolidation",),
    (
        *("consolidation_proposals", "enqueue_consolidation", "claim_consolidation"),
        *("consolidation_lease", "complete_consolidation", "fail_consolidation", "stale_summaries"),
    ),
    (*_WRITTEN, "memory_consolidation_rules"),
)


_BATCH = 500


@dataclass(frozen=True, slots=True)
class Source:
    """A memory that is to be summed up. `created_at` is a time in ISO 8601."""

    id: UUID
    content: str
    memory_type: str
    metadata: dict[str, Any] | None
    created_at: str


@dataclass(frozen=True, slots=True)
class Summary:
    """A text that becomes a memory. Without an embedding it is not found by meaning until somebody adds one."""

    content: str
    embedding: Sequence[float] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


class Summarizer(Protocol):
    """What makes one text of several memories of a user and tier, the oldest first.

    Any exception gives the job back, to be tried again later; its text is kept with the job.
    """

    def summarize(self, memories: Sequence[Source]) -> Summary:
        """The summary, in less time than the lease of the job lasts."""


@dataclass(frozen=True, slots=True)
class Terms:
    """As whom a worker takes jobs, for how many seconds each, how many at most; and whether it proposes some first."""

    worker: str = ""
    lease_seconds: float = 300
    limit: int | None = None
    propose: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.lease_seconds <= 86_400:
            raise UsageError(f"a lease of {self.lease_seconds} seconds is not possible", hint="Give up to 86,400.")
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"the limit is {self.limit}", hint="Give 1 or more, or none.")


@dataclass(frozen=True, slots=True)
class Consolidation:
    """What a worker did: jobs it `proposed`, `summaries` it stored, jobs that `failed` and will be tried again.

    `refused` were done too late: their lease had run out, and another worker has got them. `set_aside` is how many jobs
    have failed too often by now, and `stale` how many summaries tell of something that is gone or has changed.
    """

    proposed: int
    summaries: tuple[UUID, ...]
    failed: int
    refused: int
    set_aside: int
    stale: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Job:
    """Memories of one user, and the token that proves whose turn it is to sum them up; or why they cannot be read."""

    id: UUID
    token: UUID
    memories: tuple[Source, ...]
    problem: Exception | None = None


def run_worker(
    connection: Connection,
    summarizer: Summarizer,
    terms: Terms = Terms(),
    *,
    on_job: Callable[[str], None] = lambda _: None,
) -> Consolidation:
    """Has jobs done, one at a time, until none is left; `on_job` hears what became of each.

    No transaction is open while the summarizer works. A worker that dies leaves its job to others, when the lease has
    run out. Raises DatabaseError where the set is not applied, row-level security hides rows from this role, or
    somebody else's code would run; LockTimeout where others hold a lock for too long.
    """
    started, outcomes, stored = time.monotonic(), Counter[str](), list[UUID]()
    proposed = propose(connection) if terms.propose else 0
    while terms.limit is None or outcomes.total() < terms.limit:
        if (job := claim(connection, terms)) is None:
            break
        outcome = _do(connection, job, summarizer)
        stored += [job.id] if outcome == "completed" else []
        outcomes[outcome] += 1
        on_job(outcome)
    set_aside, stale = _standing(connection)
    seconds = time.monotonic() - started
    return Consolidation(proposed, tuple(stored), outcomes["failed"], outcomes["refused"], set_aside, stale, seconds)


def propose(connection: Connection) -> int:
    """Makes jobs of what the rules say is to be summed up, some at a time, each time in a transaction of its own;
    returns how many.
    """
    made = 0
    while jobs := _propose(connection):
        made += jobs
    return made


@_in_time
def _propose(connection: Connection) -> int:
    with _entered(connection) as found:
        return int(connection.value(found.query("consolidation", "propose"), {"batch": _BATCH}))


@_in_time
def claim(connection: Connection, terms: Terms = Terms()) -> Job | None:
    """Takes the job that has waited longest; None where no job is left."""
    worker = terms.worker or f"{socket.gethostname()}:{os.getpid()}"
    with _entered(connection) as found:
        given = {"worker": worker, "seconds": terms.lease_seconds}
        row = connection.execute(found.query("consolidation", "claim"), given).fetchone()
    if row is None:
        return None
    return _job(*row)


@_in_time
def complete(connection: Connection, job: Job, summary: Summary) -> bool:
    """Stores a summary, and finishes its job; False where the job is not this worker's any more, and nothing is stored.

    Raises InvalidMemory for what cannot be stored.
    """
    with _entered(connection) as found:
        embedding = None if summary.embedding is None else values.embedding(summary.embedding, found.shape).tolist()
        given = {
            "job": job.id,
            "token": job.token,
            "summary": values.content(summary.content),
            "embedding": embedding,
            "metadata": json.dumps(values.metadata(dict(summary.metadata)), ensure_ascii=False),
        }
        return connection.value(found.query("consolidation", "complete"), given) is not None


@_in_time
def fail(connection: Connection, job: Job, error: str) -> bool:
    """Gives a job back; False where it is not this worker's any more."""
    with _entered(connection) as found:
        given = {"job": job.id, "token": job.token, "error": error.replace("\0", "")}
        return bool(connection.value(found.query("consolidation", "fail"), given))


def _do(connection: Connection, job: Job, summarizer: Summarizer) -> str:
    """Says what became of a job: completed, failed or refused."""
    try:
        if job.problem is not None:
            raise job.problem
        summary = summarizer.summarize(job.memories)
        values.content(summary.content)
    except Exception as error:  # noqa: BLE001 - whatever it is, the job is tried again
        return _failed(connection, job, error)
    try:
        return "completed" if complete(connection, job, summary) else "refused"
    except InvalidMemory as error:
        return _failed(connection, job, error)


def _failed(connection: Connection, job: Job, error: Exception) -> str:
    return "failed" if fail(connection, job, f"{type(error).__name__}: {error}") else "refused"


def _job(id: UUID, token: UUID, memories: str) -> Job:
    """Somebody may have deleted the last of its memories meanwhile, or given one metadata that nobody can read."""
    try:
        sources = tuple(_source(memory) for memory in values.stored_metadata(memories))
    except InvalidMemory as problem:
        return Job(id, token, (), problem)
    return Job(id, token, sources, None if sources else InvalidMemory("none of its memories is left"))


def _source(memory: dict[str, Any]) -> Source:
    return Source(**{**memory, "id": UUID(memory["id"])})


@contextmanager
def _entered(connection: Connection) -> Iterator[Target]:
    """Where memories are, in a transaction in which nobody else's code is called, and nothing is hidden."""
    with connection.transaction():
        entering.begin_writing(connection)
        found = entering.enter(connection, _NEEDED, hidden="not all jobs would be done", writing=True)
        trust.keep_triggers_away(connection, *((found.schema, name) for name in _WRITTEN))
        given = {"memories": found.memories, "tables": list(_WRITTEN)}
        written = connection.execute(query("consolidation", "written"), given)
        trust.require_own_triggers(connection, [oid for (oid,) in written])
        yield found


@_in_time
def _standing(connection: Connection) -> tuple[int, int]:
    with _entered(connection) as found:
        ((set_aside, stale),) = connection.execute(found.query("consolidation", "standing"))
    return set_aside, stale
