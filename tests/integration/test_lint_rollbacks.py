"""What a rollback must bring back: every property of every kind of object, and the rows."""

from collections.abc import Callable, Iterator

import pytest

from memdb import database
from memdb.linting import undoing
from memdb.linting.state import Reader
from tests.conftest import new_database

pytestmark = pytest.mark.once

Left = Callable[..., list[str]]

# What is there before the migration that is tried.
BASE = """
create schema app;
create type tier as enum ('a', 'b');
create domain amount as int;
create sequence counted;
create table base (
    b bigint constraint base_pkey primary key, c text not null, d text default 'd', e int, f jsonb
);
create index ix_base_c on base (c);
create index ix_base_e on base (e);
create table other (b bigint constraint other_b_fkey references base (b));
create table parted (at date not null) partition by range (at);
create table parted_2025 partition of parted for values from ('2025-01-01') to ('2026-01-01');
create view seen as select b from base;
create materialized view kept as select b from base;
create function f(a int) returns int language sql as 'select 1';
create function g(a int) returns int language sql begin atomic select a; end;
create procedure p() language sql as 'select 1';
create function touched() returns trigger language plpgsql as 'begin return new; end';
create function watched() returns event_trigger language plpgsql as 'begin end';
create trigger t before update on base for each row execute function touched();
create rule r as on update to other do instead nothing;
create policy reading on base using (b > 0);
create statistics s on c, e from base;
create publication pub for table base;
create aggregate total(int) (sfunc = int4pl, stype = int);
create operator === (leftarg = int, rightarg = int, function = int4eq);
create cast (tier as amount) with inout;
create text search configuration words (copy = simple);
create event trigger watching on ddl_command_end execute function watched();
create foreign data wrapper wrapper;
create server elsewhere foreign data wrapper wrapper;
create collation c_like from "C";
insert into base values (1, 'one'), (2, 'two');
"""


@pytest.fixture(scope="module")
def connection(server: str) -> Iterator[database.Connection]:
    """A connection to a database with BASE in it."""
    with new_database(server) as conninfo, database.connect(conninfo, purpose="test") as connection:
        yield connection


@pytest.fixture(scope="module")
def left(connection: database.Connection) -> Left:
    """What is other than before when the statements have been run and have taken back nothing."""
    reader = Reader(connection)
    connection.execute(BASE)

    def left(*statements: str) -> list[str]:
        with connection.transaction(force_rollback=True):
            before = reader.read()
            for statement in statements:
                connection.execute(statement)
            return list(undoing.differences(before, reader.read()))

    return left


IN_DATABASE = "do $$ begin execute format('{} database %I {}', current_database()); end $$"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("create or replace view seen as select b + 0 as b from base", "view public.seen changed: definition ("),
        ("alter table base set (fillfactor = 70)",
         "table public.base changed: storage parameters (fillfactor=70 instead of none)."),
        ("alter table base set (toast.autovacuum_enabled = false)", "storage parameters of its toast table"),
        ("alter index ix_base_c set (fillfactor = 70)", "index public.ix_base_c changed: "),
        ("alter view seen set (security_invoker = true)", "view public.seen changed: storage parameters"),
        ("alter table base replica identity full", "table public.base changed: replica identity (f instead of d)."),
        ("alter table base alter c set statistics 500", "column public.base.c changed: statistics target (500 instead"),
        ("alter table base alter c set storage external", "column public.base.c changed: storage (e instead of x)."),
        ("alter table base alter c set compression pglz", "column public.base.c changed: compression (p instead of"),
        ("alter table base alter c set (n_distinct = 5)", "column public.base.c changed: parameters (n_distinct=5"),
        ("alter table base alter c drop not null", "column public.base.c changed: not null (False instead of True)."),
        ("alter table base alter e type bigint", "column public.base.e changed: type (bigint instead of integer)."),
        ("alter table base alter d set default 'e'", "default value for public.base.d changed: "),
        ("alter table base alter d drop default", "drops the default value for public.base.d, which was there before."),
        ("alter table base alter b add generated always as identity", "column public.base.b"),
        ("alter table base cluster on base_pkey", "index public.base_pkey changed: whether it is clustered on"),
        ("alter table base enable row level security", "row level security (True instead of False)."),
        ("alter table base force row level security", "forced row level security (True instead of False)."),
        ("alter table base disable trigger t", "trigger t on public.base changed: enabled (D instead of O)."),
        ("alter table other alter constraint other_b_fkey deferrable", "table constraint other_b_fkey on public.other"),
        ("alter table parted detach partition parted_2025", "table public.parted_2025 changed: bound ("),
        ("alter table other set unlogged", "table public.other changed: persistence (u instead of p)."),
        ("comment on constraint base_pkey on base is 'x'", "on public.base changed: comment (x instead of none)."),
        ("comment on trigger t on base is 'x'", "trigger t on public.base changed: comment"),
        ("comment on policy reading on base is 'x'", "policy reading on public.base changed: comment"),
        ("comment on rule r on other is 'x'", "rule r on public.other changed: comment"),
        ("comment on view seen is 'x'", "view public.seen changed: comment"),
        ("comment on domain amount is 'x'", "type public.amount changed: comment"),
        ("comment on schema public is 'x'", "schema public changed: comment"),
        ("comment on statistics s is 'x'", "statistics object public.s changed: comment"),
        ("comment on cast (tier as amount) is 'x'", "cast (public.tier AS public.amount) changed: comment"),
        (IN_DATABASE.format("comment on", "is ''x''"), "changed: comment (x instead of none)."),
        (IN_DATABASE.format("alter", "set work_mem = ''5MB''"), "changed: settings (work_mem=5MB instead of none)"),
        (IN_DATABASE.format("revoke connect on", "from public"), "changed: privileges ("),
        ("create or replace function f(a int) returns int language sql as 'select 2'",
         "function public.f(integer) changed: body (select 2 instead of select 1)."),
        ("create or replace function g(a int) returns int language sql begin atomic select a + 1; end",
         "function public.g(integer) changed: body ("),
        ("alter function f(int) immutable", "changed: volatility (i instead of v)."),
        ("alter function f(int) security definer", "changed: security definer (True instead of False)."),
        ("alter function f(int) set work_mem = '5MB'", "changed: settings (work_mem=5MB instead of none)."),
        ("create or replace procedure p() language sql as 'select 2'", "procedure public.p() changed: body"),
        ("create or replace trigger t after update on base for each row execute function touched()",
         "trigger t on public.base changed: definition"),
        ("create or replace rule r as on update to other do also nothing", "rule r on public.other changed: "),
        ("alter policy reading on base using (b > 1)", "policy reading on public.base changed: using ("),
        ("alter sequence counted increment 5", "sequence public.counted changed: seqincrement (5 instead of 1)."),
        ("alter sequence counted owned by base.e", "sequence public.counted changed: owner column (public.base.e"),
        ("alter publication pub add table other", "leaves the publication relation public.other in publication pub"),
        ("alter publication pub set table base where (b > 5)", "publication pub changed: where ("),
        ("alter publication pub set (publish = 'insert')", "publication pub changed: pubdelete"),
        ("alter default privileges grant select on tables to public", "leaves the default privileges for role"),
        ("grant select on base to public", "table public.base changed: privileges ("),
        ("grant select (c) on base to public", "column public.base.c changed: privileges ("),
        ("revoke execute on function f(int) from public", "function public.f(integer) changed: privileges ("),
        ("revoke usage on type tier from public", "type public.tier changed: privileges ("),
        ("grant usage on schema app to public", "schema app changed: privileges ("),
        ("grant usage on foreign server elsewhere to public", "server elsewhere changed: privileges ("),
        ("alter type tier add value 'c'", "type public.tier changed: labels (a, b, c instead of a, b)."),
        ("alter domain amount add constraint positive check (value > 0)", "leaves the domain constraint positive on"),
        ("alter domain amount set default 5", "type public.amount changed: default (5 instead of none)."),
        ("create cast (amount as tier) with inout", "leaves the cast (public.amount AS public.tier) behind."),
        ("create operator class ints for type int using btree as operator 1 <, function 1 btint4cmp(int, int)",
         "leaves the operator family public.ints USING btree behind."),
        ("drop operator === (int, int)", "drops the operator public.===(integer,integer), which was there before."),
        ("alter event trigger watching disable", "event trigger watching changed: "),
        ("alter text search configuration words alter mapping for word with english_stem",
         "text search configuration public.words changed: mapping ("),
        ("alter statistics s set statistics 50", "statistics object public.s changed: "),
        ("alter collation c_like rename to c_liked", "drops the collation public.c_like, which was there before."),
        ("alter server elsewhere options (add secret 'x')", "server elsewhere changed: srvoptions."),
        ("select lo_create(0)", "leaves the large object "),
        ("create materialized view more as select 1 as one", "leaves the materialized view public.more behind."),
    ],
)  # fmt: skip
def test_what_is_other_than_before_is_named_with_its_property(left: Left, statement: str, message: str) -> None:
    found = left(statement)
    assert any(message in item for item in found), found
    assert len(found) <= 2, found


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("alter role reader_of_tests createdb", "role reader_of_tests changed: rolcreatedb (True instead of False)."),
        ("alter role reader_of_tests set work_mem = '5MB'", "changed: settings (work_mem=5MB instead of none)"),
        ("comment on role reader_of_tests is 'x'", "role reader_of_tests changed: comment (x instead of none)."),
        ("grant reader_of_tests to current_user", "leaves the membership of role "),
        ("alter table base owner to reader_of_tests", "table public.base changed: "),
        (
            "create user mapping for reader_of_tests server elsewhere",
            "user mapping reader_of_tests on server",
        ),
    ],
)
def test_roles_are_compared_too(connection: database.Connection, left: Left, statement: str, message: str) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute("create role reader_of_tests")
        found = left(statement)
    assert any(message in item for item in found), found


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            "insert into base values (3, 'three')",
            "It leaves 3 rows in the table public.base, where there were 2 before.",
        ),
        ("delete from base", "It leaves 0 rows in the table public.base, where there were 2 before."),
        ("update base set c = b::text", "It leaves rows of the table public.base with other values than before."),
    ],
)  # fmt: skip
def test_rows_are_compared(left: Left, statement: str, message: str) -> None:
    assert left(statement) == [message]


def test_a_column_that_comes_back_without_its_values_is_found(left: Left) -> None:
    statements = ("alter table base drop column d", "alter table base add column d text default 'd'")
    assert left("update base set d = 'x'", *statements) == []
    found = left("alter table base drop column c cascade", "alter table base add column c text not null default ''")
    assert any("with other values than before" in item for item in found)


@pytest.mark.parametrize(
    "statements",
    [
        ("grant select on base to public", "revoke select on base from public"),
        ("revoke execute on function f(int) from public", "grant execute on function f(int) to public"),
        ("alter table other drop constraint other_b_fkey",
         "alter table other add constraint other_b_fkey foreign key (b) references base (b)"),
        ("drop view seen", "create view seen as select b from base"),
        ("alter table base add column z int", "alter table base drop column z"),
        ("alter table base drop column f", "alter table base add column f jsonb"),
        ("alter type tier rename to tiers", "alter type tiers rename to tier"),
        ("alter table base set (fillfactor = 70)", "alter table base reset (fillfactor)"),
        ("comment on table base is 'x'", "comment on table base is null"),
        ("analyze base",),
        ("cluster base using base_pkey", "alter table base set without cluster"),
        ("update base set b = b",),
        ("select nextval('counted')",),
    ],
)  # fmt: skip
def test_what_is_as_before_is_no_finding(left: Left, statements: tuple[str, ...]) -> None:
    assert left(*statements) == []


def test_what_goes_with_something_else_is_not_told_again(left: Left) -> None:
    table = "create table more (id bigint constraint more_pkey primary key, b bigint references base (b))"
    assert left(table) == ["It leaves the table public.more behind."]
    assert left("drop table other") == ["It drops the table public.other, which was there before."]
    assert left("create extension vector") == ["It leaves the extension vector behind."]
