"""What holds on Supabase, on a server set up as its own are: docs/supabase.md as it stands, the API, the linter."""

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text

import memdb
from memdb.cli import main
from memdb.models import MemoryType
from memdb.schemas import MemoryCreate, MemoryQuery, MemorySimilarityQuery
from memdb.store import MemoryStore, act_for, create_engine, sessions
from tests import supabase
from tests.helpers import address, vectors
from tests.integration.orm.pooling import pooled
from tests.supabase import Project

pytestmark = pytest.mark.once

ANN, BOB = UUID(int=1), UUID(int=2)
NEAR = vectors(1)[0]
SETS = (
    *("archive", "collections", "consolidation", "deduplication", "embeddings", "erasure"),
    *("fast_search", "hybrid_search", "importance", "retention", "row_security"),
)
PAGE = (Path(__file__).parents[2] / "docs" / "supabase.md").read_text()
COMMANDS = re.findall(r"^\$ (memdb .*)", PAGE, re.MULTILINE)
INIT = "memdb init . "

# As PostgREST calls a function: arguments are read from JSON, and named.
RPC = """
select coalesce(json_agg(found), '[]') from (
    select called.* from json_to_record(%s) as body (user_id uuid, embedding extensions.vector, k integer)
    cross join lateral public.search_memories(
        "user_id" := body.user_id, "embedding" := body.embedding, "k" := body.k
    ) as called
) as found
"""
INSERT = """
insert into public.memories (user_id, memory_type, content, embedding)
select body.user_id, body.memory_type, body.content, body.embedding
from json_populate_record(null::public.memories, %s) as body
"""

# The rules of its linter that memdb's objects could break, in our own words.
LINTS = """
with exposed as (
    select c.oid, c.relname, c.relkind, c.relrowsecurity from pg_class as c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'v', 'm') and (
        has_any_column_privilege('anon', c.oid, 'select') or has_any_column_privilege('authenticated', c.oid, 'select')
    )
)
select 'rls disabled: ' || relname from exposed where relkind = 'r' and not relrowsecurity
union all
select 'view in the API: ' || relname from exposed where relkind in ('v', 'm')
union all
select 'policy without RLS: ' || relname from pg_class
where not relrowsecurity and oid in (select polrelid from pg_policy)
union all
select 'path of function: ' || proname from pg_proc
where pronamespace = 'public'::regnamespace
    and not exists (select from unnest(proconfig) as setting where setting like 'search_path=%')
union all
select 'security definer: ' || proname from pg_proc where pronamespace = 'public'::regnamespace and prosecdef
union all
select 'extension in public: ' || extname from pg_extension where extnamespace = 'public'::regnamespace
union all
select format('several policies: %s for %s', polrelid::regclass, polcmd) from pg_policy
where polpermissive group by polrelid, polcmd having count(*) > 1
union all
select 'asked for each row: ' || policyname from pg_policies
where concat(qual, with_check) ~ '(memory_user|uid|current_setting)\\(' and concat(qual, with_check) !~ '\\( ?SELECT '
union all
select 'always true: ' || policyname from pg_policies where cmd <> 'SELECT' and 'true' in (qual, with_check)
union all
select 'same indexes: ' || min(indexrelid)::regclass::text from pg_index
where indrelid in (select oid from exposed)
group by indrelid, indkey, indclass, indpred::text, indexprs::text having count(*) > 1
"""


@pytest.fixture(scope="module")
def fresh(pytestconfig: pytest.Config) -> Iterator[Project]:
    major = pytestconfig.getoption("--postgres")
    with supabase.server(int(major) if major.isdecimal() else 18) as project:
        yield project


@pytest.fixture(scope="module")
def written(fresh: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the SQL that `memdb init` writes for a project of Supabase."""
    folder = tmp_path_factory.mktemp("written")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MEMDB_DATABASE_URL", fresh.direct)
        assert main(shlex.split(INIT)[1:]) == 0
    assert (folder / "sql" / "core" / "0002_require_users.sql").exists()
    return folder


@pytest.fixture(scope="module")
def with_memories(fresh: Project) -> Iterator[Project]:
    """With both sets, and a memory each of Ann and of Bob."""
    with supabase.clone(fresh, "with_memories") as project:
        with memdb.open(project.direct, sets=SETS) as db:
            db.migrate()
        project.run(f"""
            insert into public.users (id) values ('{ANN}'), ('{BOB}');
            insert into public.memories (user_id, memory_type, content, embedding)
            select id, 'personal', case id when '{ANN}' then 'of Ann' else 'of Bob' end, '{NEAR}'::extensions.vector
            from public.users
        """)
        yield project


@pytest.fixture
def project(fresh: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A new database, which commands in a new folder are for."""
    monkeypatch.chdir(tmp_path)
    with supabase.clone(fresh, "of_a_test") as project:
        monkeypatch.setenv("MEMDB_DATABASE_URL", project.direct)
        yield project


def said(connection: "psycopg.Connection[Any]", query: str, *values: object) -> list[Any]:
    return [row[0] for row in connection.execute(query.encode(), values or None).fetchall()]


def test_the_page_for_supabase_runs_as_it_stands(
    project: Project, written: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *commands = COMMANDS
    assert len(commands) == 9
    assert first.startswith(INIT)
    shutil.copytree(written, ".", dirs_exist_ok=True)
    for command in commands:
        quicker = ["--queries", "5"] if "benchmark" in command else []
        code = main([*shlex.split(command, comments=True)[1:], *quicker])
        told = capsys.readouterr()
        if "doctor" in command:  # what a server of the tests lacks is told first
            assert set(re.findall(r"^(?:error|warning) .*\[([\w-]+)\]$", told.out, re.MULTILINE)) <= {
                "known-vulnerabilities",
                "known-corruption",
            }
        else:
            assert (code, command) == (0, command), told
    with psycopg.connect(project.admin) as connection:
        assert said(connection, "select count(*) from auth.users") == [0]
    assert main(["rollback", "--all", "--yes"]) == 0
    with psycopg.connect(project.admin) as connection:
        left = said(
            connection, "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
        )
        assert set(left) == {"_yoyo_log", "_yoyo_migration", "_yoyo_version", "memdb_migrations"}
        assert said(connection, "select extname from pg_extension where extname = 'vector'") == ["vector"]
        assert said(connection, "select has_table_privilege('anon', 'memdb_migrations', 'select')") == [False]


def test_the_doctor_tells_what_the_key_that_everybody_has_can_do(project: Project) -> None:
    with memdb.open(project.direct) as db:
        db.migrate()
        found = {(item.check, item.level): item.title for item in db.doctor().findings}
    strangers = "anon and authenticated can read and change the"
    assert found["row-security", "error"] == f"{strangers} memories of all users"
    assert found["history-access", "error"] == f"{strangers} history of migrations"


@pytest.mark.parametrize("path", ["public, extensions", ""])
def test_the_api_finds_and_adds_what_the_user_of_a_token_may(with_memories: Project, path: str) -> None:
    asked = {who: json.dumps({"user_id": str(who), "embedding": NEAR, "k": 5}) for who in (ANN, BOB)}
    added = {
        who: json.dumps({"user_id": str(who), "memory_type": "task", "content": "new", "embedding": NEAR})
        for who in (ANN, BOB)
    }
    with pooled(with_memories.api) as pooler, psycopg.connect(pooler, prepare_threshold=None) as connection:

        def request(role: str, claims: dict[str, str], statement: str, value: str) -> Any:
            """In a transaction as the API makes it, of which nothing is kept."""
            with connection.transaction(force_rollback=True):
                connection.execute(
                    "select set_config('search_path', %s, true), set_config('role', %s, true),"
                    " set_config('request.jwt.claims', %s, true)",
                    [path, role, json.dumps(claims)],
                )
                cursor = connection.execute(statement.encode(), [value])
                return (
                    cursor.rowcount
                    if cursor.description is None
                    else [row["content"] for row in cursor.fetchall()[0][0]]
                )

        ann, nobody = {"sub": str(ANN), "role": "authenticated"}, {"role": "anon"}
        assert request("authenticated", ann, RPC, asked[ANN]) == ["of Ann"]
        assert request("authenticated", ann, RPC, asked[BOB]) == []
        assert request("anon", nobody, RPC, asked[ANN]) == request("anon", {}, RPC, asked[ANN]) == []
        assert request("authenticated", nobody, RPC, asked[ANN]) == []
        assert request("service_role", {"role": "service_role"}, RPC, asked[BOB]) == ["of Bob"]
        assert request("authenticated", ann, INSERT, added[ANN]) == 1
        for role, claims, who in [("authenticated", ann, BOB), ("anon", nobody, ANN)]:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
                request(role, claims, INSERT, added[who])
        for role in ("anon", "authenticated"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                request(role, ann, "select count(*) from public.memdb_migrations where migration_id = %s", "0001")


async def test_the_store_takes_the_role_of_a_user_through_a_transaction_pooler(with_memories: Project) -> None:
    with pooled(with_memories.direct) as pooler:
        for driver in ("asyncpg", "psycopg"):
            engine = create_engine(address(pooler, driver), transaction_pooler=True)
            async with sessions(engine)() as session:
                for who, other in ((ANN, BOB), (BOB, ANN)):
                    act_for(session, who)
                    async with session.begin():
                        await session.execute(text("set local role authenticated"))
                        store = MemoryStore(session)
                        found = await store.nearest(MemorySimilarityQuery(user_id=who, embedding=NEAR))
                        assert [memory.content for memory in found] == ["of Ann" if who == ANN else "of Bob"]
                        assert await store.list(MemoryQuery(user_id=other)) == []
                        memory = MemoryCreate(user_id=who, memory_type=MemoryType.TASK, content="new", embedding=NEAR)
                        assert await store.delete([(await store.add(memory)).id]) == 1
            await engine.dispose()
        with psycopg.connect(pooler, prepare_threshold=None) as connection:  # nothing is left for whoever comes next
            assert said(connection, "select current_user::text") == ["postgres"]
            assert said(connection, "select count(*) from pg_prepared_statements") == [0]
        assert main(["verify-schema", "--database-url", pooler]) == 0


@pytest.fixture(params=[("row_security",), (*SETS, "force_row_security")], ids="+".join)
def secured(project: Project, written: Path, request: pytest.FixtureRequest, users: str) -> Project:
    """A database with row_security, alone and with other sets."""
    sql_dir = written / "sql" if users == "auth.users" else None
    with memdb.open(project.direct, sets=request.param, sql_dir=sql_dir) as db:
        db.migrate()
        assert db.verify().ok
    return project


@pytest.fixture
def splinter() -> Path:
    if "MEMDB_TEST_SPLINTER" not in os.environ:
        pytest.skip("MEMDB_TEST_SPLINTER names no splinter.sql, of github.com/supabase/splinter")
    return Path(os.environ["MEMDB_TEST_SPLINTER"])


# Functions that have no search_path of their own, as the page says.
MEANT = (
    *("memory_words", "memory_word_keys", "memories_hidden", "memories_hidden_in_collections"),
    *("memories_hidden_from_words", "memories_hidden_from_duplicates", "memories_hidden_from_consolidation"),
    *("memories_hidden_in_archive", "memories_expired", "memory_recalls", "memories_due"),
    *("memory_embedding_in_collections", "memory_embedding_in_archive", "memory_embedding_for_duplicates"),
    *("memory_question_in_collections", "memory_question_in_archive", "memory_question_in_recall"),
)
BOTH = pytest.mark.parametrize("users", ["stand-in", "auth.users"])


@BOTH
def test_no_rule_of_the_linter_is_broken_with_row_security(secured: Project) -> None:
    with psycopg.connect(secured.admin) as connection:
        assert [told for told in said(connection, LINTS) if not told.endswith(MEANT)] == []


@BOTH
def test_supabases_own_linter_has_no_error_and_no_warning(splinter: Path, secured: Project) -> None:
    with psycopg.connect(secured.admin) as connection, connection.cursor() as cursor:
        cursor.execute(splinter.read_bytes())
        while cursor.nextset():  # its settings come first
            pass
        rules = cursor.fetchall()
    assert {"rls_enabled_no_policy", "unused_index"} <= {rule[0] for rule in rules}
    told = [f"{rule[2]}: {rule[6]}" for rule in rules if rule[2] != "INFO"]
    assert [one for one in told if not any(f"public.{name}\\`" in one for name in MEANT)] == []


BROKEN = {
    "rls disabled: memories": "alter table memories disable row level security",
    "policy without RLS: memory_collections": "alter table memory_collections disable row level security; "
    "revoke all on memory_collections from anon, authenticated",
    "view in the API: v": "create view v as select 1 as one",
    "path of function: search_memories": "alter function search_memories reset all",
    "security definer: memory_user": "alter function memory_user() security definer",
    "several policies: memories for d": "create policy more on memories for delete using (false)",
    "asked for each row: memories_delete": "alter policy memories_delete on memories using (user_id = memory_user())",
    "always true: memories_insert": "alter policy memories_insert on memories with check (true)",
    "same indexes: ix_memories_user_id": "create index again on memories (user_id)",
    "extension in public: vector": "alter extension vector set schema public",
}


@pytest.mark.parametrize("told", BROKEN)
def test_each_rule_of_the_linter_that_is_broken_is_told(with_memories: Project, told: str) -> None:
    owner = with_memories.admin if "extension" in told else with_memories.direct
    with psycopg.connect(owner) as connection:
        connection.execute(BROKEN[told].encode())
        assert told in said(connection, LINTS)
        connection.rollback()
