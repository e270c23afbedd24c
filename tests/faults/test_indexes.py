"""Indexes whose build fails or is cut short: none is left INVALID, and none is taken for done that is not."""

import pytest

from memdb import migrations
from memdb.database import Connection
from memdb.errors import MigrationError, StatementFailed
from memdb.ledger import sqlfiles
from tests.faults.conftest import Folder
from tests.faults.observing import BUILD, DROP, applied, create_items, index_valid, leave_invalid_index

IF_NOT_EXISTS = BUILD.replace("concurrently ix", "concurrently if not exists ix")
UNIQUE = BUILD.replace("create index", "create unique index")


@pytest.fixture
def items(connection: Connection) -> Connection:
    """The connection to a database with a table of items."""
    create_items(connection)
    return connection


def test_a_build_that_fails_leaves_no_index_and_may_be_tried_again(items: Connection, folder: Folder) -> None:
    sets = sqlfiles.read_sets(folder(m0001_index=(UNIQUE, DROP)))
    items.execute("insert into items values (0, 'item 1')")
    for _ in range(2):
        with pytest.raises(StatementFailed, match="could not create unique index") as raised:
            migrations.migrate(items, sets)
        assert raised.value.location.endswith("0001_index.sql:2:1")
        assert (index_valid(items, "ix"), applied(items)) == (None, [])
    items.execute("delete from items where id = 0")
    migrations.migrate(items, sets)
    assert (index_valid(items, "ix"), applied(items)) == (True, ["0001_index"])


@pytest.mark.parametrize("sql", [BUILD, IF_NOT_EXISTS], ids=["create", "if not exists"])
def test_an_invalid_index_is_dropped_and_built_again(items: Connection, folder: Folder, sql: str) -> None:
    leave_invalid_index(items)
    migrations.migrate(items, sqlfiles.read_sets(folder(m0001_index=(sql, DROP))))
    assert (index_valid(items, "ix"), applied(items)) == (True, ["0001_index"])


def test_an_invalid_index_is_found_beside_one_of_the_same_name_in_another_schema(
    items: Connection, folder: Folder
) -> None:
    items.execute("create schema other; create table other.items (name text); create index ix on other.items (name)")
    leave_invalid_index(items)
    items.execute("set search_path = other, public")
    sql = BUILD.replace("on items", "on public.items")
    migrations.migrate(items, sqlfiles.read_sets(folder(m0001_index=(sql, "drop index concurrently public.ix;"))))
    found = items.execute("select indisvalid from pg_index where indexrelid = 'public.ix'::regclass").fetchall()
    assert found == [(True,)]


def test_a_valid_index_that_memdb_did_not_begin_is_refused_every_time(items: Connection, folder: Folder) -> None:
    items.execute("create index ix on items (id)")
    sets = sqlfiles.read_sets(folder(m0001_index=(BUILD, DROP)))
    for _ in range(2):
        with pytest.raises(StatementFailed, match='relation "ix" already exists'):
            migrations.migrate(items, sets)
    assert (index_valid(items, "ix"), applied(items)) == (True, [])


def test_an_index_that_was_begun_under_another_name_is_cleared_away(items: Connection, folder: Folder) -> None:
    sets = sqlfiles.read_sets(folder(m0000_first=("select 1;", "select 1;"), m0001_index=(BUILD, DROP)))
    migrations.migrate(items, sets, to="0000")
    begun = sets["core"][1]
    items.execute(
        "insert into memdb_migrations (migration_id, checksum, sql) values (%s, %s, %s)",
        [begun.id, begun.checksum, begun.sql],
    )
    leave_invalid_index(items)
    sets = sqlfiles.read_sets(folder(m0001_index=(BUILD.replace(" ix ", " ix_name "), "drop index ix_name;")))
    migrations.migrate(items, sets)
    assert (index_valid(items, "ix"), index_valid(items, "ix_name")) == (None, True)


def test_a_drop_that_is_refused_leaves_the_migration_applied(items: Connection, folder: Folder) -> None:
    sets = sqlfiles.read_sets(folder(m0001_index=(UNIQUE, DROP)))
    migrations.migrate(items, sets)
    items.execute("alter table items add constraint ix unique using index ix")
    with pytest.raises(StatementFailed, match="cannot drop index ix"):
        migrations.rollback(items, sets)
    assert (index_valid(items, "ix"), applied(items)) == (True, ["0001_index"])


@pytest.mark.parametrize(
    "statement", ["create index concurrently on items (name)", "create index concurrently /* new */ ix on items (name)"]
)
def test_an_index_that_could_not_be_found_again_is_refused(items: Connection, folder: Folder, statement: str) -> None:
    sets = sqlfiles.read_sets(folder(m0001_index=(f"-- transactional: false\n{statement}", DROP)))
    with pytest.raises(MigrationError, match="cannot tell which index") as raised:
        migrations.migrate(items, sets)
    assert "Give the index a name" in raised.value.hint
    assert items.execute("select count(*) from pg_indexes where tablename = 'items'").fetchone() == (1,)
