"""What the package promises to those who import it: names, signatures and docstrings."""

import inspect
import subprocess
import sys

import pytest

import memdb

NAMES = [
    "Answer",
    "Database",
    "Design",
    "Explanation",
    "Limits",
    "MemdbError",
    "Migrate",
    "Pace",
    "Question",
    "Rollback",
    "Targets",
    "Wanted",
    "WouldLose",
    "open",
]
CALLS = {
    "baseline": "(self, to: str | None = None, *, wait_seconds: float = 60) -> 'Baseline'",
    "benchmark": "(self, wanted: 'Wanted | None' = None, design: 'Design | None' = None, "
    "targets: 'Targets | None' = None) -> 'Study'",
    "compare_models": (
        "(self, model: str, given: tuple[pathlib.Path, pathlib.Path] | None = None, *, most: int = 200, k: int = 10, "
        "least: 'Least | None' = None, on_question: collections.abc.Callable[[], None] | None = None) -> 'Comparison'"
    ),
    "check_embeddings": "(self, model: str | None = None, *, scope: 'Scope | None' = None) -> 'Faults'",
    "close": "(self) -> None",
    "connected": "(self, purpose: str, *, losing: bool = False, wait_seconds: float = 60) "
    "-> collections.abc.Iterator[memdb.database.Connection]",
    "consolidate": "(self, summarizer: 'Summarizer', *, terms: 'Terms | None' = None, wait_seconds: float = 60, "
    "on_job: collections.abc.Callable[[str], None] | None = None) -> 'Consolidation'",
    "doctor": "(self) -> 'Report'",
    "export": "(self, path: str | os.PathLike[str], *, user: 'UserKey | None' = None, embeddings: bool = True, "
    "overwrite: bool = False, wait_seconds: float = 60, hooks: 'MovingHooks | None' = None) -> 'Export'",
    "duplicates": "(self, user: 'UserKey | None' = None, *, near: bool = False, max_distance: float | None = None, "
    "only: collections.abc.Collection[uuid.UUID] = (), most: int = 20) -> 'Duplicates'",
    "embed": "(self, embedder: 'Embedder', *, scope: 'Scope | None' = None, batching: 'Batching | None' = None, "
    "wait_seconds: float = 60, on_batch: collections.abc.Callable[[int], None] | None = None, "
    "on_interrupt: collections.abc.Callable[[], None] | None = None) -> 'Filling'",
    "embed_from": "(self, path: str | os.PathLike[str], model: str, *, scope: 'Scope | None' = None, "
    "dry_run: bool = False, wait_seconds: float = 60, "
    "on_batch: collections.abc.Callable[[int], None] | None = None) -> 'Filling'",
    "explain": "(self, question: 'Question', memory_id: uuid.UUID) -> 'Explanation'",
    "forget": "(self, user: 'UserKey', *, and_user: bool = False, dry_run: bool = False, wait_seconds: float = 60) "
    "-> 'Forgetting'",
    "import_": "(self, path: str | os.PathLike[str], *, on_conflict: 'OnConflict' = 'skip', "
    "map_users: collections.abc.Mapping[str, typing.Any] | str | os.PathLike[str] | None = None, "
    "user: 'UserKey | None' = None, tier: str = 'personal', embeddings: bool = True, allow_forgotten: bool = False, "
    "wait_seconds: float = 60, hooks: 'MovingHooks | None' = None) -> 'Import'",
    "inspect": "(self, *, show_content: bool = False) -> 'Inspection'",
    "lint": "(self, *, all: bool = False) -> 'Review'",
    "merge": "(self, found: 'Duplicates', *, wait_seconds: float = 60, "
    "on_batch: collections.abc.Callable[[int], None] | None = None) -> 'Merging'",
    "migrate": "(self, to: str | None = None, *, out_of_order: bool = False, limits: 'Limits | None' = None, "
    "hooks: 'Hooks | None' = None) -> 'Run'",
    "plan": "(self, request: 'Request | None' = None, *, save_as: str | os.PathLike[str] | None = None, "
    "wait_seconds: float = 60) -> 'DryRun'",
    "propose_repair": "(self, *, mark: tuple[str, ...] = (), unmark: tuple[str, ...] = (), wait_seconds: float = 60) "
    "-> 'Repair'",
    "prune": "(self, *, dry_run: bool = False, prove: bool = False, pace: 'Pace | None' = None, "
    "wait_seconds: float = 60, on_batch: collections.abc.Callable[[int], None] | None = None) -> 'Pruning'",
    "repair": "(self, proposal: 'Repair | None' = None, *, wait_seconds: float = 60) -> 'Repair'",
    "rollback": "(self, steps: int | None = 1, *, to: str | None = None, losing: 'WouldLose | bool' = False, "
    "limits: 'Limits | None' = None, hooks: 'Hooks | None' = None) -> 'Run'",
    "run": "(self, plan: 'str | PathLike[str] | SavedPlan', *, limits: 'Limits | None' = None, "
    "hooks: 'Hooks | None' = None) -> 'Run'",
    "search": "(self, question: 'Question') -> 'Answer'",
    "seed": "(self, source: 'str | PathLike[str] | Source | Further | None' = None, *, users: int | None = None, "
    "memories: int | None = None, tiers: tuple[float, float, float] = (30, 30, 40), random_seed: int | None = None, "
    "append: bool = False, rebuild_indexes: bool = False, add_users: bool = False, wait_seconds: float = 60, "
    "hooks: 'SeedingHooks | None' = None) -> 'Seeding'",
    "snapshot": "(self, *, check: bool = False) -> 'Snapshot'",
    "status": "(self) -> 'Status'",
    "unmerge": "(self, memory_id: uuid.UUID, *, wait_seconds: float = 60) -> 'Unmerging'",
    "to_embed": "(self, model: str, *, scope: 'Scope | None' = None) -> 'Estimate'",
    "unseed": "(self, *, wait_seconds: float = 60) -> 'Reset'",
    "verify": "(self) -> 'Verification'",
    "verify_models": "(self, models: str = 'memdb.models:Base', *, offline: bool = False) -> 'ModelsVerification'",
}
OPTIONS = [
    "url",
    "schema",
    "sql_dir",
    "sets",
    "trusted_schemas",
    "scratch_url",
    "scratch_setup",
    "directory",
    "migrating",
    "on_message",
]


def test_the_package_exports_these_names_and_no_others() -> None:
    assert sorted(memdb.__all__) == NAMES
    assert all(getattr(memdb, name) for name in NAMES)
    assert set(NAMES) < set(dir(memdb))


def test_a_name_that_is_not_exported_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'memdb' has no attribute 'close'"):
        _ = memdb.close


def test_a_database_is_opened_with_these_options() -> None:
    assert list(inspect.signature(memdb.open).parameters) == OPTIONS


@pytest.mark.parametrize("given", ["fast_search", ["fast_search"], ("fast_search",)])
def test_sets_may_be_named_in_a_list_and_one_alone(given: str | list[str] | tuple[str, ...]) -> None:
    opened = memdb.open("postgresql://host/name", sets=given, trusted_schemas=given)
    assert opened.settings.sets == opened.settings.trusted_schemas == ("fast_search",)


def test_a_database_has_these_calls_and_no_others() -> None:
    calls = inspect.getmembers(memdb.Database, inspect.isfunction)
    assert {name: str(inspect.signature(call)) for name, call in calls if not name.startswith("_")} == CALLS


@pytest.mark.parametrize("name", NAMES)
def test_whatever_is_exported_says_what_it_is(name: str) -> None:
    thing = getattr(memdb, name)
    assert thing.__doc__
    assert not thing.__doc__.startswith(f"{name}(")


@pytest.mark.parametrize("name", CALLS)
def test_each_call_says_what_it_does(name: str) -> None:
    assert inspect.getdoc(getattr(memdb.Database, name))


def test_importing_the_package_loads_nothing_else_of_it() -> None:
    others = ("memdb.", "psycopg", "numpy", "langchain", "langgraph")
    code = f"import sys, memdb; print([name for name in sys.modules if name.startswith({others})])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_database_that_is_not_used_loads_none_of_what_could_be_done_with_it() -> None:
    code = (
        "import sys, memdb; memdb.open('postgresql://host/name'); "
        "print([name for name in ('numpy', 'yoyo', 'rich', 'typer', 'sqlalchemy') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
