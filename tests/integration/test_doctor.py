"""The doctor and inspect on real databases: faults that SQL makes are found, and nothing is said of what is well."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

import memdb
from memdb import database, embedded, migrations
from memdb.cli import main
from memdb.doctor.examination import REGISTRY
from memdb.doctor.findings import Report
from memdb.errors import DatabaseError
from memdb.ledger.sqlfiles import Sets
from tests.conftest import new_database

ALWAYS = {"known-vulnerabilities", "known-corruption"}  # what the server of the tests has does not depend on them
ROWS = """
set synchronous_commit = on; -- or vacuum finds pages that are not yet known to be visible
insert into users select gen_random_uuid() from generate_series(1, 3);
insert into memories (user_id, memory_type, content, embedding, created_at, accessed_at)
select
    (select id from users order by id limit 1 offset n % 3), (enum_range(null::memory_type))[1 + n % 3], 'memory ' || n,
    l2_normalize(array(select random() - 0.5 + 0 * n from generate_series(1, 1536))::vector),
    now() - interval '20 days' * n / 300, now() - interval '20 days' * n / 400
from generate_series(1, 300) as n;
create role memdb_doctor_web login; create role memdb_doctor_verifier login;
"""
CHANGED_SINCE = """
select note_embedding_model(user_id, array_agg(id), 'm') from memories group by user_id;
update memories set content = 'memory 7, and more' where content = 'memory 7';
"""
ROLES = ("memdb_doctor_web", "memdb_doctor_verifier")


@pytest.fixture(scope="module")
def healthy(server: str, sets: Sets) -> Iterator[str]:
    """The name of a database to be cloned, of which the doctor has nothing to say."""
    with new_database(server) as conninfo:
        with database.connect(conninfo, purpose="test") as connection:
            migrations.migrate(connection, sets, chosen=("fast_search", "row_security", "embeddings"))
            connection.execute(ROWS)
            connection.execute("vacuum (analyze)")
            name = connection.info.dbname
        try:
            yield name
        finally:
            with psycopg.connect(conninfo, autocommit=True) as connection:
                for role in ROLES:
                    connection.execute(f"drop owned by {role}")
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("drop role memdb_doctor_web, memdb_doctor_verifier")


@pytest.fixture
def clone(server: str, healthy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MEMDB_DATABASE_URL", raising=False)
    with new_database(server, template=healthy) as conninfo:
        yield conninfo
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("drop owned by memdb_doctor_web, memdb_doctor_verifier cascade")


def examined(conninfo: str, **options: Any) -> Report:
    with memdb.open(conninfo, **options) as db:
        return db.doctor()


def said(report: Report) -> dict[str, str]:
    """What was found, by check."""
    return {item.check: f"{item.level} {item.object}: {item.title}" for item in report.findings}


FAULTS = {
    "supported-versions": ("update pg_extension set extversion = '0.7.0' where extname = 'vector'", "error pgvector"),
    "extension-version": ("update pg_extension set extversion = '0.8.0' where extname = 'vector'", "warning extension"),
    "extension-schema": ("create schema ext; alter extension vector set schema ext", "info schema ext"),
    "pending-migrations": ("delete from _yoyo_migration where migration_id like '0008%'", "error 0008_create"),
    "changed-migrations": ("update memdb_migrations set checksum = repeat('0', 64) where migration_id like '0001%'",
                           "error 0001_create"),
    "schema": ("drop index ix_memories_created_at", "error index ix_memories_created_at"),
    "row-security": ("alter table memories disable row level security; grant select on memories to memdb_doctor_web",
                     "warning public.memories: memdb_doctor_web can read the memories"),
    "policies": ("create policy all_rows on memories for select using (true)", "error policy all_rows"),
    "history-access": ("alter table _yoyo_log disable row level security; grant all on _yoyo_log to public",
                       "error public._yoyo_log: everyone can read and change"),
    "views": ("create view v as select content from memories; grant select on v to public", "error view public.v"),
    "replaceable-functions": ("grant create on schema public to memdb_doctor_web", "warning schema public"),
    "definer-functions": ("create function g() returns int security definer language sql as 'select 1'",
                          "error function public.g()"),
    "invalid-indexes": ("update pg_index set indisvalid = false where indexrelid = 'ix_memories_embedding'::regclass",
                        "error public.ix_memories_embedding"),
    "missing-embeddings": ("update memories set embedding = null where content = 'memory 7'",
                           "warning public.memories: 1 memory without"),
    "stale-embeddings": (CHANGED_SINCE,
                         "warning public.memories: 1 memory whose text"),
    "zero-embeddings": ("update memories set embedding = array_fill(0, array[1536])::vector where content = 'memory 7'",
                        "warning public.memories: 1 memory with"),
    "mixed-embeddings": ("update memories set embedding = embedding + embedding where content ~ '[0-4]$'",
                         "warning public.memories: 150 memories"),
    "expired-tasks": ("update memories set accessed_at = now() - interval '31 days' where content = 'memory 299'",
                      "warning public.memories: 1 task memory not recalled"),
    "recall-times": ("update memories set accessed_at = created_at", "warning public.memories: accessed_at never"),
    "time-outs": ("do $$begin execute format('alter database %I set statement_timeout = 3000', current_catalog); end$$",
                  "warning role"),
}  # fmt: skip
WITH = {"supported-versions": {"extension-version"}}
SPOILING = {"supported-versions", "pending-migrations", "row-security", "policies", "history-access", "invalid-indexes"}
"""Faults of such a kind that the schema is not what it was, either."""


def test_nothing_is_said_of_a_healthy_database(clone: str, healthy: str) -> None:
    report = examined(clone)
    assert said(report).keys() - ALWAYS == set(), report.findings
    names = {check.name for checks in REGISTRY.values() for check in checks}
    unseen = {name for item in report.unseen for name in item.checks}
    assert unseen <= {"unused-indexes", "shared-memory"}
    assert {*report.fine, *unseen, *said(report)} == names
    assert (report.schema, report.memories) == ("public", 300)


OF_TEXT = """
create function f() returns text language sql security definer set search_path = public
as 'select content from memories'
"""
OPENED = {
    "a view of a view": ("create view v as table memories; create view w as table v; grant select on w to public",
                         "views", "error view public.w: everyone can read"),
    "a column of a view": ("create view v as select * from memories; grant select (content) on v to public",
                           "views", "error view public.v: everyone can read"),
    "writing to a view": ("create view v as select * from memories; grant delete on v to public",
                          "views", "error view public.v: everyone can change"),
    "what its owner has kept": ("create materialized view v as table memories; grant select on v to memdb_doctor_web",
                                "views", "warning materialized view public.v"),
    "a table that inherits": ("create table part () inherits (memories); grant select on part to public",
                              "row-security", "error public.part: everyone can read"),
    "a bound function": ("create function f() returns text security definer return (select content from memories)",
                         "definer-functions", "warning function public.f(): everyone can call"),
    "a function whose body is text": (OF_TEXT, "definer-functions", "warning function public.f(): everyone can call"),
    "a right to put triggers": ("grant trigger on memories to public",
                                "policies", "error public.memories: everyone can do what no policy restrains"),
    "a history to be emptied": ("grant truncate on memdb_migrations to public",
                                "history-access", "error public.memdb_migrations: everyone can change"),
}  # fmt: skip


@pytest.mark.once
def test_what_policies_do_not_reach_is_found(healthy: str, server: str) -> None:
    """Also by what leads to them through other views, by rights on columns, and by tables that hold a part."""
    for name, (statement, check, expected) in OPENED.items():
        with new_database(server, template=healthy) as conninfo:
            with psycopg.connect(conninfo) as connection:
                connection.execute(statement)
            found = said(examined(conninfo))
            assert found.pop(check, "").startswith(expected), (name, found)
            assert found.keys() <= ALWAYS, name


PASSING = {
    "alter role memdb_doctor_web bypassrls; grant select on memories to memdb_doctor_web": (
        "alter role memdb_doctor_web nobypassrls",
        "info public.memories: memdb_doctor_web can read the memories of all users, whatever policies say",
    ),
    "grant memdb_doctor_verifier to memdb_doctor_web; alter table memories owner to memdb_doctor_verifier": (
        "revoke memdb_doctor_verifier from memdb_doctor_web",
        "info public.memories: memdb_doctor_web can read and change the memories of all users, whatever policies say",
    ),
}


@pytest.mark.once
@pytest.mark.parametrize("statement", PASSING)
def test_who_is_held_to_no_policy_is_found(clone: str, statement: str) -> None:
    undo, expected = PASSING[statement]
    with psycopg.connect(clone, autocommit=True) as connection:
        connection.execute(statement)
        try:
            assert said(examined(clone))["policies"] == expected
        finally:
            connection.execute("alter table memories owner to current_user")
            connection.execute(undo)


HARMLESS = """
create view v with (security_invoker) as table memories; create view w as table v; grant select on v, w to public;
grant select on memories to memdb_doctor_web;
create table part () inherits (memories); alter table part enable row level security;
grant select, insert, update, delete on part to public;
create function f() returns bigint security definer begin atomic; select count(*) from memories; end;
revoke execute on function f from public; grant execute on function f to memdb_doctor_web;
create function g() returns bigint begin atomic; select count(*) from memories; end;
"""


@pytest.mark.once
def test_what_policies_reach_is_no_fault(clone: str) -> None:
    with psycopg.connect(clone) as connection:
        connection.execute(HARMLESS)
    assert said(examined(clone)).keys() <= ALWAYS


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found(clone: str, name: str) -> None:
    statement, expected = FAULTS[name]
    with psycopg.connect(clone, autocommit=True) as connection:
        connection.execute("set allow_system_table_mods = on")
        connection.execute(statement)
    found = said(examined(clone))
    assert found.pop(name, "").startswith(expected), found
    assert found.keys() - ALWAYS - ({"schema"} if name in SPOILING else set()) == WITH.get(name, set())


def test_a_table_of_a_set_with_rows_of_users_is_looked_at_like_memories(clone: str) -> None:
    with psycopg.connect(clone, autocommit=True) as connection:
        connection.execute("create table memory_diary (user_id uuid); grant select on memory_diary to memdb_doctor_web")
        connection.execute("create view v as select * from memory_diary; grant select on v to public")
    found = said(examined(clone))
    assert found["row-security"] == "warning public.memory_diary: memdb_doctor_web can read the memories of all users"
    assert found["views"] == "error view public.v: everyone can read memories through a view"


def test_what_statistics_tell_is_found(clone: str) -> None:
    with psycopg.connect(clone, autocommit=True) as connection:
        connection.execute("alter table memories set (autovacuum_enabled = off)")
        connection.execute("update memories set content = content || n from generate_series(1, 1) as n")
        connection.execute("update pg_class set relallvisible = 1, relpages = 200 where oid = 'memories'::regclass")
        connection.execute("create table more (like memories including all, foreign key (user_id) references users)")
        connection.execute("alter table more add foreign key (id) references memories")
        connection.execute(
            "insert into more (id, user_id, memory_type, content) select id, user_id, 'task', 'x' from memories"
        )
        connection.execute("alter table more set (autovacuum_enabled = off)")
        for _ in range(8):
            connection.execute("update more set content = 'y'")
        connection.execute(
            "select pg_stat_force_next_flush()" if connection.info.server_version >= 150000 else "select"
        )
    report = examined(clone)
    found = said(report)
    assert any("Autovacuum is switched off" in finding.why for finding in report.findings)
    assert found["visibility-map"] == "warning public.memories: only 0% of the pages are known to be visible to all"
    assert found["dead-rows"].startswith("warning public.more: about 2,")


def test_an_empty_database_is_told_to_migrate_and_is_not_a_fault_of_the_doctor(
    empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["doctor", "--database-url", empty]) == 1
    shown = capsys.readouterr().out
    assert "no migration is applied here" in shown
    assert 'there is no table "memories" yet: schema, all of access,' in shown
    assert main(["inspect", "--database-url", empty]) == 3


def test_a_role_that_sees_catalogs_only_is_told_what_it_could_not_look_at(clone: str) -> None:
    with psycopg.connect(clone, autocommit=True) as connection:
        connection.execute("revoke usage on schema public from public")
    report = examined(make_conninfo(clone, user="memdb_doctor_verifier"))
    reasons = {name: item.reason for item in report.unseen for name in item.checks}
    assert said(report).keys() - ALWAYS - {"extension-schema"} == set(), report.findings
    assert "may not read memories" in reasons["missing-embeddings"]
    assert "not allowed to read the migration history" in reasons["pending-migrations"]
    assert {"row-security", "invalid-indexes", "definer-functions"} <= set(report.fine)
    with pytest.raises(DatabaseError, match="may not read memories"), memdb.open(report_url(clone)) as db:
        db.inspect()


def report_url(conninfo: str) -> str:
    return make_conninfo(conninfo, user="memdb_doctor_verifier")


def test_a_role_from_which_policies_hide_rows_is_not_told_that_there_are_none(clone: str) -> None:
    with psycopg.connect(clone, autocommit=True) as connection:
        connection.execute("grant select on memories to memdb_doctor_web")
    report = examined(make_conninfo(clone, user="memdb_doctor_web"))
    reasons = {name: item.reason for item in report.unseen for name in item.checks}
    assert "row-level security policy" in reasons["missing-embeddings"]
    with (
        pytest.raises(DatabaseError, match="row-level security policy") as told,
        memdb.open(make_conninfo(clone, user="memdb_doctor_web")) as db,
    ):
        db.inspect()
    assert "BYPASSRLS" in told.value.hint


def test_a_schema_without_memories_is_not_healthy_because_their_history_is_elsewhere(empty: str) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("create schema other")
    with memdb.open(empty, schema="other") as db:
        db.migrate()
    report = examined(empty)
    assert said(report)["pending-migrations"] == "error schema public: there are no memories here"
    (finding,) = (item for item in report.findings if item.check == "pending-migrations")
    assert "--schema" in finding.mend
    assert "in the schema other" in finding.why
    assert not report.ok


def test_the_embedded_server_is_known_by_its_address(clone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that memdb db url prints: nobody can install a newer server there but with the package."""
    with psycopg.connect(clone) as connection:
        host, port = connection.info.host, connection.info.port
    own = embedded.Server(Path("/nowhere"), host, port, 1)
    mends = []
    for server in (own, replace(own, port=port + 1), None):
        monkeypatch.setattr(embedded, "running", lambda _, server=server: server)
        mends += [item.mend for item in examined(clone).findings if item.check == "known-vulnerabilities"][:1]
    if mends:  # where the server that the tests have is not the newest
        assert ["the package that brings the server" in mend for mend in mends] == [True, False, False]


def test_the_doctor_of_a_superuser_does_not_look_at_memories_of_a_role_that_is_none(clone: str) -> None:
    with psycopg.connect(clone, autocommit=True) as connection:
        connection.execute(
            "alter table memories owner to memdb_doctor_web; grant create on schema public to memdb_doctor_web"
        )
        connection.execute(
            "create function trap(text) returns text immutable language plpgsql "
            "as $$begin raise exception 'called'; end$$; alter function trap owner to memdb_doctor_web"
        )
        connection.execute("set session authorization memdb_doctor_web")
        connection.execute("set check_function_bodies = off")
        connection.execute("create statistics planted on (trap(content)), content from memories")
    report = examined(clone)
    reasons = {name: item.reason for item in report.unseen for name in item.checks}
    assert "public.memories belongs to 'memdb_doctor_web', who is no superuser" in reasons["missing-embeddings"]


def test_it_writes_nothing_and_locks_nobody_out(clone: str) -> None:
    with psycopg.connect(clone) as connection, memdb.open(make_conninfo(clone, options="-c log_statement=all")) as db:
        connection.execute("update memories set content = 'x' where content = 'memory 1'")
        counters = "select xact_commit is not null, pg_current_xact_id_if_assigned() is not null from pg_stat_database"
        assert connection.execute(f"{counters} where datname = current_database()").fetchone() == (True, True)
        assert any(_takes_no_number(connection, db) for _ in range(3))  # autovacuum takes some, too, but seldom
        inside = db.inspect()
        assert inside.memories == 300
        ages = {share.name: share.memories for share in inside.ages}
        assert ages == {"today": 14, "1 to 7 days": 90, "7 to 30 days": 196} | dict.fromkeys(list(ages)[3:], 0)


def _takes_no_number(connection: psycopg.Connection, db: memdb.Database) -> bool:
    """Whether no transaction had to be numbered meanwhile, as each is that writes."""
    numbered = "select pg_snapshot_xmax(pg_current_snapshot())"
    before = connection.execute(numbered).fetchone()
    assert db.doctor().ok in (True, False)
    db.inspect()
    return connection.execute(numbered).fetchone() == before


SUPABASE = """
create role anon; create role authenticated; create role service_role bypassrls; create role memdb_owner login;
create schema extensions; create extension vector schema extensions;
grant create, usage on schema public to memdb_owner; grant usage on schema extensions to public;
grant usage on schema public to anon, authenticated, service_role;
alter default privileges for role memdb_owner in schema public grant all on tables to anon, authenticated, service_role;
"""


def test_what_the_api_of_supabase_shows_is_found_by_an_owner_who_is_no_superuser(empty: str) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute(SUPABASE)
        try:
            with memdb.open(make_conninfo(empty, user="memdb_owner", options="-c search_path=")) as db:
                db.migrate()
                report = db.doctor()
                connection.execute("revoke all on all tables in schema public from anon, authenticated")
                connection.execute("grant pg_read_all_data to anon")
                through_all_data = db.doctor()
        finally:
            connection.execute("drop owned by memdb_owner cascade")
            connection.execute("drop owned by anon, authenticated, service_role")
            connection.execute("drop role memdb_owner, anon, authenticated, service_role")
    found = said(report)
    assert found["row-security"].endswith("anon and authenticated can read and change the memories of all users")
    assert said(through_all_data)["row-security"].endswith("users: anon can read the memories of all users")
    assert found["history-access"].startswith("error public._yoyo_log, public._yoyo_migration, public._yoyo_version, ")
    assert found["extension-schema"].startswith("info schema extensions")
    assert found.keys() - ALWAYS == {"row-security", "history-access", "extension-schema"}
    assert {name for item in report.unseen for name in item.checks} <= {"unused-indexes", "shared-memory"}


HOSTILE = 'ix\n::error::\x1b[31m\u202e<b>]]>%0A"x'


@pytest.mark.parametrize("format", ["text", "json", "github", "junit"])
def test_a_hostile_name_is_escaped(clone: str, format: str, capsys: pytest.CaptureFixture[str]) -> None:
    quoted = '"{}"'.format(HOSTILE.replace('"', '""'))
    with psycopg.connect(clone, autocommit=True) as connection:
        connection.execute(f"create policy {quoted} on memories using (true)")
    assert main(["doctor", "--database-url", clone, "--format", format]) == 1
    shown = capsys.readouterr().out
    assert not {"\x1b", "\u202e", "\x07"} & set(shown)
    assert not any(line.startswith("::error::") for line in shown.splitlines())
    assert "policy" in shown
    if format == "json":
        found = json.loads(shown)
        assert found["ok"] is False
        assert HOSTILE.replace('"', '""') in next(f["object"] for f in found["findings"] if f["check"] == "policies")
    elif format == "junit":
        suite = ElementTree.fromstring(shown)[0]
        failed = [case.get("name") for case in suite if case.find("failure") is not None]
        assert (suite.get("tests"), suite.get("failures")) == (str(len(list(suite)) - 1), str(len(failed)))
        assert "policies" in failed


def test_another_schema_is_examined(clone: str) -> None:
    with psycopg.connect(clone, autocommit=True) as connection:
        connection.execute("create schema other")
    with memdb.open(clone, schema="other") as db:
        db.migrate()
        report = db.doctor()
        assert (report.schema, db.inspect().memories) == ("other", 0)
    assert said(report).keys() - ALWAYS - {"schema"} == {"row-security"}  # the users in public are under policies


def test_content_is_shown_only_when_it_is_asked_for_and_short(clone: str, capsys: pytest.CaptureFixture[str]) -> None:
    with psycopg.connect(clone, autocommit=True) as connection:
        connection.execute("update memories set content = 'afraid of \x1b[31m' || repeat('debts ', 100)")
    assert main(["inspect", "--database-url", clone]) == 0
    assert "afraid" not in capsys.readouterr().out
    assert main(["inspect", "--database-url", clone, "--show-content"]) == 0
    shown = capsys.readouterr().out
    lines = [line for line in shown.splitlines() if "afraid" in line]
    assert len(lines) == 5
    assert max(map(len, lines)) < 100
    assert "\x1b" not in shown


def test_times_without_end_are_inspected_like_others(clone: str) -> None:
    with psycopg.connect(clone, autocommit=True) as connection:
        connection.execute("update memories set created_at = 'infinity' where content = 'memory 7'")
        connection.execute("update memories set created_at = '-infinity' where content = 'memory 8'")
    with memdb.open(clone) as db:
        assert "memory 7" in [each.content for each in db.inspect(show_content=True).shown or ()]
        assert "recall-times" not in said(db.doctor())


def test_a_large_table_is_estimated_and_that_is_said(clone: str, capsys: pytest.CaptureFixture[str]) -> None:
    with psycopg.connect(clone, autocommit=True) as connection:
        connection.execute("update pg_class set reltuples = 10001, relallvisible = 0 where oid = 'memories'::regclass")
    with memdb.open(clone) as db:
        found = db.inspect()
    assert (found.memories, found.estimated, found.users) == (10_001, True, None)
    assert {share.name for share in found.tiers} == {"personal", "project", "task"}
    assert main(["inspect", "--database-url", clone]) == 0
    shown = capsys.readouterr().out
    assert shown.splitlines()[1].startswith("About 10,001 memories in schema public")
    assert "estimate from a sample" in shown


def test_a_table_that_others_have_locked_is_not_waited_for(clone: str) -> None:
    with psycopg.connect(clone) as connection:
        connection.execute("lock table memories in access exclusive mode")
        report = examined(clone)
    reasons = {name: item.reason for item in report.unseen for name in item.checks}
    assert reasons["schema"] == reasons["missing-embeddings"] == "others hold a lock that is needed"
    assert "row-security" in report.fine
