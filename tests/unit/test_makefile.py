"""What make does to an environment that is there: it is the user's, too."""

import subprocess
from pathlib import Path

import pytest

MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.mark.parametrize(("exit_code", "is_made_anew"), [(0, False), (1, True)], ids=["works", "broken"])
def test_an_environment_is_made_anew_only_where_it_does_not_work(
    tmp_path: Path, exit_code: int, is_made_anew: bool
) -> None:
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    python.chmod(0o755)
    command = ["make", "--dry-run", f"--makefile={MAKEFILE}", ".venv/pip"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ("-m venv --clear .venv" in done.stdout) == is_made_anew
