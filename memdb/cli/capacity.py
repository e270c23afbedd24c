"""memdb capacity."""

from dataclasses import dataclass
from typing import Annotated

import typer

from memdb import output, shape
from memdb.capacity.demand import Demand
from memdb.capacity.planning import plan
from memdb.capacity.skew import Skew
from memdb.cli.commands import command
from memdb.cli.options import OutputFormat


@dataclass(frozen=True, slots=True)
class Load:
    """How unevenly users have memories, and what is done with them."""

    skew: Annotated[
        str,
        typer.Option(
            help="How unevenly: equal, lognormal:SIGMA or zipf:EXPONENT.",
            metavar="<equal|lognormal:SIGMA|zipf:EXPONENT>",
        ),
    ] = str(Skew())
    qps: Annotated[float, typer.Option(help="Searches per second, of all users.", metavar="N")] = 0
    writes: Annotated[float, typer.Option(help="New memories per second, of all users.", metavar="N")] = 0
    active: Annotated[
        float,
        typer.Option(
            help="Share of the memories, 0 to 1, whose users come back soon: kept in memory.", metavar="SHARE"
        ),
    ] = 0.2


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a memory is kept, and how large it is."""

    with_: Annotated[
        list[str] | None, typer.Option("--with", help="Include this optional set (can be repeated).", metavar="SET")
    ] = None
    embedding: Annotated[
        str, typer.Option(help="Type of the embeddings, as SQL writes it.", metavar="<vector(N)|halfvec(N)>")
    ] = shape.DEFAULT.embedding
    content_bytes: Annotated[float, typer.Option(help="Text of a memory, in the mean.", metavar="BYTES")] = 156
    metadata_bytes: Annotated[float, typer.Option(help="Metadata of a memory, in the mean.", metavar="BYTES")] = 162


@dataclass(frozen=True, slots=True)
class Servers:
    """What a server has, and how many there are."""

    node_memory: Annotated[float, typer.Option(help="Memory of a server.", metavar="GIB")] = 64
    node_disk: Annotated[float, typer.Option(help="Disk of a server.", metavar="GIB")] = 1000
    node_cores: Annotated[int, typer.Option(help="Cores of a server.", metavar="N")] = 16
    nodes: Annotated[int | None, typer.Option(help="Servers. Default: as many as are needed.", metavar="N")] = None
    shards: Annotated[
        int | None, typer.Option(help="Shards. Default: enough for ten times the users.", metavar="N")
    ] = None
    random_seed: Annotated[int, typer.Option(help="The same number gives the same shards.", metavar="N")] = 1


@command(
    "memdb capacity --users 100000 --memories-per-user 200 --with fast_search --with drop_hnsw",
    "memdb capacity --users 100000000 --memories-per-user 200 --skew zipf:0.5 --qps 50000 --writes 5000",
    "memdb capacity --users 5000 --memories-per-user 1000 --embedding 'halfvec(3072)' --format json",
    also="Sizes follow from the layout of pages, and were within a fifth of real databases of 10,000 to 1,000,000 "
    "memories. Times were measured on the machine that the result names: yours differs, but the proportions hold. No "
    "database is needed.",
)
def capacity(
    users: Annotated[int, typer.Option(help="How many users have memories.", metavar="N")],
    memories_per_user: Annotated[float, typer.Option(help="How many memories a user has, in the mean.", metavar="M")],
    load: Load = Load(),
    keeping: Keeping = Keeping(),
    servers: Servers = Servers(),
    format: OutputFormat = "text",
) -> None:
    """Predict what memories take, and how they would be spread.

    Disk by part, memory, servers and shards, and times of searches, writes and builds, beside other ways of keeping the
    same memories; and what skewed users, a lost server and ten times the users would do.
    """
    demand = Demand(
        users=users,
        memories_per_user=memories_per_user,
        skew=Skew.parse(load.skew),
        qps=load.qps,
        writes=load.writes,
        active=load.active,
        sets=tuple(dict.fromkeys(keeping.with_ or ())),
        shape=shape.DEFAULT.with_embedding(keeping.embedding),
        content_bytes=keeping.content_bytes,
        metadata_bytes=keeping.metadata_bytes,
        node_memory_gib=servers.node_memory,
        node_disk_gib=servers.node_disk,
        node_cores=servers.node_cores,
        nodes=servers.nodes,
        shards=servers.shards,
        random_seed=servers.random_seed,
    )
    output.emit(plan(demand), format)
