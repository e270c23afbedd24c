"""The catalog is the same wherever the schema lives, and after taking a migration back."""

from pathlib import Path

import pytest

from memdb import catalog, database, migrations, shipped
from memdb.catalog import Key, Objects
from memdb.database import Connection
from memdb.ledger.sqlfiles import Sets


def objects(connection: Connection) -> Objects:
    return catalog.read(connection, database.target_schema(connection)).objects


def test_rolling_back_each_migration_restores_the_catalog(empty_connection: Connection, sets: Sets) -> None:
    catalogs = [objects(empty_connection)]
    for migration in sets["core"]:
        migrations.migrate(empty_connection, sets, to=migration.id)
        catalogs.append(objects(empty_connection))
        migrations.rollback(empty_connection, sets)
        assert objects(empty_connection) == catalogs[-2], migration.id
        migrations.migrate(empty_connection, sets, to=migration.id)
        assert objects(empty_connection) == catalogs[-1], migration.id
    for migration, before in zip(reversed(sets["core"]), reversed(catalogs[:-1]), strict=True):
        migrations.rollback(empty_connection, sets)
        assert objects(empty_connection) == before, migration.id


@pytest.mark.parametrize(
    ("preparation", "search_path"),
    [
        ("create schema extensions; create extension vector schema extensions", "public, extensions"),
        ("create schema extensions", "public, extensions"),
        ("create schema memory", "memory, public"),
        ('create schema "My Memory"; create schema "Ext"; create extension vector schema "Ext"', '"My Memory", "Ext"'),
    ],
)
def test_it_is_the_same_wherever_schema_and_extension_live(
    connection: Connection, empty_connection: Connection, sets: Sets, preparation: str, search_path: str
) -> None:
    empty_connection.execute(preparation.encode())
    empty_connection.execute(f"set search_path = {search_path}".encode())
    migrations.migrate(empty_connection, sets, chosen=("fast_search",))
    migrations.migrate(connection, sets, chosen=("fast_search",))
    found = objects(empty_connection)
    assert {key: found[key] for key in found if key.kind != "schema"} == objects(connection)


def test_the_bookkeeping_of_migrations_is_in_no_catalog(connection: Connection) -> None:
    assert not [key for key in objects(connection) if "yoyo" in str(key) or "memdb_" in str(key)]


def test_reading_leaves_the_search_path_alone_also_inside_a_transaction(connection: Connection) -> None:
    connection.execute("set search_path = public, pg_temp")
    with connection.transaction():
        objects(connection)
        assert connection.execute("show search_path").fetchone() == ("public, pg_temp",)


def test_only_the_named_tables_are_read(connection: Connection) -> None:
    found = catalog.read(connection, "public", only=[Key("table", "users")]).objects
    assert {catalog.table_of(key, attributes) for key, attributes in found.items()} == {"", "users"}


def test_names_that_need_quotes(connection: Connection) -> None:
    connection.execute('create table "Odd.name" ("a.b" int, constraint "c""d" unique ("a.b"))')
    found = objects(connection)
    keys = {Key("table", '"Odd.name"'), Key("column", '"a.b"', '"Odd.name"'), Key("constraint", '"c""d"', '"Odd.name"')}
    assert keys <= found.keys()


def test_the_extension_that_memdb_needs_has_one_floor() -> None:
    path = next(Path(shipped.sql_directory(), "core").glob("0001_*vector.sql"))
    assert f"oldest_supported constant text := '{database.MINIMUM_PGVECTOR}'" in path.read_text()
