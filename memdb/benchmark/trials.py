"""HNSW indexes tried out with several values of m, on a sample of the embeddings that are there.

They are built in a temporary table that is gone when the transaction is rolled back. How much memory a build needs is
measured, too: given little, the server says after how many rows the graph no longer fits.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg

from memdb.benchmark import preparation
from memdb.database import Connection, query
from memdb.errors import DataError, UsageError
from memdb.migrations import concurrently
from memdb.target import Target

EF_CONSTRUCTION = 4  # times m, but at least 64: below that pgvector warns of poor recall
_QUERIES = 50
_TRIED_WITH_LITTLE = 1500


@dataclass(frozen=True, slots=True)
class Trial:
    """An index with this m. `recall` is the mean of searches among all rows of the sample, by ef_search.

    `memory_bytes_per_row` is what the graph takes while it is built; None where the sample was too small to tell.
    """

    m: int
    ef_construction: int
    rows: int
    build_seconds: float
    index_bytes: int
    memory_bytes_per_row: float | None
    recall: dict[int, float]


def run(
    connection: Connection,
    values: Sequence[int],
    *,
    k: int,
    rows: int = 10_000,
    ef_search: Sequence[int] = (40, 100, 200),
    random_seed: int,
    on_phase: Callable[[str], None] = lambda _: None,
) -> tuple[Trial, ...]:
    """Builds and searches an index for each m. Nothing stays. Raises DataError where there are too few memories."""
    if not values:
        return ()
    with connection.transaction(force_rollback=True):
        where = preparation.enter(connection)
        require_indexed(where)
        made = connection.execute(where.query("benchmark", "trial_table"), {"rows": rows, "random_seed": random_seed})
        if made.rowcount <= k:
            raise DataError("there are too few memories to try an index on", hint="Load more, or leave out --try-m.")
        connection.execute("analyze memdb_trial")
        sample = _Sample(connection, where, made.rowcount, k)
        truth = sample.found("trial_truth")
        trials = []
        for m in values:
            on_phase(f"Building an index with m = {m} on {made.rowcount:,} embeddings …")
            trials.append(_try(sample, m, truth, ef_search))
    return tuple(trials)


def require_indexed(where: Target) -> None:
    """Raises UsageError where no such index can be built."""
    if not where.shape.is_indexed:
        raise UsageError(
            f"no HNSW index can be tried out: pgvector has none for {where.shape.embedding}",
            hint="Leave out --try-m. A halfvec can have one up to 4,000 dimensions.",
        )


@dataclass(frozen=True, slots=True)
class _Sample:
    """So many embeddings in a temporary table, to be searched for k neighbours."""

    connection: Connection
    target: Target
    rows: int
    k: int

    @property
    def little_kb(self) -> int:
        """What the graph of fewer rows than are tried with it fills: a thousand embeddings and some links."""
        each = 2 if self.target.shape.embedding_type == "halfvec" else 4
        return max(1024, self.target.shape.dimensions * each + 2048)

    def found(self, block: str) -> list[list[int]]:
        rows = self.connection.execute(self.target.query("benchmark", block), {"k": self.k, "queries": _QUERIES})
        return [places for (places,) in rows]


def _try(sample: _Sample, m: int, truth: list[list[int]], ef_search: Sequence[int]) -> Trial:
    connection, ef_construction = sample.connection, max(EF_CONSTRUCTION * m, 64)
    with connection.transaction(force_rollback=True):
        memory = _memory_per_row(sample, m, ef_construction)
    with connection.transaction(force_rollback=True):
        needed = 2 * (memory or sample.little_kb * 1024 / 1000) * sample.rows
        started = time.perf_counter()
        _build(sample, m, ef_construction, memory_kb=max(int(needed / 1024), 64 * 1024))
        seconds = time.perf_counter() - started
        size = connection.value("select pg_relation_size('memdb_trial_embedding')")
        recall = {width: _recall(sample, truth, width) for width in ef_search}
    return Trial(m, ef_construction, sample.rows, seconds, size, memory, recall)


def _build(sample: _Sample, m: int, ef_construction: int, *, memory_kb: int) -> None:
    connection = sample.connection
    connection.execute("select set_config('maintenance_work_mem', %s, true)", [f"{memory_kb}kB"])
    connection.execute("set local client_min_messages = notice")
    statement = sample.target.query("benchmark", "trial_index")
    connection.execute(f"{statement} with (m = {m:d}, ef_construction = {ef_construction:d})".encode())


def _memory_per_row(sample: _Sample, m: int, ef_construction: int) -> float | None:
    """Bytes of the graph per row: what little memory there was, by the rows that fitted into it."""
    connection, heard = sample.connection, list[int]()

    def hear(diagnostic: psycopg.errors.Diagnostic) -> None:
        if (rows := concurrently.rows_held(diagnostic.message_primary or "")) is not None:
            heard.append(rows)

    # Enough rows to fill it, and no more: what no longer fits is slow to build.
    connection.execute("delete from memdb_trial where place > %s", [_TRIED_WITH_LITTLE])
    with connection.hearing(hear):
        _build(sample, m, ef_construction, memory_kb=sample.little_kb)
    return sample.little_kb * 1024 / heard[0] if heard else None


def _recall(sample: _Sample, truth: list[list[int]], ef_search: int) -> float:
    with sample.connection.transaction(force_rollback=True):
        settings = {"enable_sort": "off", "enable_seqscan": "off", "hnsw.ef_search": str(ef_search)}
        parameters = {"names": list(settings), "values": list(settings.values())}
        sample.connection.execute(query("benchmark", "apply_settings"), parameters)
        found = sample.found("trial_found")
    pairs = zip(found, truth, strict=True)
    return sum(len(set(these) & set(those)) / len(those) for these, those in pairs) / len(truth)
