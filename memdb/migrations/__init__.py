"""Applying migrations and taking them back, what would be done, and what was done."""

from memdb.migrations.apply import Hooks, Limits, Run, Step, migrate, rollback
from memdb.migrations.preview import DryRun, Loss, PlannedStep, preview_migrate, preview_rollback
from memdb.migrations.status import MigrationStatus, Status, status

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
