"""That the comparisons with other programs can still be made: they are run by hand, and call the insides of memdb."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bench
from bench import guards

ROOT = Path(bench.__file__).parent
# The adapters of other systems are imported in environments of their own.
MODULES = sorted(
    ".".join(("bench", *path.relative_to(ROOT).with_suffix("").parts))
    for path in ROOT.rglob("*.py")
    if path.stem not in ("__init__", "__main__") and not path.stem.endswith("_store")
)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_can_be_imported(name: str) -> None:
    importlib.import_module(name)


@pytest.mark.parametrize(("place", "name"), [guard[:2] for guard in guards.GUARDS], ids=[g[1] for g in guards.GUARDS])
def test_what_is_measured_as_a_guard_is_there(place: object, name: str) -> None:
    assert hasattr(place, name)


def test_nothing_is_said_where_the_system_names_no_folder_for_running_programs() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "XDG_RUNTIME_DIR"}
    code = "from bench.programs import program; program('psql')"
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, cwd=ROOT.parent
    )
    assert (result.returncode, result.stderr) == (0, "")
