"""The package is typed for those who use it: what docs/python.md shows passes a strict check."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import memdb

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
STRICTLY = "# pyright: strict, reportUnnecessaryTypeIgnoreComment=true, reportDuplicateImport=false"
RESULTS = """
from typing import assert_type

from memdb.benchmark.study import Study
from memdb.ledger.status import Status
from memdb.linting.lint import Review
from memdb.migrations import Run
from memdb.migrations.baseline import Baseline
from memdb.migrations.repair import Repair
from memdb.preview import DryRun
from memdb.seeding.resetting import Reset
from memdb.seeding.seed import Seeding
from memdb.verification.snapshot import Snapshot
from memdb.verification.verify import Verification


def typed(db: memdb.Database) -> None:
    assert_type(db.migrate("0006"), Run)
    assert_type(db.rollback(), Run)
    assert_type(db.plan(), DryRun)
    assert_type(db.status(), Status)
    assert_type(db.verify(), Verification)
    assert_type(db.baseline(), Baseline)
    assert_type(db.repair(db.propose_repair()), Repair)
    assert_type(db.seed(), Seeding)
    assert_type(db.unseed(), Reset)
    assert_type(db.benchmark(), Study)
    assert_type(db.lint(), Review)
    assert_type(db.snapshot(), Snapshot)
    db.migrate(3)  # type: ignore[arg-type]
"""


ROWS = """
from typing import assert_type
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

import memdb.models
from memdb.store import MemoryStore, Neighbour


def typed(memory: Memory, question: Question, default: memdb.models.Memory) -> None:
    assert_type(memory.user_id, KEY)
    assert_type(Memory.user_id, InstrumentedAttribute[KEY])
    assert_type(memory.embedding, list[float] | None)
    assert_type(default.user_id, UUID)
    assert_type(question.user_id, KEY)
    select(Memory).where(Memory.user_id == question.user_id)
    Question(user_id=b"", embedding=[])  # type: ignore[arg-type]


async def searched(session: AsyncSession, question: Question) -> None:
    store = MemoryStore(session, Memory)
    assert_type((await store.nearest(question))[0], Neighbour[KEY])
    assert_type(await store.get(UUID(int=1), user_id=question.user_id), Memory | None)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """What docs/python.md shows, and which types its results have."""
    program = tmp_path / "program.py"
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    program.write_text("\n".join([STRICTLY, *examples, RESULTS]))
    return program


def check(checker: str, folder: Path, *options: str) -> None:
    pytest.importorskip(checker, reason="the group check is not installed")
    command = [sys.executable, "-m", checker, *options]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_pyright_finds_nothing_in_a_program_of_somebody_else(program: Path) -> None:
    check("pyright", program.parent, "--pythonpath", sys.executable, program.name)


def test_mypy_finds_nothing_either_nor_in_models_and_schemas_by_whatever_ids_users_have(program: Path) -> None:
    application = (Path(__file__).parents[1] / "clerk.py").read_text().partition("\n\n")[2]
    application = application.replace("mapped_column(Text, ", "mapped_column(")
    for key in ("str", "int", "UUID"):
        of_key = ROWS.replace("KEY", key) + application.replace("[str]", f"[{key}]")
        program.with_name(f"by_{key}.py").write_text(of_key)
    check("mypy", program.parent, "--strict", "--warn-unused-ignores", ".")


def test_the_package_says_that_it_is_typed() -> None:
    assert Path(memdb.__file__).with_name("py.typed").exists()
