"""What is said while a call goes on, in words, where nobody has asked for more."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from memdb.door import lazy

if TYPE_CHECKING:
    from memdb.ledger.plan import Direction
    from memdb.ledger.sqlfiles import Migration
    from memdb.migrations import Hooks
    from memdb.seeding.hooks import Hooks as SeedingHooks

_VERBS = {"migrate": "Applying", "rollback": "Rolling back"}


def of_beginning(direction: "Direction", migration: "Migration") -> str:
    """`Applying 0004_create_memories …`"""
    return f"{_VERBS[direction]} {migration.id} …"


def of_migrating(say: Callable[[str], None]) -> "Hooks":
    """Which migration begins, whom it waits for, and advice; how far an index is needs more than words."""
    return lazy.migrations.Hooks(
        on_start=lambda direction, migration: say(of_beginning(direction, migration)),
        on_wait=lambda whom: say(f"Waiting for {whom}"),
        on_advice=lambda advice: say(advice) if advice else None,
    )


def of_loading(say: Callable[[str], None]) -> "SeedingHooks":
    """What begins after the rows are in, and whom the load waits for."""
    return lazy.hooks.Hooks(
        on_index=lambda name: say(f"Building {name} …"),
        on_vacuum=lambda: say("Vacuuming memories …"),
        on_wait=lambda whom: say(f"Waiting for {whom}"),
    )
