"""The README's quick start and its tasks run as they stand."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
Shell = Callable[[str], str]


def console(section: str) -> str:
    """The commands of the first console block after a heading or words, but for those that install."""
    block = re.search(r"```console\n(.*?)\n *```", README.partition(section)[2], re.DOTALL)
    assert block is not None
    lines = re.sub(r"^ *", "", block[1], flags=re.MULTILINE).replace("$ ", "").split("\n")
    return "\n".join(line for line in lines if not re.match("python3 -m venv|pip install", line))


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    """Runs lines as bash does, up to the first that fails, in a folder and with an embedded server of their own."""
    programs, data = str(Path(sys.executable).parent), Path(tempfile.mkdtemp())
    data.chmod(0o755)  # root's server runs as another user
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MEMDB_")}
    environment |= {"PATH": f"{programs}:{os.environ['PATH']}", "MEMDB_DATA_DIR": str(data)}
    (tmp_path / "remember.py").write_text((ROOT / "examples" / "remember.py").read_text())

    def run(lines: str) -> str:
        script = ["bash", "-euo", "pipefail", "-c", lines]
        done = subprocess.run(script, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    yield run
    run("memdb db reset --yes")
    shutil.rmtree(data)


def test_the_program_that_it_shows_is_the_one_of_the_examples() -> None:
    _, _, code = (ROOT / "examples" / "remember.py").read_text().partition('"""\n\n')
    assert f"```python\n{code}```" in README


def test_the_quick_start_installs_what_the_commands_of_the_readme_need() -> None:
    extras = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    installed = re.findall(r"pip install '.*?\[(.*?)\]'", README.partition("## Quick start")[2].partition("```\n")[0])
    needed = extras - {"embed", "langchain", "langgraph", "local", "parquet"}
    assert [set(names.split(",")) for names in installed] == [needed] * 2


def test_the_quick_start_and_the_tasks_run_as_they_stand(shell: Shell) -> None:
    start = console("## Quick start")
    assert "benchmark-similarity" in start
    told = shell(f"{start} --target-p95-ms 9999\npython remember.py\n{console('**Add a column.**')}")
    assert "0.00 I prefer working in the morning\n" in told
    assert "Applied 1 migration" in told
    assert told.count("The schema is as its migrations make it") == 2
    assert "column memories.importance" not in told


TAKEN_OVER = """
export MEMDB_DATABASE_URL="$(memdb db start)"
memdb migrate
memdb init .
memdb new users_are_ours
echo "alter table users add column email text;
comment on table users is 'People who use the application.';" >> sql/app/5001_users_are_ours.sql
echo "select 1;" >> sql/app/5001_users_are_ours.rollback.sql
memdb snapshot
memdb migrate
memdb verify-schema
memdb rollback --all --yes
python -c "import os, psycopg; print(psycopg.connect(os.environ['MEMDB_DATABASE_URL']).execute(
    'select email from users').fetchall())"
"""


def test_the_stand_in_becomes_the_applications_by_another_comment(shell: Shell) -> None:
    assert shell(TAKEN_OVER).endswith("[]\n")
