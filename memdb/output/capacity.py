"""Text for capacity."""

from collections.abc import Iterator
from typing import Any

from rich.table import Table

from memdb.capacity.cluster import Balance, Moves
from memdb.capacity.planning import Capacity, Tenfold
from memdb.capacity.ways import Servers, Way
from memdb.doctor.checks import about, sized
from memdb.output.rendering import render
from memdb.words import count, milliseconds

_STEPS = (("days", 86_400), ("h", 3_600), ("min", 60))


@render.register
def _(result: Capacity) -> Iterator[Any]:
    asked = result.ways[0]
    yield (
        f"{count(result.memories, 'memory')} of {count(result.users, 'user')}, {result.memories_per_user:,.12g} each "
        f"in the mean ({result.skew}); the largest has {asked.searches[-1].memories:,.0f}."
    )
    yield ""
    yield _parts(result)
    yield ""
    yield _takes(result)
    yield ""
    yield _lasts(result)
    yield ""
    yield from _reading(asked)
    yield from _migrating(asked)
    yield f"Servers: {_servers(asked.servers)}."
    yield from _spread(result)
    if result.tenfold:
        yield _tenfold(result.tenfold)
    yield from (f"Note: {note}" for note in result.notes)
    yield from _source(result)


def _parts(result: Capacity) -> Table:
    table = _table("part", "set", "kind")
    for title in ("bytes a memory", "all"):
        table.add_column(title, justify="right", no_wrap=True)
    for part in result.parts:
        table.add_row(part.name, part.of, part.kind, f"{part.bytes:,.0f}", sized(part.bytes * result.memories))
    asked = result.ways[0]
    table.add_row("all", "", "", f"{asked.bytes_per_memory:,.0f}", sized(asked.disk_bytes))
    return table


def _takes(result: Capacity) -> Table:
    """What each way of keeping the memories takes."""
    table = _ways("kept as", "bytes a memory", "on disk", "in memory", "servers", "users on one")
    for number, way in enumerate(result.ways, start=1):
        sizes = f"{way.bytes_per_memory:,.0f}", sized(way.disk_bytes), sized(way.memory_bytes)
        table.add_row(f"{number}", _name(way), *sizes, f"{way.servers.nodes:,}", about(way.servers.users_on_one))
    return table


def _lasts(result: Capacity) -> Table:
    """How long things take, each way."""
    searches = [one.who for one in result.ways[0].searches]
    table = _ways(searches[0], *searches[1:], "insert", "WAL", "HNSW of a server", "in memory")
    for number, way in enumerate(result.ways, start=1):
        times, found = way.times, (milliseconds(one.ms) for one in way.searches)
        build = (lasting(times.build_seconds), sized(times.build_memory_bytes)) if times.build_seconds else ("", "")
        table.add_row(f"{number}", *found, milliseconds(times.insert_ms), sized(times.wal_bytes), *build)
    return table


def _ways(first: str, *titles: str) -> Table:
    """Ways by their numbers, so that both tables fit beside each other's names."""
    table = _table("")
    table.add_column(first, overflow="fold", justify="left" if first == "kept as" else "right")
    for title in titles:
        table.add_column(title, justify="right")
    return table


def _name(way: Way) -> str:
    return f"{way.embedding}, {', '.join(way.sets) or 'core'}"


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def _reading(way: Way) -> Iterator[str]:
    first, *_, last = way.searches
    yield (
        f"Where nothing is in memory, the median search reads {first.pages:,.0f} pages from disk, and that of the "
        f"largest user {last.pages:,.0f}."
    )


def _migrating(way: Way) -> Iterator[str]:
    if way.times.migrate_seconds:
        yield (
            f"Adding fast_search to the {way.times.memories:,.0f} memories of a server takes "
            f"{lasting(way.times.migrate_seconds)}, and nobody can read them meanwhile."
        )


def _tenfold(then: Tenfold) -> str:
    on_shards = (
        f", {then.shards_per_node:.1f} shards on each, the fullest {then.largest:.2f} times the mean"
        if then.servers.nodes > 1
        else ""
    )
    search = f"The median search then takes {milliseconds(then.ms)}."
    return f"Ten times the users: servers {_servers(then.servers)}{on_shards}. {search}"


def _servers(servers: Servers) -> str:
    needs = ", ".join(f"{name} {_need(need)}" for name, need in servers.needs.items())
    because = f", because of {servers.bound}" if servers.nodes > 1 else ""
    return f"{servers.nodes:,}{because} ({needs})"


def _need(servers: float) -> str:
    """`0.4`, `39`; next to nothing is said so."""
    if 0 < servers < 0.01:
        return "under 0.01"
    return f"{servers:,.2g}" if servers < 100 else f"{servers:,.0f}"


def _spread(result: Capacity) -> Iterator[Any]:
    found = result.spread
    if found is None:
        yield "One server is enough: no shards."
        return
    one = f", of which one user makes {found.of_one_user:.0%}" if found.of_one_user >= 0.005 else ""
    yield (
        f"Shards: {found.shards:,}. The fullest has {found.largest:.2f} times the mean; the hottest has "
        f"{found.hottest:.2f} times the mean load{one}."
    )
    table = _table("shards on servers")
    for title in ("servers", "fullest / mean", "busiest / mean", "shards moved", "memories moved", "by one process"):
        table.add_column(title, justify="right")
    table.add_row("as placed", *_balance(found.as_placed), "", "", "")
    for name, moves in (("moved by size", found.rebalanced), ("one server more", found.one_node_more)):
        table.add_row(name, *_moved(moves, result.move_seconds_per_million))
    yield table
    lost = found.node_lost
    yield (
        f"A server lost: {lost.users:.1%} of the users reach no memories until it or its standby is back. Made anew "
        f"elsewhere, its {lost.memories:,.0f} memories take one process "
        f"{lasting(lost.memories / 1e6 * result.move_seconds_per_million)}; each other server then has "
        f"{lost.others_take:.2f} times as much."
    )


def _moved(moves: Moves, seconds_per_million: float) -> tuple[str, ...]:
    if not moves.shards:
        return *_balance(moves.after), "0", "", ""
    lasts = lasting(moves.memories / 1e6 * seconds_per_million)
    return *_balance(moves.after), f"{moves.shards:,}", f"{moves.memories:,.0f}", lasts


def _balance(balance: Balance) -> tuple[str, ...]:
    return f"{balance.nodes:,}", f"{balance.fullest:.2f}", f"{balance.busiest:.2f}"


def _source(result: Capacity) -> Iterator[str]:
    source = result.source
    yield (
        f"In memory: what searches of {result.active:.0%} of the memories read. Tables beside memories are reckoned as "
        f"if each memory had a row there. Times are those of one core of {source.machine}, all that is read in memory "
        f"({source.date}, load {source.load}, PostgreSQL {source.postgresql}, pgvector {source.pgvector})."
    )


def lasting(seconds: float) -> str:
    """`20 s`, `2.5 h`, `12 days`."""
    for name, length in _STEPS:
        if seconds >= 2 * length:
            return f"{seconds / length:,.{0 if seconds >= 10 * length else 1}f} {name}"
    return f"{seconds:,.{0 if seconds >= 10 else 1}f} s"
