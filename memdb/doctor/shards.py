"""What the doctor knows of a Citus cluster: its servers, and what tables and indexes are over all shards, of which the
coordinator knows nothing itself."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from memdb import database, distribution
from memdb.database import Connection, query
from memdb.distribution import Node
from memdb.distribution.shards import Parts, ask_workers
from memdb.doctor.facts import Index, Table
from memdb.shape import unquoted

_EXTENSIONS = ("citus", "vector")


@dataclass(frozen=True, slots=True)
class Release:
    """An extension that has another release on some workers than on the coordinator: `others` by their addresses."""

    extension: str
    here: str
    others: dict[str, str]


@dataclass(frozen=True, slots=True)
class Unheld:
    """A foreign key of a table on the coordinator alone (`child`), `by` its first column, to one that is in shards."""

    name: str
    child: str
    parent: str
    by: str


@dataclass(frozen=True, slots=True)
class Servers:
    """`workers` that keep shards, and which of them do not answer; two-phase commits that hang, by worker."""

    workers: tuple[Node, ...] = ()
    silent: tuple[Node, ...] = ()
    hanging: dict[str, int] | None = None
    releases: tuple[Release, ...] = ()
    unheld: tuple[Unheld, ...] = ()


def servers(connection: Connection) -> Servers:
    """Those of the cluster; none without Citus. Workers that do not answer are asked nothing else."""
    cluster = distribution.read(connection)
    if cluster is None:
        return Servers()
    silent = tuple(distribution.silent(connection, cluster.workers))
    prepared = ask_workers(connection, query("distribution", "prepared"))
    hanging = {answer.of: int(answer.value) for answer in prepared if answer.value not in (None, "0")}
    with database.own_names(connection):
        unheld = connection.rows(Unheld, query("distribution", "unheld"))
    return Servers(cluster.workers, silent, hanging, tuple(_releases(connection)), tuple(unheld))


def _releases(connection: Connection) -> Iterator[Release]:
    ours = connection.execute(query("distribution", "extensions"), [list(_EXTENSIONS)]).fetchall()
    for name, version in ours:
        statement = query("distribution", "extension").replace("{extension}", name)
        answers = ask_workers(connection, statement)
        others = {answer.of: str(answer.value) for answer in answers if answer.value not in (None, version)}
        if others:
            yield Release(name, version, others)


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
