"""Rows of a user in every table that leads to users, whichever sets have made it, found in the catalog."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid5

from psycopg import sql

from memdb.database import Connection

_LEFT_OUT = ("users", "memory_forgotten_users", "memory_forgotten_salt")
_COLUMNS = """
select a.attname, t.typname, t.typtype, a.attnotnull and not a.atthasdef and a.attidentity = ''
from pg_attribute as a
inner join pg_type as t on a.atttypid = t.oid
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
order by a.attnum
"""
_KEYS = """
select con.conrelid::regclass::text, con.confrelid::regclass::text,
    array(select attname::text from unnest(con.conkey) with ordinality as k (n, place)
        join pg_attribute on attrelid = con.conrelid and attnum = k.n order by place),
    array(select attname::text from unnest(con.confkey) with ordinality as k (n, place)
        join pg_attribute on attrelid = con.confrelid and attnum = k.n order by place)
from pg_constraint as con where con.contype = 'f' and con.conparentid = 0
"""
_WITH_USER_ID = """
select attrelid::regclass::text from pg_attribute join pg_class as c on attrelid = c.oid
where attname = 'user_id' and c.relkind in ('r', 'p') and not c.relispartition
    and c.relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
"""
# How a value that is needed is written. A set with a table that needs another one says so here.
_VALUES: dict[str, str] = {
    "text": "'x'", "varchar": "'x'", "bool": "true", "int4": "1", "int8": "1", "int2": "1", "float4": "0.5",
    "float8": "0.5", "numeric": "1", "timestamptz": "'2026-01-01'", "interval": "'1 day'", "jsonb": "'{}'",
    "bytea": "'x'", "date": "'2026-01-01'", "memory_archive.reason": "'merged'",
}  # fmt: skip


def tables(connection: Connection) -> list[str]:
    """The tables with a path to users, each after those that it refers to."""
    keys = connection.execute(_KEYS).fetchall()
    found = {"users"} | {table for (table,) in connection.execute(_WITH_USER_ID)}
    while more := {table for table, target, *_ in keys if target in found} - found:
        found |= more
    ordered = list[str]()
    while rest := found - {*ordered}:
        ready = {name for name in rest if not any(c == name and p in rest and p != name for c, p, *_ in keys)}
        assert ready, f"tables that refer to each other: {rest}"
        ordered += sorted(ready)
    return ordered


def fill(connection: Connection, user: UUID) -> None:
    """Adds a row of the user to each of these tables."""
    rows = dict[str, dict[str, Any]]()
    keys = connection.execute(_KEYS).fetchall()
    for table in tables(connection):
        given = {"id": user} if table == "users" else {"user_id": user}
        for child, parent, columns, target in keys:
            if child == table and parent in rows:
                given |= {column: rows[parent][name] for column, name in zip(columns, target, strict=True)}
        rows[table] = _insert(connection, table, user, given)


def _insert(connection: Connection, table: str, user: UUID, given: dict[str, Any]) -> dict[str, Any]:
    values = dict(_needed(connection, table, user, given))
    statement = sql.SQL("insert into {} ({}) values ({}) returning to_jsonb({})").format(
        sql.SQL(table), sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(values.values()),
        sql.Identifier(table),
    )  # fmt: skip
    return dict(connection.value(statement))


def _needed(
    connection: Connection, table: str, user: UUID, given: dict[str, Any]
) -> Iterator[tuple[str, sql.Composable]]:
    for name, type, kind, is_needed in connection.execute(_COLUMNS, [table]).fetchall():
        if name in given:
            yield name, sql.Literal(str(given[name]))
        elif type == "uuid":
            yield name, sql.Literal(str(uuid5(user, f"{table}.{name}")))
        elif is_needed and kind == "e":
            yield name, sql.SQL("(enum_range(null::{}))[1]").format(sql.Identifier(type))
        elif is_needed:
            assert type in _VALUES, (
                f"{table}.{name} needs a value: say in tests/integration/filling.py how to write a {type}"
            )
            yield name, sql.SQL(_VALUES.get(f"{table}.{name}", _VALUES[type]))


def dump(connection: Connection) -> dict[str, list[str]]:
    """All rows of all tables that are not the server's own, as text, but for users, and what says who was forgotten."""
    named = connection.execute(
        "select oid::regclass::text from pg_class where relkind in ('r', 'p') and not relispartition "
        "and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
    ).fetchall()
    return {
        name: sorted(text for (text,) in connection.execute(f"select t::text from {name} as t".encode()))
        for (name,) in named
        if name not in _LEFT_OUT
    }
