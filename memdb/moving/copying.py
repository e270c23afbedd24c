"""Statements that read the rows of a table, which is known only from the catalog."""

from collections.abc import Sequence

from memdb.moving.header import EMBEDDED
from memdb.moving.statements import quoted
from memdb.moving.tables import MEMORIES, Table
from memdb.shape import UserKey
from memdb.target import Target

_COPY = """copy (
    {placed}select (select row_to_json(r.*) from (select {columns}) as r)::text{embedding}
    from {table} as t{joined}{where}{order}
) to stdout (format binary)"""
# Rows come after those of their own table to which they refer, as they have to be stored, and else by their numbers, as
# they get new ones. What refers to one row only is found once, or, in a circle, never: no paths are kept of it.
_PLACED = """with recursive placed as (
        select c.{key} as key, 0 as depth, {number} as number
        from {table} as c
        where not exists (select from {table} as p where p.{key} in ({referring}) and p.{key} <> c.{key})
        union all
        select c.{key}, p.depth + 1, greatest(p.number, {number})
        from placed as p
        inner join {table} as c on p.key {among} and p.key <> c.{key}
    ){cycle},
    depths as (
        select p.key, max(p.depth) as depth, max(p.number) as number from placed as p{passed} group by p.key
    )
    """
_CYCLE, _PASSED = " cycle key set is_again using passed", " where not p.is_again"
_PLACE = "\n    left join depths as d on t.{key} = d.key"

_OF_USER = "\n    where t.user_id = %(user)s"
_OF_MEMORIES_OF_USER = "\n    where t.memory_id in (select m.id from {memories} as m where m.user_id = %(user)s)"


def count(found: Target, table: Table, user: UserKey | None) -> str:
    """How many rows there are, of one user or of all."""
    return f"select count(*) from {quoted(found.schema, table.name)} as t{_of(found, table, user)}"


def copy(found: Target, table: Table, user: UserKey | None, *, with_embedding: bool) -> str:
    """The rows as JSON, those of memories, archived or not, with the embedding as pgvector writes it, or null."""
    embedding = f", {'t.embedding' if with_embedding else 'null'}::text" if table.name in EMBEDDED else ""
    name, key = quoted(found.schema, table.name), quoted(table.within_key or "")
    number = next(map(quoted, table.counted), "")
    return _COPY.format(
        placed=_placed(table, name, key, number) if table.within else "",
        columns=", ".join(f"t.{quoted(column)}" for column in table.columns),
        embedding=embedding,
        table=name,
        joined=_PLACE.format(key=key) if table.within else "",
        where=_of(found, table, user),
        order=f"\n    order by {order}" if (order := _order(table, number)) else "",
    )


def _placed(table: Table, name: str, key: str, number: str) -> str:
    referring = [f"c.{quoted(column)}" for column in table.within]
    several = len(referring) > 1
    return _PLACED.format(
        key=key,
        table=name,
        number=f"c.{number}" if number else "0",
        referring=", ".join(referring),
        among=f"in ({', '.join(referring)})" if several else f"= {referring[0]}",
        cycle=_CYCLE if several else "",
        passed=_PASSED if several else "",
    )


def _order(table: Table, number: str) -> str:
    if table.within:
        return f"d.number, d.depth, t.{number}" if number else "d.depth"
    return f"t.{number}" if number else ""


def _of(found: Target, table: Table, user: UserKey | None) -> str:
    if user is None:
        return ""
    return _OF_USER if table.has_owner else _OF_MEMORIES_OF_USER.format(memories=quoted(found.schema, MEMORIES))


def name(found: Target, table: Table) -> Sequence[str]:
    """That of a table, with its schema, as `query` takes it."""
    return found.schema, table.name
