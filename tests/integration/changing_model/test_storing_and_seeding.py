"""Memories that are added, and removed, by whom and what need not know that another model takes over."""

import pytest
from psycopg.errors import InsufficientPrivilege

from memdb import door
from memdb.database import Connection
from memdb.seeding.memories import Synthetic
from memdb.seeding.resetting import Reset
from tests.integration.changing_model.conftest import ANN, SMALL, Model, of_text
from tests.integration.conftest import as_role

pytestmark = pytest.mark.once


def test_what_was_seeded_is_removed_with_its_embeddings_beside_memories_unless_the_application_refers_to_it(
    db: door.Database, connection: Connection
) -> None:
    db.seed(Synthetic(users=2, memories=20, random_seed=1), append=True)
    db.embed(Model(), batching=SMALL)
    connection.execute("create table orders (about uuid references memories on delete cascade)")
    connection.execute("insert into orders select id from memories where id::text like '6d656d64%' limit 1")
    counts = "select (select count(*) from memories), (select count(*) from memory_embeddings_new_model_2)"
    [(memories, embeddings)] = connection.execute(counts).fetchall()
    assert memories == embeddings
    assert db.unseed() == Reset(memories=19, users=1, memories_kept=1, users_kept=1)
    assert connection.execute(counts).fetchall() == [(memories - 19, embeddings - 19)]


def test_a_role_that_only_adds_memories_stores_embeddings_with_the_rights_that_are_documented(
    connection: Connection,
) -> None:
    add = "insert into memories (user_id, memory_type, content) values (%s, 'task', 'a') returning id"
    store = "select set_memory_embeddings_new_model_2(%s, %s, array[%s::real[]::vector])"
    with as_role(connection, "adds") as role:
        connection.execute("grant select, insert on memories, memory_embeddings_new_model_2 to adds")
        role.execute("select set_config('memdb.user_id', %s, false)", [str(ANN)])
        given = [ANN, [role.value(add, [ANN])], of_text("a", 64)]
        with pytest.raises(InsufficientPrivilege):
            role.execute(store, given)
        connection.execute("grant update on memory_embeddings_new_model_2 to adds")
        connection.execute("grant update (accessed_at) on memories to adds")
        assert role.value(store, given) == 1
