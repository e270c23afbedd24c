"""What was done, and what is heard of it meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memdb.ledger.plan import Direction
from memdb.ledger.sqlfiles import Migration

if TYPE_CHECKING:
    from memdb.migrations.watch import Build


@dataclass(frozen=True, slots=True)
class Done:
    """One migration that was run."""

    id: str
    set: str
    duration_ms: float
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """What a migrate or rollback really did. `applied` counts what is applied now; `history` is where that is kept."""

    direction: Direction
    steps: tuple[Done, ...]
    applied: int
    history: str


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the caller wants to hear while a run goes on."""

    on_start: Callable[[Direction, Migration], None] = lambda *_: None
    on_wait: Callable[[str], None] = lambda _: None
    on_build: Callable[["Build"], None] = lambda _: None
    on_advice: Callable[[str], None] = lambda _: None
