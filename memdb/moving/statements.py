"""Statements with the columns of a table, which are known only from the catalog and the file."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, TypeAlias

from psycopg import sql

from memdb.moving.header import EMBEDDED
from memdb.moving.tables import MEMORIES, Place, Table
from memdb.target import Target

OnConflict: TypeAlias = Literal["skip", "overwrite", "new-ids"]


_INSERT = """insert into {table} as t ({columns}) overriding system value
select {values}
from rows from ({sources}) with ordinality as given ({names}, {place})
{where}{order}{conflict}
returning 1"""
_PLACE = "place in the file"

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
        quoted(found.vector_schema, found.embedding_type) if with_embedding else None,
    )


def insert(place: Place, table: Table, given: Columns, on_conflict: OnConflict) -> str:
    """Stores some rows, from the parameters `rows`, `embedding`, and one by the name of each mapped column's place."""
    return _INSERT.format(
        table=quoted(place.target.schema, table.name),
        columns=", ".join(map(quoted, given.all)),
        values=", ".join(_values(table, given).values()),
        sources=_sources(given),
        names=", ".join(map(quoted, given.all)),
        place=quoted(_PLACE),
        where=_wanted(place, table, given, on_conflict),
        order="" if {*table.counted} <= {*given.all} else f"\norder by given.{quoted(_PLACE)}",  # as it numbers them
        conflict=_conflict(table, given, on_conflict),
    )


def there(place: Place, table: Table, given: Columns, number: str) -> str:
    """Which numbers rows have here that the file has by others: those with the same key, or else the same values."""
    values = _compared(table, given)
    wanted = [name for name in values if name in table.key or not table.key]
    name = quoted(place.target.schema, table.name)
    return _THERE.format(
        number=quoted(number),
        sources=_sources(given),
        names=", ".join(map(quoted, given.all)),
        table=name,
        ours=", ".join(f"{values[name]}::text" for name in wanted),
        theirs=", ".join(f"t.{quoted(name)}::text" for name in wanted),
        given=given.ids("memory_id"),
    )


def numbers(numbering: str, wanted: int) -> str:
    """The next ones that the database gives."""
    return f"select {numbering} from generate_series(1, {wanted})"


def _sources(given: Columns) -> str:
    plain = ", ".join(f"{quoted(name)} {_escaped(type)}" for name, type in given.plain.items())
    sources = [f"json_to_recordset(%(rows)s::json) as ({plain})"] if plain else []
    sources += [f"unnest(%(mapped{number})b::text[])" for number in range(len(given.mapped))]
    return ", ".join([*sources, *(["unnest(%(embedding)b::text[])"] if given.embedding else [])])


def _compared(table: Table, given: Columns) -> dict[str, str]:
    """Values by which rows without a key are told, which numbers are not."""
    kinds = dict(zip(table.columns, table.kinds, strict=True))
    return {name: value for name, value in _values(table, given).items() if kinds[name] != "number"}


def _values(table: Table, given: Columns) -> dict[str, str]:
    types = {**given.mapped, **({"embedding": given.embedding} if given.embedding else {})}
    cast = {name: f"given.{quoted(name)}::{_escaped(type)}" for name, type in types.items()}
    documents = {name: f"coalesce(given.{quoted(name)}, 'null')" for name in given.plain if name in table.never_null}
    return {name: f"given.{quoted(name)}" for name in given.plain} | documents | cast


def _wanted(place: Place, table: Table, given: Columns, on_conflict: OnConflict) -> str:
    """Which of the rows are stored at all."""
    schema, other = place.target.schema, place.counterpart(table)
    if other is not None:
        return f"where {_NOT_MOVED.format(other=quoted(schema, other.name), given=given.ids('id'))}"
    if table.has_owner:
        return ""
    conditions = [_beside_new(place.target, given)]
    if "collection_id" in given.mapped:  # which may be new where the memory was archived meanwhile
        conditions.append(_STILL_THERE.format(memories=quoted(schema, MEMORIES), given=given.ids("memory_id")))
    if not table.key and on_conflict == "overwrite":
        values, there = _compared(table, given), quoted(schema, table.name)
        ours, theirs = (
            ", ".join(f"{value}::text" for value in side)
            for side in (values.values(), (f"t.{quoted(name)}" for name in values))
        )
        conditions.append(_NOT_THERE.format(table=there, ours=ours, theirs=theirs, given=given.ids("memory_id")))
    return f"where {' and '.join(conditions)}"


def _beside_new(found: Target, given: Columns) -> str:
    """A row that joins two is stored where one of them is new."""
    new = [
        _NEW.format(parent=quoted(found.schema, parent), column=column, given=given.ids(column))
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
    changed = [name for name in given.all if name not in (*table.key, *table.counted)]
    key = ", ".join(map(quoted, table.key))
    if not changed:
        return f"\non conflict ({key}) do nothing"
    changes = [f"{quoted(name)} = excluded.{quoted(name)}" for name in changed]
    if table.name in EMBEDDED and not given.embedding:
        changes.append(f"embedding = {_EMBEDDING_THERE}")
    whose = "user_id" if table.has_owner else "memory_id"
    return f"\non conflict ({key}) do update set {', '.join(changes)} where t.{whose} = excluded.{whose}"


def quoted(*parts: str) -> str:
    return _escaped(sql.Identifier(*parts).as_string())


def _escaped(text: str) -> str:
    """For a statement in which the driver looks for parameters."""
    return text.replace("%", "%%")
