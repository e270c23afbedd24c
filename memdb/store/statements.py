"""The statements of the store, put together once for each table and run many times with other parameters."""

import functools
from typing import Any

from sqlalchemy import (
    ARRAY,
    REAL,
    Double,
    Float,
    Integer,
    Select,
    Table,
    any_,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    null,
    select,
)
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.types import UserDefinedType

_JSON_NULL: ColumnElement[Any] = literal_column("'null'::jsonb")


class _Vector(UserDefinedType[Any]):
    """The type `vector`, named with the schema that the extension lives in; values go to the driver as they are."""

    cache_ok = True

    def __init__(self, schema: str) -> None:
        self.schema = schema

    def get_col_spec(self, **_: Any) -> str:
        return f"{self.schema}.vector"


@functools.lru_cache(maxsize=64)
def nearest(table: Table, extension_schema: str, *, of_tiers: bool, binary: bool) -> Select[Any]:
    """The memories nearest to an embedding, with their cosine distance in the last column.

    Parameters: user_id, embedding (a Vector where `binary`, else a list of floats, which any driver can send),
    memory_types where `of_tiers`, limit, max_distance. `extension_schema` is quoted.

    The maximum distance stands outside of the ordered and limited search: inside, an index scan that finds too few
    within it would go on through 20,000 memories. The setting makes an index scan go on until the limit is reached,
    since it filters by user only after it has looked; set here, it costs no round trip and ends with the transaction.
    """
    embedding = _embedding(extension_schema, binary)
    nearness = table.c.embedding.op(f"operator({extension_schema}.<=>)", return_type=Float())
    distance = nearness(embedding).label("distance")
    go_on = select(func.set_config("hnsw.iterative_scan", "strict_order", True)).scalar_subquery()
    search = (
        select(*_shown(table), distance)
        .where(table.c.user_id == bindparam("user_id"), table.c.embedding.is_not(None), go_on.is_not(None))
        .order_by(distance)
        .limit(bindparam("limit"))
    )
    if of_tiers:
        search = search.where(table.c.memory_type == any_(_tiers(table)))
    found = search.cte("found").prefix_with("materialized")
    return select(found).where(found.c.distance <= bindparam("max_distance")).order_by(found.c.distance)


@functools.lru_cache(maxsize=64)
def searched(table: Table, extension_schema: str, *, of_tiers: bool, binary: bool) -> Select[Any]:
    """The same through search_memories of set fast_search, which is in the schema of the table."""
    search = getattr(func, table.schema).search_memories if table.schema else func.search_memories
    found = search(
        bindparam("user_id", type_=table.c.user_id.type),
        _embedding(extension_schema, binary),
        bindparam("limit", type_=Integer()),
        _tiers(table) if of_tiers else null(),
        bindparam("max_distance", type_=Double()),
    ).table_valued(column("id", table.c.id.type), column("distance", Double()), name="found")
    joined = select(*_shown(table), found.c.distance).select_from(found).join(table, table.c.id == found.c.id)
    return joined.order_by(found.c.distance)


def _embedding(extension_schema: str, binary: bool) -> ColumnElement[Any]:
    return bindparam("embedding", type_=_Vector(extension_schema)) if binary else _from_array(extension_schema)


def _tiers(table: Table) -> ColumnElement[Any]:
    return bindparam("memory_types", type_=ARRAY(table.c.memory_type.type, dimensions=1))


def _from_array(extension_schema: str) -> ColumnElement[Any]:
    """In a query of its own, or a plan for any parameters would convert the array again for each row."""
    numbers = bindparam("embedding", type_=ARRAY(REAL, dimensions=1))
    return select(cast(numbers, _Vector(extension_schema))).scalar_subquery()


def _shown(table: Table) -> list[ColumnElement[Any]]:
    names = ("id", "user_id", "memory_type", "content", "metadata", "created_at", "accessed_at")
    return [table.c[name] for name in names]


def holds(metadata: ColumnElement[Any], entry: str, value: Any) -> ColumnElement[bool]:
    """Whether an entry of the metadata has a value; of lists and objects, whether it contains what is given.

    What is not there, or is null, counts as false, and as null: `metadata ->> 'done' <> 'true'` would lose it.
    """
    if value is None:
        return func.coalesce(metadata[entry], _JSON_NULL).op("=")(_JSON_NULL)
    if value is False:
        return metadata.contains({entry: True}).is_not(True)
    return metadata.contains({entry: value})
