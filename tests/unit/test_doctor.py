"""What each check of the doctor says of what is known of a database, and what it says nothing of."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from memdb.distribution import Node
from memdb.doctor import advisories, findings, versions
from memdb.doctor.advisories import ADVISORIES
from memdb.doctor.checks import about, sized
from memdb.doctor.examination import REGISTRY
from memdb.doctor.facts import (
    Definer,
    Function,
    Grant,
    Index,
    OpenSchema,
    Place,
    Policy,
    Sample,
    Server,
    Stale,
    Table,
    View,
)
from memdb.doctor.patient import CannotLook, Patient
from memdb.doctor.shards import Release, Servers, Unheld
from memdb.ledger.sqlfiles import Sets
from memdb.ledger.status import MigrationStatus, Status
from memdb.verification.comparison import Difference

GB = 1024**3
CHECKS = {check.name: check for checks in REGISTRY.values() for check in checks}

SERVER = Server(
    version="99.1",
    database="app",
    role="app",
    pgvector="99.0",
    pgvector_offered="99.0",
    vector_schema="public",
    others_log_in=True,
    maintenance_work_mem=GB,
    shared_buffers=GB,
    cache=3 * GB,
    workers=2,
    shared_memory="posix",
    time_outs=[],
    counted_days=30,
)
MEMORIES = Table(1, "memories", "public.memories", "app", 10, True, 50_000, 50_000, 50_000, 50_000, 0, 9_000, False)
HISTORY = Table(2, "history", "public._yoyo_migration", "app", 10, False, 8, 1, 1, 8, 0, 0, False)
POLICY = Policy(1, "own", ["public"], lets_all_through=False)
HNSW = Index("public.ix", 1, "hnsw", True, False, False, GB // 2, 50_000, 10, "embedding", None, 16)
BTREE = Index("public.ix", 1, "btree", True, False, False, 40 << 20, 1_000_000, 10, "user_id", 16.0, None)
SAMPLE = Sample(False, 1000, 0, 0, 1000, 0, 0, 500, 90.0)
FINE = SimpleNamespace(ok=True, differences=(), applied=("0001_a",), inferred=False)


def status(*states: str) -> Status:
    return Status(tuple(MigrationStatus(f"000{n}_a", "core", state) for n, state in enumerate(states, start=1)), ())


HEALTHY: dict[str, Any] = {
    "server": SERVER,
    "names": SimpleNamespace(target="public", path=("public",)),
    "target": SimpleNamespace(schema="public", embedding_type="vector", dimensions=1536, vector_schema="public"),
    "tables": [MEMORIES, HISTORY],
    "grants": [],
    "policies": [POLICY],
    "views": [],
    "open_schemas": [],
    "functions": [],
    "definers": [],
    "indexes": [HNSW, BTREE],
    "sample": SAMPLE,
    "oldest_tasks": 0,
    "serving": None,
    "stale": Stale(1000, 0),
    "is_pooled": False,
    "status": status("applied", "applied"),
    "verification": FINE,
    "servers": Servers(),
    "_parts": {1: None},
}
WORKER = Node(2, 1, "10.0.0.2", 5432, is_active=True, keeps_shards=True)


def patient(folder: Path = Path("/nowhere"), *, sets: Any = None, **known: Any) -> Patient:
    connection: Any = SimpleNamespace(info=SimpleNamespace(host="/run/postgresql"))
    found = Patient(connection, sets or Sets({}), Place(folder), dict)
    found.__dict__.update(HEALTHY | known)
    return found


def said(name: str, **known: Any) -> list[findings.Finding]:
    return list(CHECKS[name].find(patient(**known)))


def server(**changes: Any) -> dict[str, Any]:
    return {"server": replace(SERVER, **changes)}


def memories(**changes: Any) -> dict[str, Any]:
    return {"tables": [replace(MEMORIES, **changes), HISTORY]}


def index(of: Index, **changes: Any) -> dict[str, Any]:
    return {"indexes": [replace(of, **changes)]}


def sample(**changes: Any) -> dict[str, Any]:
    return {"sample": replace(SAMPLE, **changes)}


def granted(role: str, *privileges: str, table: int = 1) -> list[Grant]:
    return [Grant(table, role, list(privileges), passes_policies=False, logs_in=True)]


def past_policies(role: str, *, logs_in: bool) -> dict[str, Any]:
    return {"grants": [Grant(1, role, ["select"], passes_policies=True, logs_in=logs_in)]}


GRANTED_TO_APP = {"grants": granted("web", "select", "insert")} | memories(has_row_security=False)
VIEW = {"views": [View(3, "public.v", is_materialized=False)]}
DIFFERENT = SimpleNamespace(
    ok=False,
    differences=tuple(Difference("index", f"ix_{n}", "missing", {}, None, "") for n in range(5)),
    applied=("0001_a",),
    inferred=False,
)
UNHELD = Unheld("notes_user_id_fkey", "notes", "users", "user_id")
OLDER = Release("vector", "0.8.6", {"10.0.0.2:5432": "0.8.0"})
FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("known-vulnerabilities", server(version="18.4 (Debian 18.4-1)"), "error", "CVE-2026-120154"),
    ("known-vulnerabilities", server(version="18.4", others_log_in=False), "info", "no other role can log in"),
    ("known-vulnerabilities", server(pgvector="0.8.1"), "error", "CVE-2026-3172"),
    ("known-corruption", server(version="14.3"), "warning", "PostgreSQL 14.4: CREATE INDEX CONCURRENTLY"),
    ("known-corruption", server(pgvector="0.8.2"), "warning", "pgvector 0.8.3: vacuuming an HNSW index can spoil it"),
    ("supported-versions", server(version="13.9"), "warning", "no more fixes"),
    ("supported-versions", server(pgvector="0.7.4"), "error", "pgvector 0.8.0 or newer"),
    ("extension-version", server(pgvector_offered="99.1"), "warning", "alter extension vector update;"),
    ("extension-schema", server(vector_schema="extensions"), "info", "operator(extensions.<=>)"),
    ("pending-migrations", {"status": status("applied", "pending", "late")}, "warning", "2 migrations are pending"),
    ("pending-migrations", {"status": status("applied", "lost")}, "error", "mark them again: memdb baseline"),
    ("pending-migrations", {"status": status("pending")}, "error", "no migration is applied here"),
    ("changed-migrations", {"status": status("applied", "edited", "missing")}, "error", "2 applied migrations"),
    ("changed-migrations", {"status": status("applied", "edited")}, "error", "name its folder with --sql-dir"),
    ("schema", {"verification": DIFFERENT}, "error", "index ix_0, index ix_1, index ix_2 and 2 more"),
    ("row-security", memories(has_row_security=False), "info", "nothing in the database keeps users apart"),
    ("row-security", GRANTED_TO_APP, "warning", "web can read and change the memories of all users"),
    ("row-security", GRANTED_TO_APP | {"grants": granted("-", "select")}, "error", "everyone can read the memories"),
    ("row-security", GRANTED_TO_APP | {"grants": granted("anon", "delete")}, "error", "revoke all on these"),
    ("policies", {"policies": [replace(POLICY, lets_all_through=True)]}, "error", "Policies are joined by OR"),
    ("policies", {"grants": granted("web", "select", "truncate")}, "warning", "revoke truncate on these tables"),
    ("policies", {"grants": granted("web", "references", "maintain")}, "warning", "revoke references, maintain on"),
    ("policies", {"grants": granted("anon", "trigger")}, "error", "A trigger sees what others write."),
    ("policies", past_policies("authenticated", logs_in=False), "error", "whatever policies say"),
    ("policies", past_policies("web", logs_in=True), "info", "web can read the memories of all users"),
    ("policies", {"policies": []}, "info", "Nobody but app and superusers"),
    ("history-access", {"grants": granted("anon", "select", table=2)}, "error", "anon can read the history"),
    ("history-access", {"grants": granted("web", "delete", table=2)}, "warning", "web can change the history"),
    ("views", VIEW | {"grants": granted("authenticated", "select", table=3)}, "error", "security_invoker = true"),
    ("views", VIEW | {"grants": granted("anon", "delete", table=3)}, "error", "anon can change memories through"),
    ("views", {"views": [View(3, "public.v", True)]} | {"grants": granted("report", "select", table=3)}, "warning",
     "materialized view"),
    ("replaceable-functions", {"open_schemas": [OpenSchema("public", ["everyone"])]}, "error", "from public."),
    ("replaceable-functions", {"open_schemas": [OpenSchema("app", ["a", "b"])]}, "warning", "a and b can create"),
    ("replaceable-functions", {"functions": [Function("f()", "eve", False, True, True)]}, "warning", "eve, who"),
    ("definer-functions", {"functions": [Function("f()", "app", True, False, False)]}, "error", "run as app"),
    ("definer-functions", {"definers": [Definer("f()", "amy", ["-"])]}, "warning", "everyone can call a function"),
    ("invalid-indexes", index(HNSW, is_valid=False), "error", "reindex index concurrently public.ix;"),
    ("invalid-indexes", index(HNSW, is_valid=False, is_being_built=True), "info", "being built"),
    ("bloated-indexes", index(BTREE, bytes=400 << 20), "warning", "about 10 times"),
    ("bloated-indexes", index(HNSW, bytes=2 * GB), "warning", "about 5 times"),
    ("unused-indexes", index(BTREE, scans=0), "info", "was not used for 30 days"),
    ("build-memory", server(maintenance_work_mem=64 << 20), "warning", "maintenance_work_mem = '"),
    ("shared-memory", server(), "warning", "docker run --shm-size"),
    ("search-memory", server(shared_buffers=1 << 27), "info", "larger than shared_buffers"),
    ("search-memory", server(cache=1 << 28), "warning", "does not fit into memory"),
    ("dead-rows", memories(dead=20_000), "warning", "vacuum (analyze) public.memories;"),
    ("dead-rows", memories(dead=9_000, live=1_000, rows=0), "warning", "about 9,000 of about 10,000 rows are dead"),
    ("visibility-map", memories(visible_pages=10_000), "warning", "only 20% of the pages"),
    ("statistics", memories(rows=-1.0), "warning", "analyze public.memories;"),
    ("missing-embeddings", sample(without=120, unit=880), "warning", "about 6,000 memories (12.0% of 1,000"),
    ("stale-embeddings", {"stale": Stale(1000, 10)}, "warning", "about 500 memories (1.0% of 1,000 looked"),
    ("zero-embeddings", sample(whole=True, zero=1), "warning", "1 memory with an embedding of zeros"),
    ("mixed-embeddings", sample(unit=500, other=500), "warning", "different models cannot be compared"),
    ("mixed-embeddings", sample(unit=0, other=1000), "info", "Cosine distance does not mind"),
    ("expired-tasks", sample(expired=100), "warning", "about 5,000 task memories (10.0% of 1,000 looked"),
    ("expired-tasks", {"oldest_tasks": 1000}, "warning", "1,000 task memories or more not recalled"),
    ("recall-times", sample(recalled=0), "warning", "accessed_at never moves"),
    ("pooler", {"is_pooled": True}, "warning", "MEMDB_MIGRATION_URL"),
    ("workers", {"servers": Servers((WORKER,), silent=(WORKER,))}, "error", "citus_update_node(2, "),
    ("two-phase-commits", {"servers": Servers((WORKER,), hanging={"10.0.0.2:5432": 3})}, "error", "3 two-phase"),
    ("keys-of-local-tables", {"servers": Servers((WORKER,), unheld=(UNHELD,))}, "error", "what users loses stays"),
    ("releases-of-workers", {"servers": Servers((WORKER,), releases=(OLDER,))}, "warning", "0.8.0 on 10.0.0.2:5432"),
    ("time-outs", server(time_outs=["lock_timeout=10", "statement_timeout=2000"]), "warning", "_timeout (2 s)"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Little room in shared memory, and no settings of the machine."""
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=64 << 20))
    monkeypatch.delenv("MEMDB_MIGRATION_URL", raising=False)


@pytest.mark.parametrize(("name", "known", "level", "text"), FAULTS, ids=[f"{f[0]}-{n}" for n, f in enumerate(FAULTS)])
def test_a_check_speaks_of_its_fault(name: str, known: dict[str, Any], level: str, text: str) -> None:
    (finding,) = said(name, **known)
    assert finding.level == level
    assert text in "\n".join((finding.title, finding.object, finding.why, finding.mend, finding.command))


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_is_silent_where_all_is_well(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=9 * GB))
    assert said(name) == []


def test_each_check_has_a_fault_here() -> None:
    assert {fault[0] for fault in FAULTS} == CHECKS.keys() - {"secrets"}


def test_the_others_are_silent_where_one_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=9 * GB))
    speaking = {name for name in CHECKS if said(name, **GRANTED_TO_APP)}
    assert speaking == {"row-security"}


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """One that everybody may enter, as those of pytest are not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("text", ["PASSWORD=x", "DATABASE_URL=postgresql://app:pass@host/app", 'OPENAI_API_KEY="sk-1"'])
def test_a_secret_that_everybody_can_read_is_found(open_folder: Path, text: str) -> None:
    file = open_folder / ".env"
    file.write_text(f"NAME=x\n{text}\n")
    file.chmod(0o644)
    (finding,) = CHECKS["secrets"].find(patient(open_folder))
    assert (finding.level, finding.command) == ("error", f"chmod go-rwx {file}")
    assert "pass" not in str(finding).replace("password", "")
    open_folder.chmod(0o750)
    assert not list(CHECKS["secrets"].find(patient(open_folder)))
    open_folder.chmod(0o755)
    file.chmod(0o640)
    assert not list(CHECKS["secrets"].find(patient(open_folder)))


@pytest.mark.parametrize("text", ["NAME=x", "DATABASE_URL=postgresql://app@host/app", "# PASSWORD=x", "PASSWORD="])
def test_a_file_without_a_secret_may_be_read(open_folder: Path, text: str) -> None:
    (open_folder / ".env").write_text(f"{text}\n")
    (open_folder / "memdb.toml").write_text('database_url = "postgresql://app@host/app"\n')
    assert not list(CHECKS["secrets"].find(patient(open_folder)))
    (open_folder / "memdb.toml").write_text('database_url = "postgresql://app:secret@host/app"\n')
    (finding,) = CHECKS["secrets"].find(patient(open_folder))
    assert finding.object.endswith("memdb.toml")


def test_a_pooler_is_no_worry_where_migrations_have_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMDB_MIGRATION_URL", "postgresql://host/app")
    (finding,) = said("pooler", is_pooled=True)
    assert finding.level == "info"


def test_a_set_that_keeps_users_apart_is_recommended_where_there_is_one() -> None:
    (finding,) = said("row-security", sets={"row_security": ()}, **GRANTED_TO_APP)
    assert "memdb migrate --with row_security" in finding.mend


def test_what_takes_away_access_or_rows_is_told_and_never_pasted() -> None:
    pasted = {finding.command for name, known, *_ in FAULTS for finding in said(name, **known)} - {""}
    starts = (
        "alter extension",
        "memdb ",
        "reindex index concurrently",
        "vacuum",
        "analyze",
        "select recover_prepared_",
    )
    assert {line for line in pasted if not line.startswith(starts)} == set()
    assert {line for line in pasted if "drop" in line or "--yes" in line} == set()


def test_dead_rows_are_compared_with_all_rows_where_nobody_has_counted_the_live_ones() -> None:
    assert said("dead-rows", **memories(dead=9_000, live=0)) == []


@pytest.mark.parametrize(
    ("name", "known", "reason"),
    [
        ("unused-indexes", server(counted_days=2), "less than a week old"),
        ("bloated-indexes", index(BTREE, row_width=None), "may not see the statistics"),
        ("missing-embeddings", sample(rows=0), "came out empty"),
    ],
)
def test_a_check_that_cannot_look_says_why(name: str, known: dict[str, Any], reason: str) -> None:
    with pytest.raises(CannotLook, match=reason):
        said(name, **known)


def test_the_server_of_another_machine_has_its_own_shared_memory() -> None:
    far = patient()
    far.connection = SimpleNamespace(info=SimpleNamespace(host="db.example.org"))  # type: ignore[assignment]
    with pytest.raises(CannotLook, match="another machine"):
        list(CHECKS["shared-memory"].find(far))


@pytest.mark.parametrize(
    ("name", "version", "fixed"),
    [
        ("CVE-2026-120141", "18.6", "18.7"),
        ("CVE-2026-120141", "18.7", None),
        ("CVE-2026-120141", "16.9", "16.16"),
        ("CVE-2023-2455", "16.0", None),
        ("CVE-2023-2455", "15.2", "15.3"),
        ("PostgreSQL 14.4", "14.3", "14.4"),
        ("PostgreSQL 14.4", "15.0", None),
        ("PostgreSQL 18.7", "17.0", None),
        ("CVE-2026-3172", "0.5.1", None),
        ("CVE-2026-3172", "0.8.1", "0.8.2"),
        ("CVE-2026-3172", "0.8.2", None),
        ("CVE-2026-16239", "19beta1", None),
    ],
)
def test_an_advisory_is_for_the_releases_before_its_fix(name: str, version: str, fixed: str | None) -> None:
    (advisory,) = [item for item in ADVISORIES if item.name == name]
    assert advisory.fixed_in(version) == fixed


def test_a_series_that_has_ended_gets_no_more_fixes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "END_OF_LIFE", advisories.END_OF_LIFE | {99: date(2020, 1, 2)})
    (finding,) = said("supported-versions")
    assert "02 January 2020" in finding.why


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 bytes"), (8192, "8 kB"), (64 << 20, "64 MB"), (1.25 * GB, "1.2 GB"), (20 * GB, "20 GB")]
)
def test_sizes_are_told_in_the_unit_that_suits_them(number: float, text: str) -> None:
    assert sized(number) == text


@pytest.mark.parametrize(("number", "text"), [(7, "7"), (123_456, "120,000"), (999_999, "1,000,000")])
def test_an_estimate_has_two_digits(number: float, text: str) -> None:
    assert about(number) == f"about {text}"
