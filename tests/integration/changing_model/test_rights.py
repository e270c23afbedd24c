"""Roles that own no table, owners that are held to policies, and functions that are not everybody's."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

import memdb
from memdb import database, door, project
from memdb.database import Connection
from memdb.errors import MemdbError
from tests.conftest import new_database
from tests.integration.changing_model.conftest import ANN, BOB, NEW, SMALL, Model, of_text
from tests.integration.conftest import as_role

pytestmark = pytest.mark.once

FOUND = "select content from search_memories(%s, %s::real[]::vector, 3)"
FORCED = ("fast_search", "row_security", "force_row_security")


def test_whoever_may_search_may_do_so_after_the_switch_where_new_functions_are_nobodys(
    db: door.Database, connection: Connection, folder: Path
) -> None:
    db.embed(Model(), batching=SMALL)
    with as_role(connection, "application") as role:
        connection.execute(
            "grant select on all tables in schema public to application; "
            "revoke execute on all functions in schema public from public; "
            "grant execute on all functions in schema public to application; "
            "alter default privileges revoke execute on functions from public"
        )
        role.execute("select set_config('memdb.user_id', %s, false)", [str(ANN)])

        def expect_answers(*models: int) -> None:
            for dimensions in models:
                assert ("text 7",) in role.execute(FOUND, [ANN, of_text("text 7", dimensions)]).fetchall()

        expect_answers(1536)
        project.begin(folder, "third", 96)
        project.switch(folder, NEW)
        project.retire(folder, NEW)
        db.migrate(to=next(path.stem for path in (folder / "app").glob("*_switch_search_new_model_2.sql")))
        expect_answers(1536, 64)
        db.migrate()
        expect_answers(64)
        db.rollback(to=next(path.stem for path in (folder / "app").glob("*_switch_search_new_model_2.sql")))
        expect_answers(1536, 64)
        assert role.execute(b"select id from search_memories_where_third(%s, %s::real[]::vector, null)", [
            ANN, of_text("text 7", 96)
        ]).fetchall() == []  # fmt: skip
        connection.execute("alter default privileges grant execute on functions to public")


@pytest.fixture
def held(server: str) -> Iterator[tuple[str, Connection]]:
    """A database for its owner, who is no superuser, and a connection of one."""
    with new_database(server) as conninfo, database.connect(conninfo, purpose="test") as connection:
        connection.execute("create role held_owner login; create extension vector")
        connection.execute("alter schema public owner to held_owner")
        try:
            yield psycopg.conninfo.make_conninfo(conninfo, user="held_owner"), connection
        finally:
            connection.execute("drop owned by held_owner cascade; drop role held_owner")


def test_an_owner_who_does_not_see_memories_does_not_switch_unless_there_are_none(
    held: tuple[str, Connection], folder: Path
) -> None:
    owned, connection = held
    project.switch(folder, NEW)
    with memdb.open(owned, sql_dir=folder, sets=FORCED) as db:
        db.migrate()
        db.rollback(to=next(path.stem for path in (folder / "app").glob("*_vacuum_memory_embeddings_new_model_2.sql")))
        connection.execute("insert into users (id) values (%s)", [ANN])
        connection.execute("insert into memories (user_id, memory_type, content) values (%s, 'task', 'a')", [ANN])
        with pytest.raises(MemdbError, match="not known how many have no embedding"):
            db.migrate()


def test_where_the_owner_is_held_to_policies_whoever_changes_a_memory_takes_its_embedding_along(
    held: tuple[str, Connection], own: Path
) -> None:
    owned, connection = held
    with (
        memdb.open(owned, sql_dir=own, sets=FORCED) as db,
        as_role(connection, "service") as service,
        as_role(connection, "application") as application,
    ):
        connection.execute("alter role service bypassrls")
        db.migrate(to="3051_force_policies_on_owner")
        connection.execute("grant select, update (user_id, memory_type) on memories to service")
        connection.execute("grant select, update on memories to application")
        db.migrate()
        connection.execute("insert into users (id) values (%s), (%s)", [ANN, BOB])
        id = connection.value(
            "insert into memories (user_id, memory_type, content) values (%s, 'task', 'a') returning id", [ANN]
        )
        connection.execute(
            "select set_memory_embeddings_new_model_2(%s, %s, array[%s::real[]::vector])", [ANN, [id], of_text("a", 64)]
        )
        beside = "select user_id, memory_type::text from memory_embeddings_new_model_2"
        application.execute("select set_config('memdb.user_id', %s, false)", [str(ANN)])
        application.execute("update memories set memory_type = 'project'")
        assert connection.execute(beside).fetchall() == [(ANN, "project")]
        service.execute("update memories set memory_type = 'personal', user_id = %s", [BOB])
        assert connection.execute(beside).fetchall() == [(BOB, "personal")]
