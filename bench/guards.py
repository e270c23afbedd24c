"""`python -m bench.guards without COMMAND …` is memdb without what makes a run safe; `with`, it is memdb as it is.

Both start alike, so that what they take can be compared.
"""

import sys
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from memdb import cli, database
from memdb.ledger import changes, homes
from memdb.ledger.sqlfiles import Migration
from memdb.migrations import session

_NO_CHANGES = SimpleNamespace(require_none=lambda: None)
# The look for a pooler, the names and time-outs of a session; statements in which names lead to pg_catalog alone; that
# the history is what memdb made; the files' checksums, and their comparison with those that were applied.
GUARDS: tuple[tuple[Any, str, Any], ...] = (
    (session, "prepared", lambda *_: nullcontext()),
    (database, "own_names", lambda *_: nullcontext()),
    (homes, "require", lambda *_: None),
    (Migration, "checksum", ""),
    (changes, "find", lambda *_: _NO_CHANGES),
)


def main(guarded: str, *arguments: str) -> int:
    """Runs a command of memdb and returns its exit code."""
    if guarded == "without":
        for place, name, nothing in GUARDS:
            setattr(place, name, nothing)
    return cli.main(list(arguments))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
