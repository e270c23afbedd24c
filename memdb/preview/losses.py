"""What a rollback may lose: the tables and columns that it was seen to touch on a temporary database, counted here."""

from collections.abc import Iterable

from memdb import database
from memdb.database import Connection
from memdb.migrations import losses
from memdb.migrations.losses import Loss
from memdb.migrations.risks import Risk


def count(connection: Connection, risks: Iterable[Risk]) -> tuple[Loss, ...]:
    """Those at risk that hold anything, with as much as this role can count. Reads only.

    The run itself tries each step on the real rows and counts again; a file may decide by rows what it does.
    """
    with database.own_names(connection):
        found = (losses.counted(connection, risk) for risk in dict.fromkeys(risks))
        return tuple(loss for loss in found if loss.count != 0)
