"""memdb's own statements find memories, users and the extension wherever they are, whatever a schema is called."""

import pytest
from psycopg import sql

from memdb import target
from memdb.benchmark import study
from memdb.benchmark.preparation import Wanted
from memdb.benchmark.study import Design
from memdb.cli import main
from memdb.database import Connection
from memdb.demo import search
from memdb.errors import DatabaseError
from memdb.seeding.memories import Synthetic
from memdb.seeding.resetting import reset
from memdb.seeding.seed import seed

SMALL = Synthetic(users=3, memories=60, random_seed=1)


def test_names_of_schemas_are_only_names(empty: str, empty_connection: Connection) -> None:
    schema = 'we%s{0}"x.{vector} %(first)s'
    for name in (schema, f"of the extension {schema}"):
        empty_connection.execute(sql.SQL("create schema {}").format(sql.Identifier(name)))
    empty_connection.execute(sql.SQL("create extension vector schema {}").format(sql.Identifier(name)))
    assert main(["migrate", "--database-url", empty, "--schema", schema]) == 0
    arguments = ["--database-url", empty, "--schema", schema]
    assert main(["seed", "--memories", "60", "--users", "3", *arguments]) == 0
    assert main(["benchmark-similarity", "--queries", "5", "--strategies", "all", "--try-m", "4", *arguments]) == 0
    assert main(["seed", "--reset", *arguments]) == 0


def test_users_are_those_that_memories_refers_to(connection: Connection) -> None:
    connection.execute("create schema app; alter table users set schema app; create table users (id uuid)")
    assert seed(connection, SMALL).users_created == 3
    assert connection.execute("select (select count(*) from app.users), (select count(*) from users)").fetchone() == (
        3,
        0,
    )
    assert reset(connection).users == 3


def test_memories_are_found_behind_a_schema_that_has_none(connection: Connection) -> None:
    connection.execute("create schema before; set search_path = before, public")
    assert seed(connection, SMALL).memories == 60
    assert len(search(connection).neighbours) == 4
    assert study.run(connection, Wanted(queries=5), Design(("plain",))).sample.queries == 5


@pytest.mark.parametrize("kind", ["view", "materialized view"])
def test_what_is_no_table_is_not_taken_for_memories(empty_connection: Connection, kind: str) -> None:
    empty_connection.execute(f"create extension vector; create {kind} memories as select 1 as id".encode())
    with empty_connection.transaction(), pytest.raises(DatabaseError, match='no table "memories"'):
        target.enter(empty_connection)


def test_names_lead_where_they_led_when_the_transaction_is_over(connection: Connection) -> None:
    before = connection.execute("show search_path").fetchone()
    seed(connection, SMALL)
    reset(connection)
    assert connection.execute("show search_path").fetchone() == before
