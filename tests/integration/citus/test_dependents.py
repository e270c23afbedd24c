"""What an application has made of the tables that move is there afterwards: views, functions, policies and rights."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

import memdb
from memdb.errors import MemdbError
from tests.integration.citus.conftest import SETS, Cluster, distributed_database, rows, schema
from tests.integration.citus.test_distributing import bring_back, distribute, tables

USERS = "create table users (id uuid primary key default gen_random_uuid(), email text unique)"
OF_THE_APPLICATION = """
create schema app;
create table app.orders (id bigserial primary key, user_id uuid references users (id), t text);
create table app.notes (id int, user_id uuid);
alter table app.notes enable row level security;
insert into users (email) values ('ann'), ('bob');
insert into app.orders (user_id) select id from users;
insert into memories (user_id, memory_type, content) select id, 'task', email from users;
create view app.own as select id, user_id, t from app.orders;
comment on view app.own is 'Theirs.';
comment on column app.own.t is 'What it says.';
alter view app.own alter column t set default 'nothing';
create rule stays as on delete to app.own do instead nothing;
create function app.stay() returns trigger language plpgsql as 'begin return new; end';
create trigger stays instead of insert on app.own for each row execute function app.stay();
create view app.deep with (security_barrier) as select o.*, m.content from app.own as o
inner join memories as m using (user_id);
create materialized view app.counts as select user_id, count(*) from app.orders group by user_id;
create unique index by_user on app.counts (user_id);
comment on index app.by_user is 'One row for a user.';
create function app.worth(o app.orders) returns int language sql as 'select 1';
create function app.names(u users[]) returns int language sql security definer as 'select 1';
comment on function app.names is 'How many.';
create function app.ordered(u uuid) returns bigint language sql
begin atomic select count(*) from app.orders where user_id = u; end;
create policy theirs on app.notes as restrictive for select using (exists (select from users where id = user_id));
comment on policy theirs on app.notes is 'Of users who are there.';
revoke execute on function app.names from public
"""
RIGHTS = """
grant select on app.own to {asks};
grant update (t) on app.own to {writes} with grant option;
grant execute on function app.names to {writes};
grant select (id, content) on memories to {writes};
grant insert on memories to {asks};
alter view app.deep owner to {writes};
alter default privileges grant select on tables to {asks};
alter default privileges grant execute on functions to {asks}
"""


@pytest.fixture
def roles(cluster: Cluster) -> Iterator[dict[str, sql.Identifier]]:
    """Two roles on all nodes. They go after the database whose rights they have."""
    names = {name: sql.Identifier(f"memdb_test_{name}") for name in ("asks", "writes")}
    with psycopg.connect(cluster.coordinator, autocommit=True) as connection:
        for name in names.values():
            connection.execute(sql.SQL("drop role if exists {}").format(name))
            connection.execute(sql.SQL("create role {}").format(name))
        yield names
        for name in names.values():
            connection.execute(sql.SQL("drop role {}").format(name))


@pytest.fixture
def used(cluster: Cluster, roles: dict[str, sql.Identifier]) -> Iterator[str]:
    """A database whose tables are used by more than memdb, and whose new tables are read by a role."""
    with distributed_database(cluster) as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(USERS)
        with memdb.open(conninfo, sets=SETS) as db:
            db.migrate()
        connection.execute(OF_THE_APPLICATION)
        for statement in RIGHTS.split(";"):
            connection.execute(sql.SQL(statement).format(**roles))
        yield conninfo


def rights(conninfo: str) -> set[Any]:
    """Who may do what to which table, view and function, column by column, and whose they are."""
    with psycopg.connect(conninfo) as connection:
        return set(connection.execute(GIVEN).fetchall())


GIVEN = """
select c.oid::regclass::text, a.attname, c.relowner::regrole::text, e.grantee, e.privilege_type, e.is_grantable
from pg_class as c
cross join lateral (
    select null::name as attname, coalesce(c.relacl, acldefault('r', c.relowner)) as acl
    union all
    select attname, attacl from pg_attribute where attrelid = c.oid
) as a
cross join aclexplode(a.acl) as e
where c.relkind in ('r', 'v', 'm') and c.relnamespace in ('public'::regnamespace, 'app'::regnamespace)
and not c.relname like 'citus%' and c.relname <> 'memory_former_definitions' and not c.relname ~ '_[0-9]+$'
union all
select p.oid::regprocedure::text, null, p.proowner::regrole::text, e.grantee, e.privilege_type, e.is_grantable
from pg_proc as p
cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as e
where p.pronamespace = 'app'::regnamespace
"""


def of_app(conninfo: str) -> set[str]:
    """What is there beside memdb's own tables, with comments, but without the tables that Citus has renamed."""
    return {
        f"{key} {value}"
        for key, value in schema(conninfo).items()
        if str(key.identity).startswith("app.") and key.kind not in ("table", "column", "constraint", "sequence")
    }


def test_what_depends_on_tables_comes_along_and_nobody_gets_rights_that_they_did_not_have(used: str) -> None:
    beside, given = of_app(used), rights(used)
    assert len(beside) > 6
    distribute(used)
    assert tables(used)["app.orders"] == "n"
    assert of_app(used) == beside
    assert rights(used) == given


def test_and_comes_back_with_what_was_made_meanwhile(used: str) -> None:
    before, given, there = schema(used), rights(used), rows(used)
    distribute(used)
    with psycopg.connect(used, autocommit=True) as connection:
        connection.execute("create function app.later(m memories) returns int language sql as 'select 2'")
    bring_back(used)
    with psycopg.connect(used, autocommit=True) as connection:
        assert connection.execute("select sum(app.later(m)) from memories as m").fetchone() == (4,)
        connection.execute("drop function app.later(memories)")
    assert (schema(used), rows(used)) == (before, there)
    assert rights(used) == given


def test_what_could_not_be_made_again_is_named_before_rows_move(used: str) -> None:
    with psycopg.connect(used, autocommit=True) as connection:
        connection.execute("create table app.log (o app.orders); insert into app.log select o from app.orders as o")
    with pytest.raises(MemdbError, match=r"column o of table app\.log depends on a table"):
        distribute(used)
    assert tables(used) == {}
    with psycopg.connect(used, autocommit=True) as connection:
        connection.execute("alter table app.log rename to was; create table app.log (o jsonb)")
        connection.execute("insert into app.log select to_jsonb(o) from app.was; drop table app.was")
    distribute(used)
    with psycopg.connect(used, autocommit=True) as connection:
        connection.execute("create table app.kept (m memories)")
    with pytest.raises(MemdbError, match=r"column m of table app\.kept depends on a table"):
        bring_back(used)
    assert tables(used)["memories"] == "h"
