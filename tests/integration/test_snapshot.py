"""sql/schema.json equals a fresh migration, and holds for any combination of sets."""

import itertools
import json
import shutil
from pathlib import Path

import pytest

from memdb import catalog, database, migrations, recording, shipped
from memdb.cli import main
from memdb.database import Connection
from memdb.ledger import sqlfiles
from memdb.ledger.sqlfiles import Sets
from memdb.verification import snapshot, verify
from tests.helpers import as_scratch, on_one_server

pytestmark = pytest.mark.usefixtures("ready_server")

FUNCTIONS = """
create function label(text) returns text language sql immutable as $$ select upper($1) $$;
create function touch() returns trigger language plpgsql security definer set search_path = '' as $$
begin
    new.accessed_at := now();
    return new;
end
$$;
comment on function touch() is 'Notes that a memory was recalled.';
"""
LABELS = f"""
{FUNCTIONS}
alter table memories
    add label text not null generated always as (upper(content)) stored,
    add weight real not null default 1 constraint memories_weight_check check (weight > 0),
    alter embedding set storage plain,
    enable row level security;
create trigger memories_touch before update on memories for each row execute function touch();
comment on trigger memories_touch on memories is 'Keeps accessed_at.';
create policy memories_own on memories for select to public using (user_id::text = current_user) ;
comment on policy memories_own on memories is 'Everyone sees their own.';
create index ix_memories_task on memories (user_id, created_at desc) include (id) where memory_type = 'task';
"""
LABELS_ROLLBACK = """
drop index ix_memories_task;
drop policy memories_own on memories;
drop trigger memories_touch on memories;
alter table memories
    drop label, drop weight, alter embedding set storage external, disable row level security;
drop function touch();
drop function label(text);
"""
NOTES = """
create table notes (id bigint generated always as identity, text text collate "C");
alter type memory_type add value 'archive';
"""


@pytest.fixture
def sql_dir(tmp_path: Path, sets: Sets) -> Path:
    """Shipped core and its snapshot, with two optional sets beside it."""
    directory, patches = tmp_path / "sql", snapshot.read(shipped.sql_directory())
    shutil.copytree(shipped.sql_directory() / "core", directory / "core")
    snapshot.write(directory, {migration.id: patches[migration.id] for migration in sets["core"]})
    for name, forward, back in [
        ("labels/0001_labels", LABELS, LABELS_ROLLBACK),
        ("notes/0001_notes", NOTES, "drop table notes;"),
    ]:
        path = directory / name
        path.parent.mkdir()
        path.with_name(path.name + ".sql").write_text(forward)
        path.with_name(path.name + ".rollback.sql").write_text(back)
    return directory


def test_the_snapshot_equals_a_fresh_migration(empty_connection: Connection, sets: Sets) -> None:
    """On every version of the server."""
    recorded = recording.record_in(as_scratch(empty_connection), sets.of(["core", *on_one_server(sets)]))
    assert set(snapshot.check(shipped.sql_directory(), recorded).stale) == {item.id for item in sets["citus"]}
    found = catalog.read(empty_connection, "public").objects
    assert catalog.fold(recorded.values()) == found


def test_so_does_what_distributes_memories(empty_connection: Connection, sets: Sets) -> None:
    """But for what needs other servers."""
    fresh, written = as_scratch(empty_connection), snapshot.read(shipped.sql_directory())
    fresh.apply(sets.below("citus"))
    recorded = recording.record_in(fresh, sets["citus"])
    assert recorded == {item.id: written[item.id] for item in sets["citus"]}
    assert [id for id in recorded if not fresh.lacks(sets.by_id[id])] != list(recorded)


def test_what_distributes_memories_says_the_same_of_any_sets_that_it_carries(sets: Sets) -> None:
    written, carried = (
        snapshot.read(shipped.sql_directory()),
        ("fast_search", "hybrid_search", "importance", "collections", "retention", "erasure", "embeddings"),
    )
    for number in range(len(carried) + 1):
        for others in itertools.combinations(carried, number):
            chosen = sets.of({"core", "drop_hnsw", "citus", *others})
            made = snapshot.folded(written[item.id] for item in chosen)
            named = {str(key) for key in made if key.kind == "function"}
            assert ("function memories_with_ids(uuid, uuid[])" in named) is True
            assert any("search_memories_of_user" in name for name in named) is ("fast_search" in others)


def test_it_holds_for_any_combination_of_sets(empty_connection: Connection, sql_dir: Path) -> None:
    sets = sqlfiles.read_sets(sql_dir)
    patches = recording.record(sets)
    assert {str(key) for key, value in patches["0001_labels"].items() if value} >= {
        "function label(text)", "function touch()", "trigger memories.memories_touch", "policy memories.memories_own",
        "table memories", "column memories.embedding", "constraint memories.memories_weight_check",
    }  # fmt: skip
    for chosen in (("notes",), ("labels",)):
        migrations.migrate(empty_connection, sets, chosen=chosen)
        assert verify.verify(empty_connection, sets, patches).differences == ()
    migrations.rollback(empty_connection, sets)
    result = verify.verify(empty_connection, sets, patches)
    assert (result.differences, "0001_labels" in result.applied) == ((), False)


LABELS_TAMPERED = [
    (
        "create or replace function label(text) returns text language sql immutable as 'select $1'",
        "function label(text)",
    ),
    ("alter function label(text) volatile", "function label(text)"),
    ("alter function touch() security invoker", "function touch()"),
    ("alter function touch() set search_path = public", "function touch()"),
    ("comment on function touch() is null", "function touch()"),
    ("drop trigger memories_touch on memories; drop function touch()", "function touch()"),
    ("create function label(int) returns text language sql as 'select 1::text'", "function label(integer)"),
    ("drop trigger memories_touch on memories", "trigger memories.memories_touch"),
    ("alter table memories disable trigger memories_touch", "trigger memories.memories_touch"),
    ("alter trigger memories_touch on memories rename to touching", "trigger memories.memories_touch"),
    ("alter policy memories_own on memories using (true)", "policy memories.memories_own"),
    ("drop policy memories_own on memories", "policy memories.memories_own"),
    ("alter table memories disable row level security", "table memories"),
    ("alter table memories alter label drop expression", "column memories.label"),
    ("alter table memories drop label", "column memories.label"),
    ("alter table memories drop constraint memories_weight_check", "constraint memories.memories_weight_check"),
    ("alter table memories drop weight", "column memories.weight"),
    ("alter table memories alter embedding set storage external", "column memories.embedding"),
    ("drop index ix_memories_task", "index ix_memories_task"),
]


# What a person has to decide and do, before the mends bring back the rest.
BY_A_PERSON = {
    "function label(integer)": "drop function label(int)",
    "column memories.label": "alter table memories drop if exists label",
}


def test_what_an_optional_set_made_is_found_and_mended(empty_connection: Connection, sql_dir: Path) -> None:
    shutil.rmtree(sql_dir / "notes")
    sets = sqlfiles.read_sets(sql_dir)
    fresh = as_scratch(empty_connection)
    patches = recording.record_in(fresh, [*sets["core"], *sets["labels"]])
    database.give_names_back(empty_connection)
    for tampering, key in LABELS_TAMPERED:
        empty_connection.execute(tampering.encode())
        found = verify.verify(empty_connection, sets, patches).differences
        assert key in [f"{item.kind} {item.object}" for item in found], tampering
        empty_connection.execute(BY_A_PERSON.get(key, "").encode())
        for _ in range(2):  # a trigger waits until its function is there
            for difference in verify.verify(empty_connection, sets, patches).differences:
                if "0001_labels.sql" in difference.mend:
                    functions = FUNCTIONS.replace("create function", "create or replace function")
                    empty_connection.execute(functions.encode())
                for line in difference.mend.splitlines():
                    empty_connection.execute(line.encode())
        assert verify.verify(empty_connection, sets, patches).differences == (), tampering


@pytest.mark.once
def test_the_command_writes_it_and_tells_when_it_is_stale(sql_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["snapshot", "--check", "--sql-dir", str(sql_dir), "--format", "json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["stale"], result["written"]) == (["0001_labels", "0001_notes"], False)
    assert main(["snapshot", "--sql-dir", str(sql_dir)]) == 0
    text = (sql_dir / "schema.json").read_text()
    assert main(["snapshot", "--sql-dir", str(sql_dir)]) == 0
    assert (sql_dir / "schema.json").read_text() == text
    assert "nothing changed" in capsys.readouterr().out


@pytest.mark.once
def test_the_shipped_snapshot_is_written_as_the_command_writes_it(tmp_path: Path) -> None:
    directory = shipped.sql_directory()
    snapshot.write(tmp_path, snapshot.read(directory))
    assert (tmp_path / snapshot.FILE).read_text() == (directory / snapshot.FILE).read_text()


@pytest.mark.once
@pytest.mark.parametrize(
    ("forward", "why"),
    [
        ("-- transactional: false\nvacuum users;\nanalyze users;", "2 statements in a file that says transactional"),
        ("create table more (id int); commit; select 1;", '"commit" would end the transaction'),
        ("\\i more.sql", "only psql understands"),
    ],
)
def test_what_a_run_would_refuse_is_not_recorded(
    sql_dir: Path, capsys: pytest.CaptureFixture[str], forward: str, why: str
) -> None:
    before = (sql_dir / "schema.json").read_bytes()
    (sql_dir / "core" / "0009_more.sql").write_text(forward)
    (sql_dir / "core" / "0009_more.rollback.sql").write_text("select 1;")
    assert main(["snapshot", "--sql-dir", str(sql_dir)]) == 4
    assert why in capsys.readouterr().err
    assert (sql_dir / "schema.json").read_bytes() == before
