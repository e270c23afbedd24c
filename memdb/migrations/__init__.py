"""Applying migrations and taking them back, what would be done, and what was done."""

import importlib
from typing import TYPE_CHECKING, Any

from memdb.migrations.apply import Hooks, Limits, Run, Step, migrate, rollback
from memdb.migrations.status import MigrationStatus, Status, status

if TYPE_CHECKING:
    from memdb.migrations.preview import DryRun, Loss, PlannedStep, preview_migrate, preview_rollback

__all__ = [
    "DryRun",
    "Hooks",
    "Limits",
    "Loss",
    "MigrationStatus",
    "PlannedStep",
    "Run",
    "Status",
    "Step",
    "migrate",
    "preview_migrate",
    "preview_rollback",
    "rollback",
    "status",
]


def __getattr__(name: str) -> Any:
    """Loads the preview when it is asked for: a run with nothing to do is over before that would be (PEP 562)."""
    if name in __all__:
        return getattr(importlib.import_module("memdb.migrations.preview"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
