"""What a migrate or rollback would do and what that locks, without doing it."""

from memdb.preview.dry_run import DryRun, PlannedStep, dry_run
from memdb.preview.rewriting import warnings

__all__ = ["DryRun", "PlannedStep", "dry_run", "warnings"]
