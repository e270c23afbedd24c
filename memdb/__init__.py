"""The database layer of an AI companion's memory: migrations, verification, seeding and measurement.

with memdb.open() as db:
    db.migrate()
    assert db.verify().ok
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from memdb.benchmark.preparation import Wanted as Wanted
    from memdb.benchmark.study import Design as Design
    from memdb.benchmark.targets import Targets as Targets
    from memdb.door import Database as Database
    from memdb.door import open as open  # noqa: A004
    from memdb.errors import MemdbError as MemdbError
    from memdb.ledger.plan import Migrate as Migrate
    from memdb.ledger.plan import Rollback as Rollback
    from memdb.lifecycle.pruning import Pace as Pace
    from memdb.migrations.losses import WouldLose as WouldLose
    from memdb.migrations.session import Limits as Limits
    from memdb.search.explaining import Explanation as Explanation
    from memdb.search.question import Question as Question
    from memdb.search.searching import Answer as Answer

__version__ = "0.1.0"

# Loaded when they are asked for, so that the command line, which asks for few, starts at once.
_HOMES = {
    "Answer": "search.searching",
    "Database": "door",
    "Design": "benchmark.study",
    "Explanation": "search.explaining",
    "Limits": "migrations.session",
    "MemdbError": "errors",
    "Migrate": "ledger.plan",
    "Pace": "lifecycle.pruning",
    "Question": "search.question",
    "Rollback": "ledger.plan",
    "Targets": "benchmark.targets",
    "Wanted": "benchmark.preparation",
    "WouldLose": "migrations.losses",
    "open": "door",
}
__all__ = [*_HOMES]  # noqa: PLE0604 - each is a string


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_HOMES]
