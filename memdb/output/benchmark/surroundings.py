"""What a study was made on, in tables: the table of memories with its indexes, those tried out, and settings."""

from memdb.benchmark.study import Study
from memdb.benchmark.verdict import megabytes
from memdb.output.benchmark.table import NONE, Table


def facts(study: Study) -> Table:
    found = study.facts
    each = max(found.memories, 1)
    rows = [
        ("memories", "table", megabytes(found.table_bytes), f"{found.table_bytes / each:,.0f}", NONE, NONE),
        ("its TOAST", "out of line", megabytes(found.toast_bytes), f"{found.toast_bytes / each:,.0f}", NONE, NONE),
    ]
    for index in found.indexes:
        share = NONE if index.buffered_share is None else f"{index.buffered_share:.0%}"
        kind = index.method if index.valid else f"{index.method}, invalid"
        size, bytes_each = megabytes(index.bytes), f"{index.bytes_per_memory:,.0f}"
        rows.append((index.name, kind, size, bytes_each, share, f"{index.scans:,}"))
    return Table(
        "Table and indexes",
        f"{found.memories:,} memories, {found.bytes_per_memory:,.0f} bytes each with all indexes. Scans are counted "
        f"{found.since}, until this run, including earlier benchmarks.",
        ("name", "kind", "size", "bytes a memory", "in shared buffers", "scans"),
        tuple(rows),
        ("kind",),
        folded=len(study.strategies) == 1,
    )


def trials(study: Study) -> Table:
    widths = list(study.trials[0].recall)
    rows = (
        (
            str(trial.m),
            str(trial.ef_construction),
            f"{trial.build_seconds:,.1f} s",
            f"{trial.index_bytes / trial.rows:,.0f}",
            NONE if trial.memory_bytes_per_row is None else f"{trial.memory_bytes_per_row:,.0f}",
            *(f"{trial.recall[width]:.3f}" for width in widths),
        )
        for trial in study.trials
    )
    return Table(
        "HNSW tried out",
        f"Built on {study.trials[0].rows:,} of the embeddings by one process; searched without a filter, with each "
        "ef_search. Sizes are in bytes per memory.",
        ("m", "ef_construction", "build", "index", "memory to build", *(f"recall at {width}" for width in widths)),
        tuple(rows),
    )


def settings(study: Study) -> Table:
    rows = tuple((name, value or NONE) for name, value in study.settings.items())
    return Table("Settings", "Server settings, as the session sees them.", ("setting", "value"), rows, folded=True)
