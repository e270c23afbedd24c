"""Applying migrations and taking them back, and what was done."""

from memdb.ledger.plan import Migrate, Request, Rollback
from memdb.migrations.running import Done, Hooks, Run, migrate, rollback, run
from memdb.migrations.session import Limits

__all__ = [
    "Done",
    "Hooks",
    "Limits",
    "Migrate",
    "Request",
    "Rollback",
    "Run",
    "migrate",
    "rollback",
    "run",
]
