"""What tables and indexes are over all shards of a Citus cluster, of which its coordinator knows nothing itself."""

from dataclasses import replace

from memdb.distribution import Parts
from memdb.doctor.facts import Index, Table
from memdb.shape import unquoted


def table_over(parts: Parts | None, table: Table) -> Table:
    """What is known of a table, from its shards where it has some."""
    if parts is None:
        return table
    figures = ("rows", "pages", "visible_pages", "live", "dead", "scans")
    return replace(table, **{figure: parts.sum(figure) for figure in figures})


def index_over(parts: Parts | None, index: Index) -> Index:
    """The same of an index."""
    if parts is None:
        return index
    name = unquoted(index.name.rpartition(".")[2])
    shards = [shard.index(name) for shard in parts.shards]
    valid = index.is_valid and all(part is not None and part.valid for part in shards)
    figures = ("bytes", "rows", "scans")
    return replace(index, is_valid=valid, **{figure: parts.sum_of_index(name, figure) for figure in figures})
