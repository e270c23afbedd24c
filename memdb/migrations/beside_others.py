"""A migration that is tried on a server with databases and roles of others: nothing of these may change."""

import re
from collections.abc import Collection

from memdb import statements
from memdb.catalog import shared
from memdb.database import Connection
from memdb.errors import StatementFailed
from memdb.ledger.plan import Step
from memdb.migrations.runner import Notices, Runner

_NOT_SUPPORTED = "0A000"
_SERVER_WIDE = re.compile(r"(?:alter|create|drop) (?:database|group|role|system|tablespace|user)\b")


def run(
    connection: Connection, runner: Runner, step: Step, *, own_roles: Collection[str]
) -> tuple[Notices, frozenset[str]]:
    """What the server had to say, and the roles that were made. `own_roles` are there for the trial only.

    Raises StatementFailed, and nothing stays, where what databases share would not be as it was.
    """
    if not step.migration.transactional:
        found = (_SERVER_WIDE.match(" ".join(statement.words)) for statement in statements.split(step.sql))
        _expect_nothing(step, [match[0] for match in found if match])
        return runner.run(step)[1], frozenset()
    with connection.transaction():
        before = shared.read(connection)
        notices = runner.run(step)[1]
        connection.execute("reset session authorization; reset role")
        after = shared.read(connection)
        made = shared.roles(after) - shared.roles(before)
        _expect_nothing(step, shared.changed(before, after, own=made | set(own_roles)))
    return notices, made


def _expect_nothing(step: Step, changed: list[str]) -> None:
    if changed:
        raise StatementFailed(
            f"{step.path.name} would change what belongs to others on that server: {', '.join(changed)}",
            hint="Nothing was done. Name a server that nobody else uses, or let memdb use the embedded one.",
            sqlstate=_NOT_SUPPORTED,
        )
