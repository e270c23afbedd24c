"""The set row_security: for Ann, a database in which Bob has memories is the same as one in which he never was."""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

import numpy as np
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

import memdb
from memdb.project import shipping
from memdb.shape import Shape, Users
from memdb.verification.verify import Verification
from tests.conftest import new_database
from tests.helpers import on_one_server
from tests.integration import attempts

Session = psycopg.Connection[tuple[Any, ...]]

ANN, BOB, HERS, HIS, GROUP = (UUID(int=number << 96) for number in range(1, 6))
BY_NAME = Shape(Users("accounts", "name", "varchar(9)"))
SETS = ("fast_search", "row_security")
AS_SUPABASE_DOES = """
create schema open_to_all;
grant usage, create on schema open_to_all to public;
create view seen_by_owner as select * from memories;
create materialized view kept_by_owner as select * from memories;
create function counted_by_owner() returns bigint language sql security definer set search_path = ''
as 'select count(*) from public.memories';
create view seen_by_caller with (security_invoker = true) as select * from memories;
grant all on all tables in schema public to {role}, anon, authenticated, service_role;
"""


class Worlds(NamedTuple):
    """Two databases that differ in whether Bob is there. The connections are of a role that has all rights to rows."""

    with_bob: Session
    without: Session
    owner: Session
    owner_without: Session
    role: str
    names: dict[str, object]


@pytest.fixture(scope="module")
def roles(server: str) -> Iterator[str]:
    """The roles of Supabase, and the name of one more."""
    with psycopg.connect(server, autocommit=True) as admin:
        made = [f"companion_{admin.info.backend_pid}", "anon", "authenticated", "service_role"]
        there = {row[0] for row in admin.execute("select rolname from pg_roles").fetchall()}
        made = [name for name in made if name not in there]
        for name in made:
            admin.execute(f"create role {name} login {'bypassrls' if name == 'service_role' else ''}".encode())
        yield made[0]
        with contextlib.suppress(psycopg.errors.DependentObjectsStillExist):  # another test has them, too
            for name in made:
                admin.execute(f"drop role {name}".encode())


@pytest.fixture(scope="module")
def secured(server: str, template: str, roles: str) -> Iterator[str]:
    """The name of a database with the sets, where everybody had all rights before."""
    with new_database(server, template=template) as conninfo:
        with psycopg.connect(conninfo) as admin:
            admin.execute(AS_SUPABASE_DOES.format(role=roles).encode())
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        yield str(conninfo_to_dict(conninfo)["dbname"])


def fill(admin: Session, near: list[str], *, bob: bool) -> None:
    add = "insert into memories (id, user_id, memory_type, content, embedding, metadata, created_at, accessed_at) "
    add += "values (%s, %s, %s, %s, %s, %s, %s, '2025-01-01')"
    of_bob = [
        (UUID(int=HIS.int + n), BOB, "personal", f"secret of bob {n}", near[n], '{"of": "bob"}', "2025-02-02")
        for n in range(260)
    ]
    of_ann = [(UUID(int=HERS.int + n), ANN, "task", f"note {n}", near[260 + n], "{}", "2025-01-01") for n in range(5)]
    users = [ANN, BOB] if bob else [ANN]
    index = admin.execute("select pg_get_indexdef('ix_memories_embedding'::regclass)").fetchone()
    assert index is not None
    admin.execute("drop index ix_memories_embedding")  # which is faster built than kept
    admin.execute("insert into users (id, created_at) select unnest(%s), '2025-01-01'", [users])
    admin.cursor().executemany(add, of_ann + (of_bob if bob else []))
    groups = [(ANN, "walks", UUID(int=GROUP.int + 1)), *([(BOB, "secret of bob", GROUP)] if bob else [])]
    for user, name, id in groups:
        admin.execute(
            "insert into memory_collections (id, user_id, collection_type, name, created_at) "
            "values (%s, %s, 'journal', %s, '2025-01-01')",
            [id, user, name],
        )
    admin.execute(index[0])
    admin.execute("refresh materialized view kept_by_owner")
    admin.execute("create statistics of_tiers on user_id, memory_type from memories")
    admin.commit()
    admin.autocommit = True
    admin.execute("analyze")


@pytest.fixture(scope="module")
def worlds(server: str, secured: str, roles: str) -> Iterator[Worlds]:
    near = [str(row.tolist()) for row in np.random.default_rng(1).standard_normal((265, 1536)).round(3)]
    with contextlib.ExitStack() as stack:
        conninfos = [stack.enter_context(new_database(server, template=secured)) for _ in range(2)]
        owners = [stack.enter_context(psycopg.connect(conninfo)) for conninfo in conninfos]
        for owner, bob in zip(owners, (True, False), strict=True):
            fill(owner, near, bob=bob)
        as_role = [stack.enter_context(psycopg.connect(make_conninfo(one, user=roles))) for one in conninfos]
        names: dict[str, object] = {"ann": ANN, "bob": BOB, "his": HIS, "hers": HERS, "group": GROUP, "near": near[0]}
        names["owner"] = owners[0].info.user
        yield Worlds(as_role[0], as_role[1], owners[0], owners[1], roles, names)


def observed(session: Session, statement: str, user: object = ANN) -> tuple[object, ...]:
    """All that a statement tells whoever sends it: rows, what was done, errors and notices. Nothing is kept."""
    told: list[object] = []
    session.add_notice_handler(note := lambda notice: told.append(notice.message_primary))
    try:
        with session.transaction(force_rollback=True):
            session.execute("select set_config('memdb.user_id', %s, true)", [str(user)])
            if statement.startswith("copy"):
                with session.cursor().copy(statement.encode()) as copied:
                    return tuple(bytes(row) for row in copied)
            cursor = session.execute(statement.encode())
            while True:
                told += [cursor.statusmessage, *(cursor.fetchall() if cursor.description else [])]
                if not cursor.nextset():
                    return tuple(told)
    except psycopg.Error as error:
        diagnosis = error.diag
        return (*told, diagnosis.sqlstate, diagnosis.message_primary, diagnosis.message_detail, diagnosis.message_hint)
    finally:
        session.remove_notice_handler(note)


@pytest.mark.parametrize("name", [*attempts.READ, *attempts.WRITE])
def test_what_ann_tries_tells_and_changes_nothing_of_bob(worlds: Worlds, name: str) -> None:
    statement = (attempts.READ | attempts.WRITE)[name].format(**worlds.names)
    found = observed(worlds.with_bob, statement)
    assert found == observed(worlds.without, statement)
    assert "secret" not in str(found)
    assert observed(worlds.owner, statement) != observed(worlds.owner_without, statement), (
        "without policies, too, this attempt would tell nothing of Bob"
    )


@pytest.mark.parametrize("name", attempts.REFUSED)
def test_what_ann_may_not_do_is_refused_alike(worlds: Worlds, name: str) -> None:
    statement, state = attempts.REFUSED[name]
    found = observed(worlds.with_bob, statement.format(**worlds.names))
    assert state in found
    assert found == observed(worlds.without, statement.format(**worlds.names))


@pytest.mark.parametrize("name", attempts.KNOWN)
def test_what_postgresql_itself_tells_is_no_more_than_the_page_says(worlds: Worlds, name: str) -> None:
    statement = attempts.KNOWN[name].format(**worlds.names)
    assert observed(worlds.with_bob, statement) != observed(worlds.without, statement)


NOBODY = {
    "unset": {},
    "empty": {"memdb.user_id": ""},
    "no id": {"memdb.user_id": "bob"},
    "spaces": {"memdb.user_id": f" {BOB}"},
    "cut off": {"memdb.user_id": str(BOB)[:-1]},
    "more than an id": {"memdb.user_id": f"{BOB}0"},
    "SQL": {"memdb.user_id": f"' or user_id = '{BOB}"},
    "SQL after an id": {"memdb.user_id": f"{BOB}' or true --"},
    "all": {"memdb.user_id": "%"},
    "patterns": {"memdb.user_id": "________-____-____-____-____________"},
    "hyphens elsewhere": {"memdb.user_id": "0000000-0000-00000-0000-0000-00000000"},
    "another setting": {"app.user_id": str(BOB), "memdb.user": str(BOB)},
    "nobody that is there": {"memdb.user_id": str(UUID(int=1))},
    "a token of nobody": {"request.jwt.claims": '{"role": "anon"}'},
    "a token of nobody, and a user beside it": {"request.jwt.claims": '{"role": "anon"}', "memdb.user_id": str(BOB)},
    "a token of another kind": {"request.jwt.claims": '{"sub": "auth0|bob"}'},
    "a token with several": {"request.jwt.claims": f'{{"sub": ["{BOB}"]}}'},
    "a token with null": {"request.jwt.claims": '{"sub": null}', "memdb.user_id": str(BOB)},
    "a token that is a list": {"request.jwt.claims": f'["{BOB}"]', "memdb.user_id": str(BOB)},
    "another claim": {"request.jwt.claims": f'{{"user_id": "{BOB}", "SUB": "{BOB}"}}'},
}
COUNTS = """
select
    (select count(*) from memories),
    (select count(*) from memory_collections),
    (select count(*) from users),
    (select count(*) from search_memories(%(bob)s, %(near)s::vector, 300))
"""


@pytest.mark.parametrize("role", ["{role}", "anon", "authenticated"])
@pytest.mark.parametrize("name", NOBODY)
def test_whoever_does_not_say_who_they_are_sees_nothing(worlds: Worlds, name: str, role: str) -> None:
    assert counts(worlds, role, NOBODY[name]) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "said",
    [
        {"memdb.user_id": str(BOB)},
        {"memdb.user_id": str(BOB).upper()},
        {"request.jwt.claims": f'{{"sub": "{BOB}", "role": "authenticated"}}'},
        {"request.jwt.claims": f'{{"sub": "{BOB}"}}', "memdb.user_id": str(ANN)},
        {"request.jwt.claims": "", "memdb.user_id": str(BOB)},
    ],
)
def test_bob_sees_what_is_his(worlds: Worlds, said: dict[str, str]) -> None:
    assert counts(worlds, "authenticated", said) == (260, 1, 1, 260)


@pytest.mark.parametrize("role", ["service_role", "{owner}"])
def test_roles_that_work_for_all_see_all(worlds: Worlds, role: str) -> None:
    assert counts(worlds, role, {})[:3] == (265, 2, 2)


def counts(worlds: Worlds, role: str, settings: dict[str, str]) -> tuple[Any, ...]:
    with worlds.owner.transaction(force_rollback=True):
        for name, value in settings.items():
            worlds.owner.execute("select set_config(%s, %s, true)", [name, value])
        role = role.format(role=worlds.role, owner=worlds.names["owner"])
        worlds.owner.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        return worlds.owner.execute(COUNTS, worlds.names).fetchone() or ()


def test_claims_that_are_no_json_stop_the_query(worlds: Worlds) -> None:
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        counts(worlds, "authenticated", {"request.jwt.claims": "{", "memdb.user_id": str(BOB)})


def test_it_is_asked_once_a_query_and_served_by_the_index(worlds: Worlds) -> None:
    plan = str(observed(worlds.with_bob, "set enable_seqscan = off; explain select content from memories"))
    assert "InitPlan" in plan
    assert "Index Cond: (user_id = (InitPlan" in plan or "Index Cond: (user_id = $" in plan


EXPOSED = """
with recursive of_users as (
    select 'users'::regclass::oid as id
    union
    select f.conrelid from pg_constraint f inner join of_users u on f.confrelid = u.id where f.contype = 'f'
)
select c.relname, c.relrowsecurity, string_agg(p.polcmd::text, ', ' order by p.polcmd)
from of_users u inner join pg_class c on c.oid = u.id left join pg_policy p on p.polrelid = c.oid
group by 1, 2 order by 1
"""


def test_every_table_with_rows_of_users_has_policies(server: str, template: str, sets: Any) -> None:
    with new_database(server, template=template) as conninfo:
        with memdb.open(conninfo, sets=on_one_server(sets)) as db:
            db.migrate()
            assert db.verify().ok
        with psycopg.connect(conninfo) as connection:
            found = {name: (secured, commands) for name, secured, commands in connection.execute(EXPOSED).fetchall()}
    assert {"memories", "memory_collections", "users"} <= found.keys()
    assert found == dict.fromkeys(found, (True, "a, d, r, w"))


TAMPERED = {
    "alter table memories disable row level security": "table memories",
    "alter table memory_collections force row level security": "table memory_collections",
    "drop policy memories_delete on memories": "policy memories.memories_delete",
    "alter policy memories_select on memories using (true)": "policy memories.memories_select",
    "alter policy users_update on users with check (true)": "policy users.users_update",
    "alter policy memories_insert on memories to pg_monitor": "policy memories.memories_insert",
    "create policy all_of_them on memories using (true)": "policy memories.all_of_them",
    "alter function memory_user() reset search_path": "function memory_user()",
    "alter function memory_user() security definer": "function memory_user()",
    "create or replace function memory_user() returns uuid language sql stable parallel safe as "
    f"$$ select '{BOB}'::uuid $$": "function memory_user()",
}


def test_verify_schema_says_what_is_missing_or_altered(server: str, secured: str) -> None:
    def verified() -> Verification:
        with memdb.open(conninfo) as db:
            return db.verify()

    with new_database(server, template=secured) as conninfo, psycopg.connect(conninfo, autocommit=True) as admin:
        assert verified().ok
        for statement in TAMPERED:
            admin.execute(statement.encode())
        found = {str(difference.key) for difference in verified().differences}
    assert found == {*TAMPERED.values()}


@pytest.mark.parametrize("order", [SETS, SETS[::-1]])
def test_the_order_in_which_sets_are_chosen_makes_no_difference(
    server: str, template: str, order: tuple[str, ...]
) -> None:
    with new_database(server, template=template) as conninfo:
        for name in order:
            with memdb.open(conninfo, sets=(name,)) as db:
                assert db.migrate().steps
                assert db.verify().ok
                assert db.status().clean
        with psycopg.connect(conninfo) as connection:
            fixed = connection.execute(
                "select proconfig::text from pg_proc where proname in ('search_memories', 'search_memories_where')"
            ).fetchall()
        assert fixed == [('{"search_path=\\"\\""}',)] * 2
        with memdb.open(conninfo) as db:
            for _ in range(len(db.status().migrations) - 8):
                db.rollback()
                assert db.verify().ok


def test_rights_that_no_policy_restrains_are_taken_and_rows_stay_open(worlds: Worlds) -> None:
    held = worlds.owner.execute(
        "select grantee, string_agg(distinct privilege_type, ', ' order by privilege_type) "
        "from information_schema.role_table_grants where table_name in ('memories', 'memory_collections', 'users') "
        "and grantee <> current_user group by 1 order by 1"
    ).fetchall()
    rows, everything = "DELETE, INSERT, SELECT, UPDATE", "DELETE, INSERT, REFERENCES, SELECT, TRIGGER, TRUNCATE, UPDATE"
    expected = {worlds.role: rows, "anon": rows, "authenticated": rows, "service_role": everything}
    assert dict(held) == expected


def test_such_rights_are_taken_from_columns_and_from_whom_others_gave_them_to(
    server: str, template: str, roles: str
) -> None:
    with new_database(server, template=template) as conninfo, psycopg.connect(conninfo, autocommit=True) as admin:
        admin.execute("grant all on memories, memdb_migrations to authenticated with grant option")
        admin.execute(f"grant references (id) on memories to {roles}".encode())
        admin.execute(f"set role authenticated; grant truncate on memories to {roles}".encode())
        admin.execute(f"grant all on memdb_migrations to {roles}; reset role".encode())
        with memdb.open(conninfo, sets=("row_security",)) as db:
            db.migrate()
        left = admin.execute(
            "select has_any_column_privilege(%(r)s, 'memories', 'references'), "
            "has_table_privilege(%(r)s, 'memories', 'truncate'), "
            "has_table_privilege(%(r)s, 'memdb_migrations', 'select')",
            {"r": roles},
        ).fetchone()
    assert left == (False, False, False)


def test_an_operator_that_others_made_for_ids_does_not_get_into_the_policies(server: str, roles: str) -> None:
    texts = {path.name[:4]: text for path, text in shipping.texts(BY_NAME).items() if path.suffixes == [".sql"]}
    with new_database(server) as conninfo, psycopg.connect(conninfo, autocommit=True) as admin:
        admin.execute("create table memories (user_id varchar(9)); insert into memories values ('bob')")
        admin.execute(f"grant all on schema public to {roles}; grant select on memories to {roles}".encode())
        admin.execute(f"set role {roles}".encode())
        admin.execute("create function alike(varchar, varchar) returns boolean language sql as 'select true'")
        admin.execute("create operator = (leftarg = varchar, rightarg = varchar, function = alike)")
        admin.execute("reset role")
        for number in ("3001", "3002"):
            admin.execute(texts[number].encode())
        admin.execute(f"set role {roles}; set memdb.user_id = 'ann'".encode())
        assert admin.execute("select count(*) from memories").fetchone() == (0,)
        admin.execute("set memdb.user_id = 'bob'")
        assert admin.execute("select count(*) from memories").fetchone() == (1,)


def test_it_is_taken_back_and_the_owner_can_be_held_to_it(server: str, secured: str) -> None:
    with new_database(server, template=secured) as conninfo:
        with memdb.open(conninfo, sets=("force_row_security",)) as db:
            db.migrate()
            assert db.verify().ok
            db.rollback(to="0008")
            assert db.verify().ok
        with psycopg.connect(conninfo) as connection:
            left = connection.execute("select relname from pg_class where relrowsecurity or relforcerowsecurity")
            assert left.fetchall() == []
