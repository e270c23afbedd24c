"""The file in which a dry run is saved: what is written is read again, and nothing else is taken for a plan."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memdb.errors import SetupError, UsageError
from memdb.ledger.plan import Migrate, Rollback
from memdb.migrations import saved_plan
from memdb.migrations.losses import Loss
from memdb.migrations.saved_plan import Entry, Origin, PlanChanged, SavedPlan, SavedStep, State, sha256

SQL = "-- über\r\ncreate table a ();\n"
STEP = SavedStep("0002_a", "core", sha256(SQL), sha256("drop table a;"), tuple(SQL.split("\n")))
STATE = State(
    "public",
    ("public",),
    "public",
    (Entry("0001_b", "00"), Entry("other", None)),
    (),
    ("table",),
    {"table b": sha256("{}")},
)
PLAN = SavedPlan(
    memdb="0.1.0",
    made=Origin("2026-01-31T12:00:00+00:00", "ada", "ada@host:5432/app", "18.1"),
    direction="migrate",
    request=Migrate("0002", ("extra",)),
    steps=(STEP,),
    losses=(),
    state=STATE,
)
ROLLBACK = replace(
    PLAN,
    direction="rollback",
    request=Rollback(None),
    losses=(Loss("0002_a", "table", "public.a", 3), Loss("0002_a", "unknown", "x.sql", None)),
)


@pytest.mark.parametrize("plan", [PLAN, ROLLBACK], ids=lambda plan: plan.direction)
def test_what_is_written_is_read_again(tmp_path: Path, plan: SavedPlan) -> None:
    path = tmp_path / "plan.json"
    saved_plan.write(path, plan)
    assert saved_plan.read(path, plan.direction) == plan


def test_a_person_can_read_the_sql_line_by_line(tmp_path: Path) -> None:
    saved_plan.write(tmp_path / "plan.json", PLAN)
    text = (tmp_path / "plan.json").read_text()
    assert '"-- über\\r",\n' in text
    assert '"create table a ();",\n' in text


def test_a_plan_agrees_to_lose_what_it_shows() -> None:
    assert ROLLBACK.agreement.steps == ("0002_a",)
    assert ROLLBACK.agreement.losses == ROLLBACK.losses


def test_a_plan_of_the_other_direction_is_told_and_how_to_run_it(tmp_path: Path) -> None:
    saved_plan.write(tmp_path / "plan.json", ROLLBACK)
    with pytest.raises(PlanChanged, match="a plan to roll back, and not to migrate") as caught:
        saved_plan.read(tmp_path / "plan.json", "migrate")
    assert caught.value.changes
    assert "memdb rollback --plan" in caught.value.hint


def edited(edit: Callable[[Any], object]) -> str:
    """The text of a plan after somebody has changed it."""
    content = json.loads(saved_plan.to_json(PLAN))
    edit(content)
    return json.dumps(content)


NOT_PLANS = {
    "empty": ("", "cannot be used"),
    "no-json": ("create table a ();", "cannot be used"),
    "other-json": ('{"results": []}', "it is not one"),
    "a-list": ("[1]", "it is not one"),
    "nan": ("NaN", "it is not one"),
    "deep": ("[" * 100_000, "too deeply"),
    "long-number": ('{"memdb_plan": ' + "9" * 5000 + "}", "cannot be used"),
    "format-2": (edited(lambda plan: plan.update(memdb_plan=2)), "its format is 2"),
    "format-nan": (edited(lambda plan: plan.update(memdb_plan=float("nan"))), "its format is nan"),
    "format-true": (edited(lambda plan: plan.update(memdb_plan=True)), "its format is True"),
    "unknown-field": (edited(lambda plan: plan.update(force=True)), "'force', which is not known"),
    "unknown-field-within": (edited(lambda plan: plan["steps"][0].update(x=1)), r"steps\[0\] has 'x'"),
    "missing-field": (edited(lambda plan: plan.pop("losses")), "has no 'losses'"),
    "null": (edited(lambda plan: plan.update(steps=None)), "steps is null, and not a list"),
    "text-for-list": (edited(lambda plan: plan.update(steps="0002_a")), "steps is text, and not a list"),
    "number-for-text": (edited(lambda plan: plan["steps"][0].update(id=2)), r"steps\[0\]\.id is a whole number"),
    "nan-for-number": (edited(lambda plan: plan["request"].update(to=float("nan"))), "request.to is a number"),
    "unknown-direction": (edited(lambda plan: plan.update(direction="sideways")), "direction is text, and not one of"),
    "two-directions": (edited(lambda plan: plan.update(request={"steps": 1, "to": None})), "its request is not"),
    "surrogate": (edited(lambda plan: plan["steps"][0].update(id="\ud800")), "no character"),
    "other-sql": (edited(lambda plan: plan["steps"][0].update(sql=["drop table a;"])), "the file was changed"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "reason"), NOT_PLANS.values(), ids=NOT_PLANS)
def test_what_is_no_plan_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "plan.json"
    path.write_text(text)
    with pytest.raises(SetupError, match=reason) as caught:
        saved_plan.read(path, "migrate")
    assert "--save-plan" in caught.value.hint


def named_pipe(path: Path) -> None:
    os.mkfifo(path)


def huge(path: Path) -> None:
    path.touch()
    os.truncate(path, saved_plan.LARGEST_BYTES + 1)


def latin_1(path: Path) -> None:
    path.write_bytes(b'{"memdb_plan": "\xe9"}')


@pytest.mark.parametrize("make", [named_pipe, huge, latin_1, Path.mkdir, lambda _: None])
def test_odd_files_are_no_plans(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "odd")
    with pytest.raises(SetupError, match="cannot be used as a saved plan: "):
        saved_plan.read(tmp_path / "odd", "migrate")


def test_an_earlier_plan_and_an_empty_file_are_written_over_and_nothing_else_is(tmp_path: Path) -> None:
    for name, text in {"empty": "", "plan": '{"memdb_plan": 99}'}.items():
        (tmp_path / name).write_text(text)
        saved_plan.write(tmp_path / name, PLAN)
    for text in ("select 1;", '{"a": 1}', "[]", "7"):
        (tmp_path / "other").write_text(text)
        with pytest.raises(UsageError, match="is not a saved plan"):
            saved_plan.write(tmp_path / "other", PLAN)
        assert (tmp_path / "other").read_text() == text
    for place, reason in (
        ("missing/plan.json", "there is no folder"),
        ("x" * 300, "too long"),
        (".", "not a regular file"),
    ):
        with pytest.raises(UsageError, match=reason):
            saved_plan.check_place(tmp_path / place)


def test_a_plan_that_could_not_be_read_again_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_plan, "LARGEST_BYTES", 100)
    with pytest.raises(SetupError, match="larger than 100 bytes"):
        saved_plan.write(tmp_path / "plan.json", PLAN)
    assert list(tmp_path.iterdir()) == []
