"""Whose SQL a folder is, and where a team's own migrations are in it."""

import os
from pathlib import Path

from memdb import shipped
from memdb.errors import UsageError
from memdb.ledger.sqlfiles import CORE, OWN

FIRST_NUMBER = 5001
"""Of the team's own migrations; memdb numbers its own below that."""


def require_own(sql_dir: Path) -> None:
    """Raises UsageError for the SQL that memdb ships, unless that is worked on: in a checkout of memdb itself."""
    directory = shipped.sql_directory().resolve()
    installed = directory.is_relative_to(Path(shipped.__file__).resolve().parent)
    if Path(os.path.realpath(sql_dir)) == directory and (installed or not Path.cwd().is_relative_to(directory.parent)):
        raise UsageError(
            "the SQL that memdb ships must not be changed",
            hint="Make a copy with: memdb init . (or name your own with --sql-dir)",
        )


def default_set(sql_dir: Path) -> str:
    """The set to which new migrations go: the project's own, and core in a folder that has none."""
    return OWN if (sql_dir / OWN).is_dir() else CORE
