"""memdb seed for any application's users, with any model's embeddings."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from memdb.errors import DataError
from memdb.reading import keys
from memdb.seeding.resetting import Reset
from tests.integration.conftest import Fitted


def seed(fitted: Fitted, source: Path | None = None, **options: Any) -> Any:
    rows = {"users": 3, "memories": 60} if source is None else {}
    return fitted.db.seed(source, **rows, **options)


def value(fitted: Fitted, statement: str, *parameters: Any) -> Any:
    with psycopg.connect(fitted.conninfo, autocommit=True) as connection:
        row = connection.execute(statement.encode(), parameters).fetchone()
    return row and row[0]


def run(fitted: Fitted, statement: str, *parameters: Any) -> None:
    with psycopg.connect(fitted.conninfo, autocommit=True) as connection:
        connection.execute(statement.encode(), parameters)


def file_of(fitted: Fitted, *users: Any, dimensions: int | None = None) -> Path:
    count = dimensions or int(fitted.case.embedding.partition("(")[2][:-1])
    path = fitted.directory / "memories.jsonl"
    rows = (
        {"embedding": [0.1 * n + 1] + [0.5] * (count - 1), "user": u, "content": "tea"} for n, u in enumerate(users)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def ready(fitted: Fitted) -> Fitted:
    """With the schema, and users who need nothing but an id."""
    fitted.db.migrate()
    for needed in ("username", "email"):
        if value(fitted, "select 1 from pg_attribute where attname = %s and attnotnull", needed):
            run(fitted, f"alter table {fitted.case.users.table} alter {needed} drop not null")
    return fitted


def test_what_is_seeded_is_found_again_and_removed_and_nothing_else(ready: Fitted) -> None:
    users = ready.case.users
    given = "7" if users.python_type is int else "11111111-1111-1111-1111-111111111111"
    near = {int: "-1", str: "memdb-test"}.get(users.python_type, "22222222-2222-2222-2222-222222222222")
    run(ready, f"insert into {users.table} ({users.key}) values (%s), (%s)", given, near)
    loaded = seed(ready, add_users=True)
    assert (loaded.memories, loaded.users, loaded.users_created, loaded.users_with_own_ids) == (60, 3, 3, 0)
    made = keys.kind(users).made
    with psycopg.connect(ready.conninfo) as connection:
        assert all(made.has(key) for (key,) in connection.execute("select distinct user_id from memories"))
    assert value(ready, "select vector_dims(embedding) from memories") == int(ready.case.embedding.split("(")[1][:-1])
    norms = "select bool_and(abs(l2_distance(embedding, embedding * embedding) - 1) < 2) from memories"
    assert value(ready, norms) is True
    assert seed(ready, append=True).already_there == 0
    assert seed(ready, append=True, random_seed=1).already_there == 60
    assert ready.db.unseed() == Reset(memories=120, users=6, memories_kept=0)
    assert value(ready, f"select count(*) from {users.table}") == 2


def test_a_user_in_a_file_is_the_one_with_that_id(ready: Fitted) -> None:
    users = ready.case.users
    given: Any = 7 if users.python_type is int else "11111111-1111-1111-1111-111111111111"
    run(ready, f"insert into {users.table} ({users.key}) values (%s)", given)
    loaded = seed(ready, file_of(ready, given, given, "ann"), add_users=True)
    assert (loaded.memories, loaded.users, loaded.users_created) == (3, 2, 1)
    assert loaded.users_with_own_ids == (users.python_type is str)
    assert value(ready, "select count(*) from memories where user_id = %s", given) == 2
    assert seed(ready, file_of(ready, given, given, "ann"), append=True).already_there == 3


def test_a_user_to_whom_something_refers_without_a_key_stays(ready: Fitted) -> None:
    seed(ready, add_users=True)
    kind = ready.case.users.key_type
    run(ready, f"create domain owner as {kind}; create table notes (o owner)")
    run(ready, "insert into notes select user_id from memories limit 1")
    assert ready.db.unseed() == Reset(memories=60, users=2, memories_kept=0, users_kept=1)


def test_an_applications_users_are_left_alone_unless_that_is_asked_for(ready: Fitted) -> None:
    users = ready.case.users
    if users.may_be_made:
        assert seed(ready).users_created == 3
        return
    with pytest.raises(DataError) as refused:
        seed(ready)
    assert (
        refused.value.message == f"{users.table} is a table of your application, to which memdb adds no users by itself"
    )
    assert "--add-users" in refused.value.hint
    with pytest.raises(DataError, match=f"'ann' and .*7.* are not among the users in {users.table}|7.* and 'ann' are"):
        seed(ready, file_of(ready, "ann", 7))
    assert value(ready, f"select count(*) from {users.table}") == 0


def test_a_role_that_may_only_read_users_can_load_memories_of_theirs(ready: Fitted) -> None:
    users = ready.case.users
    if users.may_be_made:
        return
    given: Any = 7 if users.python_type is int else "11111111-1111-1111-1111-111111111111"
    run(ready, f"insert into {users.table} ({users.key}) values (%s)", given)
    schema = users.schema or "public"
    run(ready, "create role seed_reader")
    try:
        run(ready, f"grant usage on schema {schema}, public to seed_reader; grant all on memories to seed_reader")
        run(ready, f"grant select on {users.table} to seed_reader")
        run(ready, "do $$begin execute format('alter database %I set role = seed_reader', current_database()); end$$")
        assert seed(ready, file_of(ready, given)).memories == 1
    finally:
        run(ready, "reset role; drop owned by seed_reader; drop role seed_reader")


def test_embeddings_of_another_model_are_told_with_both_numbers(ready: Fitted) -> None:
    with pytest.raises(DataError, match="row 1: embedding has 77 numbers, and the column is ") as refused:
        seed(ready, file_of(ready, "ann", dimensions=77), add_users=True)
    assert ready.case.embedding in refused.value.message
    assert "--dimensions 77" in refused.value.hint


@pytest.mark.parametrize("fitted", ["Django", "another key, elsewhere"], indirect=True)
def test_columns_that_users_need_beside_their_id_are_named(fitted: Fitted) -> None:
    fitted.db.migrate()
    run(fitted, f"alter table {fitted.case.users.table} add born date not null")
    with pytest.raises(DataError) as refused:
        seed(fitted, add_users=True)
    assert " and born in each row" in refused.value.message
    assert "--from" in refused.value.hint


@pytest.mark.parametrize("fitted", ["bigint ids"], indirect=True)
def test_users_are_added_where_the_application_never_gives_ids_itself(ready: Fitted) -> None:
    run(ready, "alter table users alter id drop default; alter table users alter id add generated always as identity")
    assert seed(ready, add_users=True).users_created == 3


@pytest.mark.parametrize("fitted", ["another key, elsewhere"], indirect=True)
def test_a_key_that_is_too_short_for_ids_of_memdb_takes_those_of_a_file(ready: Fitted) -> None:
    table, key = ready.case.users.table, ready.case.users.key
    run(ready, "alter table memories alter user_id type varchar(20)")
    with pytest.raises(DataError, match=r"is varchar\(20\), too short for an id that memdb makes up"):
        seed(ready, add_users=True)
    run(ready, f"insert into {table} ({key}) values ('ann')")
    assert seed(ready, file_of(ready, "ann")).memories == 1
