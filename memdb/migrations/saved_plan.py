"""A dry run in a file: what was reviewed, and what it was made for; as JSON, to be read by people, too.

Only its form is known here; `reviewed` makes one, and compares one with what is there now.
"""

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memdb import files, records
from memdb.errors import HistoryError, SetupError
from memdb.ledger.plan import Direction, Migrate, Request, Rollback
from memdb.migrations.losses import Agreement, Loss

FORMAT = 1
LARGEST_BYTES = 64 * 1024 * 1024
_FORMAT_KEY = "memdb_plan"


class PlanChanged(HistoryError):
    """A saved plan is not what would run now; nothing was run. `changes` says each thing that differs."""

    def __init__(self, message: str, changes: tuple[str, ...], *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.changes = changes


@dataclass(frozen=True, slots=True)
class Origin:
    """When, by whom and where a plan was made, and the server's version: for people, and compared with nothing."""

    at: str
    by: str
    database: str
    server_version: str


@dataclass(frozen=True, slots=True)
class SavedStep:
    """A file that is to run, with its text, line by line.

    `sha256` is of that text; `opposite_sha256` is of what would undo the step, or of what it undoes.
    """

    id: str
    set: str
    sha256: str
    opposite_sha256: str
    sql: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A migration in the history, with the checksum of its file at that time. What stock yoyo applied has none."""

    id: str
    checksum: str | None


@dataclass(frozen=True, slots=True)
class State:
    """What a plan was made for: where names lead, the history in its order, and each object of the catalog.

    `catalog` has the SHA-256 of what is known of an object, by its key; `covers` are the kinds of object among them.
    """

    target_schema: str
    search_path: tuple[str, ...]
    history_schema: str
    applied: tuple[Entry, ...]
    unfinished: tuple[Entry, ...]
    covers: tuple[str, ...]
    catalog: dict[str, str]


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """What was asked for, by which version of memdb, what would run for it, and what that would lose."""

    memdb: str
    made: Origin
    direction: Direction
    request: Migrate | Rollback
    steps: tuple[SavedStep, ...]
    losses: tuple[Loss, ...]
    state: State

    @property
    def agreement(self) -> Agreement:
        """To lose what the plan shows, and nothing else."""
        return Agreement(tuple(step.id for step in self.steps), self.losses)


def sha256(text: str) -> str:
    """Of the very text, with its line ends as they are."""
    return hashlib.sha256(text.encode()).hexdigest()


def direction_of(request: Request) -> Direction:
    """The command that a request belongs to."""
    return "migrate" if isinstance(request, Migrate) else "rollback"


def read(path: Path, direction: Direction | None = None) -> SavedPlan:
    """The plan in a file, of this direction. Raises SetupError for what is none, PlanChanged for one of the other."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ValueError(f"it is larger than {LARGEST_BYTES:,} bytes")
        plan = _from_json(files.read_json(path))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SetupError(
            f"{path} cannot be used as a saved plan: {reason}",
            hint=f"Make one with: memdb {direction or 'migrate'} --dry-run --save-plan FILE",
        ) from None
    if direction is not None and plan.direction != direction:
        change = f"it is a plan to {_VERBS[plan.direction]}, and not to {_VERBS[direction]}"
        raise PlanChanged(
            f"{path} does not fit, and nothing was run: {change}",
            (change,),
            hint=f"If that is what you want to run: memdb {plan.direction} --plan FILE",
        )
    return plan


_VERBS: dict[Direction, str] = {"migrate": "migrate", "rollback": "roll back"}


def check_place(path: Path) -> None:
    """Before anything is tried. Raises UsageError where no file can be, or one is that is no saved plan."""
    files.expect_replaceable(path, "plan", "saved plan", lambda found: _FORMAT_KEY in files.read_json(found))


def write(path: Path, plan: SavedPlan) -> None:
    """Writes a plan, over an earlier one, whole or not at all. Raises UsageError like check_place, and SetupError."""
    check_place(path)
    text = to_json(plan)
    if len(text.encode()) > LARGEST_BYTES:
        raise SetupError(
            f"the plan would be larger than {LARGEST_BYTES:,} bytes, and was not saved",
            hint="Plan fewer steps at once, or run them without a saved plan.",
        )
    try:
        files.write(path, text)
    except OSError as error:
        raise SetupError(
            f"the plan cannot be saved as {path}: {error.strerror or os.strerror(error.errno or 0)}",
            hint="Nothing was written. Name another file.",
        ) from None


def to_json(plan: SavedPlan) -> str:
    """The text of the file."""
    return json.dumps({_FORMAT_KEY: FORMAT} | dataclasses.asdict(plan), indent=2, ensure_ascii=False) + "\n"


def _from_json(content: Any) -> SavedPlan:
    if not isinstance(content, dict) or _FORMAT_KEY not in content:
        raise ValueError("it is not one")
    body = {name: value for name, value in content.items() if name != _FORMAT_KEY}
    if type(format := content[_FORMAT_KEY]) is not int or format != FORMAT:
        raise ValueError(f"its format is {format!r:.20}, and this memdb reads {FORMAT}")
    plan: SavedPlan = records.read(SavedPlan, body)
    if direction_of(plan.request) != plan.direction:
        raise ValueError(f"it is a plan to {_VERBS[plan.direction]}, and its request is not")
    for step in plan.steps:
        if sha256("\n".join(step.sql)) != step.sha256:
            raise ValueError(f"the SQL of {step.id} does not match its checksum: the file was changed")
    return plan
