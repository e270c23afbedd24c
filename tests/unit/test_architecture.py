"""The shape of the package: imports run downwards only, use cases do not know each other, one place prints."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import memdb
from memdb import shipped

PACKAGE = Path(memdb.__file__).parent

# From the bottom up. A module or package may import from lower layers only: those of one layer, such as the use cases,
# do not import each other.
LAYERS = [
    {"afterwards", "errors", "keywords", "records", "shipped", "words"},
    {"shape", "signature", "successor"},
    {"binary", "files", "values"},
    {"addresses", "settings", "embedded", "statements", "reading", "models", "embedders"},
    {"database", "schemas"},
    {"distribution"},
    {"catalog", "pooling", "retrieval", "target"},
    {"ledger", "store", "trust", "users"},
    {"adapters", "verification"},
    {"migrations"},
    {"scratch"},
    {"effects"},
    {"recording", "preview", "linting", "seeding", "benchmark", "doctor", "search", "moving", "embedding"},
    {"lifecycle"},
    {"project"},
    {"capacity"},
    {"door"},
    {"demo"},
    {"output"},
    {"cli", "pytest_plugin"},
    {"__main__"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def modules() -> list[tuple[str, Path]]:
    """Each source file with the top-level module or package of memdb that it belongs to."""
    paths = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]
    return [(path.relative_to(PACKAGE).with_suffix("").parts[0], path) for path in paths]


def imported(path: Path) -> set[str]:
    """The modules of memdb that a file imports anywhere, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "memdb":
            names |= {alias.name for alias in node.names if alias.name != "__version__"}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("memdb."):
            names.add((node.module or "").split(".")[1])
    return names


def test_every_module_has_a_layer() -> None:
    assert {name for name, _ in modules()} == set(LEVEL)


def test_readme_draws_the_layers_from_the_top_down() -> None:
    drawn = (PACKAGE.parent / "README.md").read_text().partition("## Development")[2].split("```")[1]
    lines = [line.split("  ")[0].split(", ") for line in drawn.strip().splitlines()]
    levels = [LEVEL[name] for line in lines for name in sorted(line, key=lambda name: -LEVEL[name])]
    assert {name for line in lines for name in line} == LEVEL.keys() - {"__main__"}
    assert levels == sorted(levels, reverse=True)


def test_imports_run_downwards_only() -> None:
    upwards = {
        f"{path.relative_to(PACKAGE)} imports {other}"
        for name, path in modules()
        for other in imported(path)
        if other != name and LEVEL[other] >= LEVEL[name]
    }
    assert not upwards


def test_no_module_is_imported_by_what_it_imports() -> None:
    names = {dotted(path): path for _, path in modules()}
    graph: dict[str, set[str]] = {}
    for name, path in names.items():
        graph[name] = set()
        for node in running(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                parts = {f"{node.module}.{alias.name}" for alias in node.names}
                graph[name] |= (names.keys() & parts or names.keys() & {node.module}) - {name}
    TopologicalSorter(graph).prepare()  # raises CycleError


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def running(node: ast.AST) -> Iterator[ast.AST]:
    """What is executed when a module is loaded or its functions run; not what is for the type checker only."""
    for child in ast.iter_child_nodes(node):
        if not (isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)):
            yield child
            yield from running(child)


def test_only_the_scribe_imports_yoyo() -> None:
    pattern = re.compile(r"^\s*(from|import) yoyo", re.MULTILINE)
    assert [path.name for _, path in modules() if pattern.search(path.read_text())] == ["scribe.py"]


def test_no_query_depends_on_what_a_backslash_means() -> None:
    """The owner of a database can set that for all who connect (standard_conforming_strings)."""
    assert [path.name for path in (shipped.sql_directory() / "queries").glob("*.sql") if "\\" in path.read_text()] == []


def test_only_output_prints() -> None:
    printing = {
        str(path.relative_to(PACKAGE))
        for name, path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        if name != "output"
    }
    assert not printing


def test_imports_stand_at_the_top_but_for_a_few() -> None:
    trees = [ast.parse(path.read_text()) for _, path in modules()]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    inside = {node for function in functions for node in ast.walk(function)}
    late = [node for node in inside if isinstance(node, ast.Import | ast.ImportFrom)]
    assert len(late) < 0.03 * len(functions)


def test_help_loads_nothing_heavy() -> None:
    heavy = ("psycopg", "yoyo", "numpy", "rich", "pgvector", "sqlalchemy", "pydantic")
    code = f"import sys, memdb.cli; memdb.cli.main(['-h']); print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"
