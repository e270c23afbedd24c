"""memdb seed for any application's users, with any model's embeddings."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

import memdb
from memdb.errors import DataError
from memdb.reading import keys
from memdb.seeding import seed as seeding
from memdb.seeding.files import FileSource
from memdb.seeding.resetting import Reset
from memdb.seeding.seed import Seeding
from tests.integration.conftest import Fitted

pytestmark = pytest.mark.once

PERSON, ANOTHER = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


def only(*cases: str) -> pytest.MarkDecorator:
    """For the shapes that matter to a behaviour."""
    return pytest.mark.parametrize("fitted", cases, indirect=True)


def seed(fitted: Fitted, source: Path | None = None, **options: Any) -> Seeding:
    made = None if source else 60
    return fitted.db.seed(source, users=made and 3, memories=made, **options)


def value(fitted: Fitted, statement: str, *parameters: Any) -> Any:
    with psycopg.connect(fitted.conninfo, autocommit=True) as connection:
        row = connection.execute(statement.encode(), parameters).fetchone()
    return row and row[0]


def run(fitted: Fitted, statement: str, *parameters: Any) -> None:
    with psycopg.connect(fitted.conninfo, autocommit=True) as connection:
        connection.execute(statement.encode(), parameters)


def dimensions(fitted: Fitted) -> int:
    return int(fitted.case.embedding.partition("(")[2][:-1])


def file_of(fitted: Fitted, *users: Any, numbers: int | None = None) -> Path:
    path, others = fitted.directory / "memories.jsonl", [0.5] * ((numbers or dimensions(fitted)) - 1)
    rows = [{"embedding": [1 + n, *others], "user": user, "content": "tea"} for n, user in enumerate(users)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def ready(fitted: Fitted) -> Fitted:
    """With `core`, and users who need nothing but an id."""
    with memdb.open() as db:
        db.migrate()
    for needed in ("username", "email"):
        if value(fitted, "select 1 from pg_attribute where attname = %s and attnotnull and attnum > 0", needed):
            run(fitted, f"alter table {fitted.case.users.table} alter {needed} drop not null")
    return fitted


def test_what_is_seeded_is_found_again_and_removed_and_nothing_else(ready: Fitted) -> None:
    ready.db.migrate()  # all that sets keep beside memories goes with them
    users = ready.case.users
    given, near = {int: ("7", "-1"), str: ("ann", "memdb-test")}.get(users.python_type, (PERSON, ANOTHER))
    run(ready, f"insert into {users.table} ({users.key}) values (%s), (%s)", given, near)
    loaded = seed(ready, add_users=True)
    assert (loaded.memories, loaded.users, loaded.users_created, loaded.users_with_own_ids) == (60, 3, 3, 0)
    made = keys.kind(users).made
    with psycopg.connect(ready.conninfo) as connection:
        assert all(made.has(key) for (key,) in connection.execute("select distinct user_id from memories"))
    assert value(ready, "select vector_dims(embedding) from memories") == dimensions(ready)
    assert value(ready, "select bool_and(abs(1 + (embedding <#> embedding)) < 0.01) from memories") is True
    assert seed(ready, append=True, random_seed=1).already_there == 60
    assert seed(ready, append=True, add_users=True).already_there == 0
    assert ready.db.unseed() == Reset(memories=120, users=6, memories_kept=0)
    assert value(ready, f"select count(*) from {users.table}") == 2


@only("bigint ids", "a unique key", "Supabase")
def test_a_user_in_a_file_is_the_one_with_that_id(ready: Fitted) -> None:
    users = ready.case.users
    given: Any = 7 if users.python_type is int else PERSON
    run(ready, f"insert into {users.table} ({users.key}) values (%s)", given)
    loaded = seed(ready, file_of(ready, given, str(given), "ann"), add_users=True)
    assert (loaded.memories, loaded.users, loaded.users_created) == (3, 2, 1)
    assert loaded.users_with_own_ids == (users.python_type is str)
    assert value(ready, "select count(*) from memories where user_id = %s", given) == 2
    assert seed(ready, file_of(ready, given, str(given), "ann"), append=True).already_there == 3


@only("Django", "text ids")
def test_a_user_to_whom_something_refers_without_a_key_stays(ready: Fitted) -> None:
    seed(ready, add_users=True)
    run(ready, f"create domain owner as {ready.case.users.key_type}; create table notes (o owner)")
    run(ready, "insert into notes select user_id from memories limit 1")
    assert ready.db.unseed() == Reset(memories=60, users=2, memories_kept=0, users_kept=1)


@only("Django", "Supabase")
def test_an_applications_users_are_left_alone_unless_that_is_asked_for(ready: Fitted) -> None:
    table = ready.case.users.table
    with pytest.raises(DataError, match=f"{table} is a table of your application") as refused:
        seed(ready)
    assert "--add-users" in (refused.value.hint or "")
    with pytest.raises(DataError, match=f"'(ann|bob)' and '(ann|bob)' are not among the users in {table}"):
        seed(ready, file_of(ready, "ann", "bob"))
    assert value(ready, f"select count(*) from {table}") == 0


@only("Supabase")
def test_a_role_that_may_only_read_users_can_load_memories_of_theirs(ready: Fitted) -> None:
    run(ready, f"insert into auth.users (id) values ('{PERSON}'); create role seed_reader bypassrls")
    run(ready, "grant usage on schema auth to seed_reader; grant all on memories to seed_reader")
    run(ready, "grant select on auth.users to seed_reader")
    try:
        with ready.db.connected("test") as connection:
            connection.execute("set role seed_reader")
            assert seeding.seed(connection, FileSource(file_of(ready, PERSON), 1)).memories == 1
    finally:
        run(ready, "drop owned by seed_reader; drop role seed_reader")


@only("another key, elsewhere", "stand-in")
def test_embeddings_of_another_model_are_told_with_both_numbers(ready: Fitted) -> None:
    with pytest.raises(DataError, match="row 1: embedding has 77 numbers, and the column is ") as refused:
        seed(ready, file_of(ready, "ann", numbers=77), add_users=True)
    assert ready.case.embedding in refused.value.message
    assert "--dimensions 77" in (refused.value.hint or "")


@only("Django")
def test_columns_that_users_need_beside_their_id_are_named(fitted: Fitted) -> None:
    fitted.db.migrate()
    run(fitted, "alter table auth_user add born date not null")
    with pytest.raises(DataError, match="auth_user needs a value for username and born in each row") as refused:
        seed(fitted, add_users=True)
    assert "--from" in (refused.value.hint or "")
    for source in (None, file_of(fitted, "ann")):
        with pytest.raises(DataError) as refused:
            seed(fitted, source)
        assert "each needs a value for username and born." in (refused.value.hint or "")
        assert "--add-users" not in (refused.value.hint or "")  # it would fail


@only("bigint ids")
def test_users_are_added_where_the_application_never_gives_ids_itself(ready: Fitted) -> None:
    run(ready, "alter table users alter id drop default; alter table users alter id add generated always as identity")
    assert seed(ready, add_users=True).users_created == 3
