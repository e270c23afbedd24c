"""Statements with the columns of a table, which are known only from the catalog and the file."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from psycopg import sql

from memdb.moving.header import EMBEDDED
from memdb.moving.tables import MEMORIES, Place, Table
from memdb.shape import UserKey
from memdb.target import Target

OnConflict: TypeAlias = Literal["skip", "overwrite", "new-ids"]


_COPY = """copy (
    {placed}select (select row_to_json(r.*) from (select {columns}) as r)::text{embedding}
    from {table} as t{joined}{where}{order}
) to stdout (format binary)"""
# Rows come after those of their own table to which they refer, as they have to be stored.
_PLACED = """with recursive placed as (
        select c.{key} as key, 0 as depth
        from {table} as c
        where not exists (select from {table} as p where p.{key} in ({referring}) and p.{key} <> c.{key})
        union all
        select c.{key}, p.depth + 1
        from placed as p
        inner join {table} as c on p.key in ({referring})
    ) cycle key set is_again using passed,
    depths as (
        select p.key, max(p.depth) as depth from placed as p where not p.is_again group by p.key
    )
    """
_PLACE = "\n    left join depths as d on t.{key} = d.key"

_INSERT = """insert into {table} as t ({columns}) overriding system value
select {values}
from rows from ({sources}) as given ({names})
{where}{conflict}
returning 1"""

_OF_USER = "\n    where t.user_id = %(user)s"
_OF_MEMORIES_OF_USER = "\n    where t.memory_id in (select m.id from {memories} as m where m.user_id = %(user)s)"
# No subquery asks for one row at a time: over many servers, that cannot be done, and on one it is no faster.
# Beside what this very transaction has stored: what was there keeps what was noted of it.
_NEW = """given.{column}::uuid in (
    select p.id from {parent} as p where p.id = any({given}) and p.xmin = pg_current_xact_id()::xid
)"""
_THERE = """select given.{number}, min(t.{number})
from rows from ({sources}) as given ({names})
inner join {table} as t on row({ours})::text = row({theirs})::text
where t.memory_id = any({given}) and t.xmin <> pg_current_xact_id()::xid
group by given.{number}"""
_PARENTS = {"memory_id": MEMORIES, "collection_id": "memory_collections"}
# Rows without a key are told by all their values; those that have just come may be alike.
_NOT_THERE = """row({ours})::text not in (
    select row({theirs})::text from {table} as t
    where t.memory_id = any({given}) and t.xmin <> pg_current_xact_id()::xid
)"""
# What was archived meanwhile, or brought back from there, is in the other of the two tables.
_NOT_MOVED = "given.id::uuid not in (select o.id from {other} as o where o.id = any({given}))"
_STILL_THERE = "given.memory_id::uuid in (select m.id from {memories} as m where m.id = any({given}))"
# One that the file does not have stays while the text is what it was made of.
_EMBEDDING_THERE = "case when t.content = excluded.content then t.embedding end"


@dataclass(frozen=True, slots=True)
class Columns:
    """Those that the file has: `plain` go as JSON, `mapped` as an array of texts for each, with their types."""

    plain: dict[str, str]
    mapped: dict[str, str]
    embedding: str | None

    @property
    def all(self) -> list[str]:
        """In the order in which they are inserted."""
        return [*self.plain, *self.mapped, *(["embedding"] if self.embedding else [])]

    def ids(self, name: str) -> str:
        """All that the file has of a mapped column."""
        return f"%(mapped{[*self.mapped].index(name)})b::text[]::uuid[]"


def columns(found: Target, table: Table, there: Collection[str], *, with_embedding: bool) -> Columns:
    """How the columns go that the file has of the table."""
    known = zip(table.columns, table.types, table.kinds, strict=True)
    wanted = [(name, type, kind) for name, type, kind in known if name in there]
    return Columns(
        {name: type for name, type, kind in wanted if not kind},
        {name: type for name, type, kind in wanted if kind},
        _quoted(found.vector_schema, found.embedding_type) if with_embedding else None,
    )


def count(found: Target, table: Table, user: UserKey | None) -> str:
    """How many rows there are, of one user or of all."""
    return f"select count(*) from {_quoted(found.schema, table.name)} as t{_of(found, table, user)}"


def copy(found: Target, table: Table, user: UserKey | None, *, with_embedding: bool) -> str:
    """The rows as JSON, those of memories, archived or not, with the embedding as pgvector writes it, or null."""
    embedding = f", {'t.embedding' if with_embedding else 'null'}::text" if table.name in EMBEDDED else ""
    name, key = _quoted(found.schema, table.name), _quoted(table.within_key or "")
    referring = ", ".join(f"c.{_quoted(column)}" for column in table.within)
    return _COPY.format(
        placed=_PLACED.format(key=key, table=name, referring=referring) if referring else "",
        columns=", ".join(f"t.{_quoted(column)}" for column in table.columns),
        embedding=embedding,
        table=name,
        joined=_PLACE.format(key=key) if referring else "",
        where=_of(found, table, user),
        order="\n    order by d.depth" if referring else "",
    )


def _of(found: Target, table: Table, user: UserKey | None) -> str:
    if user is None:
        return ""
    return _OF_USER if table.has_owner else _OF_MEMORIES_OF_USER.format(memories=_quoted(found.schema, MEMORIES))


def insert(place: Place, table: Table, given: Columns, on_conflict: OnConflict) -> str:
    """Stores some rows, from the parameters `rows`, `embedding`, and one by the name of each mapped column's place."""
    return _INSERT.format(
        table=_quoted(place.target.schema, table.name),
        columns=", ".join(map(_quoted, given.all)),
        values=", ".join(_values(table, given).values()),
        sources=_sources(given),
        names=", ".join(map(_quoted, given.all)),
        where=_wanted(place, table, given, on_conflict),
        conflict=_conflict(table, given, on_conflict),
    )


def there(place: Place, table: Table, given: Columns) -> str:
    """Which numbers rows have here that the file has by others: those with the same key, or else the same values."""
    values = _compared(table, given)
    wanted = [name for name in values if name in table.key or not table.key]
    name = _quoted(place.target.schema, table.name)
    return _THERE.format(
        number=_quoted(table.numbered or ""),
        sources=_sources(given),
        names=", ".join(map(_quoted, given.all)),
        table=name,
        ours=", ".join(f"{values[name]}::text" for name in wanted),
        theirs=", ".join(f"t.{_quoted(name)}::text" for name in wanted),
        given=given.ids("memory_id"),
    )


def numbers(table: Table, wanted: int) -> str:
    """The next ones that the database gives."""
    return f"select {_escaped(table.numbering or '')} from generate_series(1, {wanted})"


def _sources(given: Columns) -> str:
    plain = ", ".join(f"{_quoted(name)} {_escaped(type)}" for name, type in given.plain.items())
    sources = [f"json_to_recordset(%(rows)s::json) as ({plain})"] if plain else []
    sources += [f"unnest(%(mapped{number})b::text[])" for number in range(len(given.mapped))]
    return ", ".join([*sources, *(["unnest(%(embedding)b::text[])"] if given.embedding else [])])


def _compared(table: Table, given: Columns) -> dict[str, str]:
    """Values by which rows without a key are told, which numbers are not."""
    kinds = dict(zip(table.columns, table.kinds, strict=True))
    return {name: value for name, value in _values(table, given).items() if kinds[name] != "number"}


def _values(table: Table, given: Columns) -> dict[str, str]:
    types = {**given.mapped, **({"embedding": given.embedding} if given.embedding else {})}
    cast = {name: f"given.{_quoted(name)}::{_escaped(type)}" for name, type in types.items()}
    documents = {name: f"coalesce(given.{_quoted(name)}, 'null')" for name in given.plain if name in table.never_null}
    return {name: f"given.{_quoted(name)}" for name in given.plain} | documents | cast


def _wanted(place: Place, table: Table, given: Columns, on_conflict: OnConflict) -> str:
    """Which of the rows are stored at all."""
    schema, other = place.target.schema, place.counterpart(table)
    if other is not None:
        return f"where {_NOT_MOVED.format(other=_quoted(schema, other.name), given=given.ids('id'))}"
    if table.has_owner:
        return ""
    conditions = [_beside_new(place.target, given)]
    if "collection_id" in given.mapped:  # which may be new where the memory was archived meanwhile
        conditions.append(_STILL_THERE.format(memories=_quoted(schema, MEMORIES), given=given.ids("memory_id")))
    if not table.key and on_conflict == "overwrite":
        values, there = _compared(table, given), _quoted(schema, table.name)
        ours, theirs = (
            ", ".join(f"{value}::text" for value in side)
            for side in (values.values(), (f"t.{_quoted(name)}" for name in values))
        )
        conditions.append(_NOT_THERE.format(table=there, ours=ours, theirs=theirs, given=given.ids("memory_id")))
    return f"where {' and '.join(conditions)}"


def _beside_new(found: Target, given: Columns) -> str:
    """A row that joins two is stored where one of them is new."""
    new = [
        _NEW.format(parent=_quoted(found.schema, parent), column=column, given=given.ids(column))
        for column, parent in _PARENTS.items()
        if column in given.mapped
    ]
    return f"({' or '.join(new)})"


def _conflict(table: Table, given: Columns, on_conflict: OnConflict) -> str:
    """A row changes neither its user nor its memory. What goes with a new memory is as the file has it."""
    if table.has_owner and on_conflict != "overwrite":
        return "\non conflict do nothing"
    if not table.key:
        return ""
    changed = [name for name in given.all if name not in (*table.key, table.numbered)]
    key = ", ".join(map(_quoted, table.key))
    if not changed:
        return f"\non conflict ({key}) do nothing"
    changes = [f"{_quoted(name)} = excluded.{_quoted(name)}" for name in changed]
    if table.name in EMBEDDED and not given.embedding:
        changes.append(f"embedding = {_EMBEDDING_THERE}")
    whose = "user_id" if table.has_owner else "memory_id"
    return f"\non conflict ({key}) do update set {', '.join(changes)} where t.{whose} = excluded.{whose}"


def name(found: Target, table: Table) -> Sequence[str]:
    """That of a table, with its schema, as `query` takes it."""
    return found.schema, table.name


def _quoted(*parts: str) -> str:
    return _escaped(sql.Identifier(*parts).as_string())


def _escaped(text: str) -> str:
    """For a statement in which the driver looks for parameters."""
    return text.replace("%", "%%")
