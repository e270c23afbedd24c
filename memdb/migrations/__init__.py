"""Applying migrations and taking them back, and what was done."""

from memdb.ledger.plan import Migrate, Request, Rollback
from memdb.migrations.outcome import Done, Hooks, Run
from memdb.migrations.running import migrate, rollback, run
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
