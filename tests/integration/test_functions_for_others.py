"""Each function of each set, called for Bob by Ann, who is held to policies: it tells and changes nothing of his."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest

import memdb
from memdb import database
from memdb.database import Connection
from tests.conftest import new_database
from tests.helpers import on_one_server
from tests.integration import filling
from tests.integration.conftest import as_role

ANN, BOB = UUID(int=1 << 96), UUID(int=2 << 96)
FUNCTIONS = """
select p.proname, array(select unnest(p.proargnames[:p.pronargs])),
    array(select format_type(t, null) from unnest(p.proargtypes) with ordinality as a (t, place) order by place)
from pg_proc as p
where p.pronamespace = 'public'::regnamespace and p.prorettype <> 'trigger'::regtype
    and not exists (select from pg_depend where objid = p.oid and deptype = 'e')
order by p.oid::regprocedure::text
"""
# How an argument of each type is written, if it is not an id. A function that takes another type says so here.
VALUES = {
    "text": "'secret'", "text[]": "'{secret}'", "integer": "10", "bigint": "10", "boolean": "true", "jsonb": "'{}'",
    "vector": "array_fill(0.1, array[1536])::vector", "memory_type": "'personal'", "memory_type[]": "null",
    "double precision": "2", "double precision[]": "'{1}'", "interval": "'1 minute'", "jsonpath": "'1 == 1'",
    "timestamp with time zone": "'2099-01-01'", "timestamp with time zone[]": "'{2099-01-01}'", "bytea": "''",
    "regclass": "'memories'", "tsvector": "'secret'", "json": "'{}'", "jsonb[]": "'{}'", "bit": "B'1'::bit(2048)",
}  # fmt: skip
# Some of each set that would tell of Bob if it were not for the policies.
SEEN = {
    *("search_memories", "search_memories_where", "search_memories_by_words", "search_memories_hybrid"),
    *("recall_memories", "note_memory_recalls", "expire_memories", "memory_versions", "restore_memories"),
    *("supersede_memory", "add_memory_once", "memory_with_content", "claim_consolidation", "stale_summaries"),
    *("memories_in_collection", "remove_from_collection", "memory_embedding_states", "forget_user"),
}
# What differs in any two databases: times, and ids that the server makes, which are of version 4.
BY_CHANCE = re.compile(r"\d{4}-\d\d-\d\d[ T][\d:.]+|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


class World(NamedTuple):
    """A database as its owner sees it, and the name of Ann's role there."""

    owner: Connection
    ann: str


@pytest.fixture(scope="module")
def worlds(server: str, template: str, sets: Any) -> Iterator[tuple[World, World]]:
    """With Bob, and as if he never was."""
    with new_database(server, template=template) as conninfo:
        chosen = [name for name in on_one_server(sets) if name not in ("drop_hnsw", "force_row_security")]
        with memdb.open(conninfo, sets=chosen) as db:
            db.migrate()
        name = str(psycopg.conninfo.conninfo_to_dict(conninfo)["dbname"])
        with (
            new_database(server, template=name) as other,
            database.connect(conninfo, purpose="test") as with_bob,
            database.connect(other, purpose="test") as without,
            as_role(with_bob, f"ann_{with_bob.info.backend_pid}"),
        ):
            for owner in (with_bob, without):
                filling.fill(owner, ANN)
            filling.fill(with_bob, BOB)
            with_bob.execute("update memories set content = 'secret', embedding = array_fill(0.1, array[1536])::vector "
                             "where user_id = %s", [BOB])  # fmt: skip
            role = f"ann_{with_bob.info.backend_pid}"
            for owner in (with_bob, without):
                owner.execute(f"grant select, insert, update, delete on all tables in schema public to {role}".encode())
            yield World(with_bob, role), World(without, role)
            without.execute(f"drop owned by {role}".encode())


def test_none_tells_or_changes_anything_of_others(worlds: tuple[World, World]) -> None:
    with_bob, without = worlds
    told = set[str]()
    of_bob = [row for row in ids(with_bob.owner) if row]
    before = of_ids(filling.dump(with_bob.owner), of_bob)
    assert before.keys() == {*filling.tables(with_bob.owner)} - {"users", "memory_forgotten_users"}
    for name, call in calls(with_bob.owner, of_bob):
        found, kept = outcome(with_bob, call, with_bob.ann)
        assert found == outcome(without, call, with_bob.ann)[0], call
        assert of_ids(kept, of_bob) == before, call
        if outcome(with_bob, call, None)[0] != outcome(without, call, None)[0]:
            told.add(name)
    assert told >= SEEN, "without policies, too, these would tell nothing of Bob"


def of_ids(dumped: dict[str, list[str]], of_bob: list[str]) -> dict[str, list[str]]:
    """Rows that have one of these ids or Bob's own."""
    rows = {
        table: [row for row in rows if any(id in row for id in (str(BOB), *of_bob))] for table, rows in dumped.items()
    }
    return {table: found for table, found in rows.items() if found}


def ids(owner: Connection) -> list[str]:
    """An id of Bob's in each table that has one."""
    tables = [table for table in filling.tables(owner) if table != "users"]
    asked = "select to_jsonb(t) ->> 'id' from {} as t where to_jsonb(t) ->> 'user_id' = %s"
    return sorted({owner.value(asked.format(table).encode(), [str(BOB)]) or "" for table in tables})


def calls(owner: Connection, of_bob: list[str]) -> Iterator[tuple[str, str]]:
    for name, arguments, types in owner.execute(FUNCTIONS).fetchall():
        given = [list(values(argument, type, of_bob)) for argument, type in zip(arguments, types, strict=True)]
        for chosen in product(*given):
            yield name, f"select f::text from {name}({', '.join(chosen)}) as f order by 1"


def values(name: str, type: str, of_bob: list[str]) -> Iterator[str]:
    if type == "uuid":
        yield from (f"'{id}'::uuid" for id in ([BOB] if name == "user_id" else of_bob))
    elif type == "uuid[]":
        yield f"'{{{','.join(of_bob)}}}'::uuid[]"
    else:
        assert type in VALUES, f"say in this file how to write a {type}, for {name}"
        yield f"{VALUES[type]}::{type}"


def outcome(world: World, call: str, role: str | None) -> tuple[object, dict[str, list[str]]]:
    """What a call tells, and all that is there afterwards. Nothing is kept."""
    with world.owner.transaction(force_rollback=True):
        world.owner.execute("select set_config('memdb.user_id', %s, true)", [str(ANN)])
        try:
            with world.owner.transaction():
                if role:
                    world.owner.execute(f"set local role {role}".encode())
                found: object = sorted(BY_CHANCE.sub("", str(row)) for row in world.owner.execute(call.encode()))
                world.owner.execute("reset role")
        except psycopg.Error as error:
            found = (error.diag.sqlstate, error.diag.message_primary, error.diag.message_detail)
        world.owner.execute("reset role")
        return found, filling.dump(world.owner)
