"""What a study was made on, in tables: the table of memories with its indexes, those tried out, and settings."""

from memdb.benchmark.facts import Facts
from memdb.benchmark.study import Study
from memdb.output.benchmark.table import NONE, Table
from memdb.words import megabytes


def facts(study: Study) -> Table:
    found = study.facts
    rows = [
        ("memories", "table", *_size(found, found.table_bytes), NONE, NONE),
        ("its TOAST", "out of line", *_size(found, found.toast_bytes), NONE, NONE),
    ]
    for index in found.indexes:
        share = NONE if index.buffered_share is None else f"{index.buffered_share:.0%}"
        kind = index.method if index.valid else f"{index.method}, invalid"
        rows.append((index.name, kind, *_size(found, index.bytes), share, f"{index.scans:,}"))
    return Table(
        "Table and indexes",
        f"What {found.memories:,} memories take. Scans are counted {found.since}, until this run, including earlier "
        "benchmarks.",
        ("name", "kind", "size", "bytes a memory", "share", "in shared buffers", "scans"),
        (*rows, ("all", "", *_size(found, found.bytes), NONE, NONE)),
        ("kind",),
        folded=len(study.strategies) == 1,
    )


def _size(found: Facts, size: int) -> tuple[str, str, str]:
    """In all, for each memory, and as a share."""
    return megabytes(size), f"{size / max(found.memories, 1):,.0f}", f"{size / max(found.bytes, 1):.0%}"


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
