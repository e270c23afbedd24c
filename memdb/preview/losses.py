"""What a rollback may lose: the tables and columns that it was seen to touch on a temporary database, counted here."""

from collections.abc import Iterable
from itertools import chain

from memdb import database
from memdb.database import Connection
from memdb.ledger.plan import Step
from memdb.migrations import losses
from memdb.migrations.losses import Loss
from memdb.preview.locks import Report


def count(connection: Connection, steps: Iterable[Step], report: Report) -> tuple[Loss, ...]:
    """Those at risk that hold anything, with as much as this role can count, and what could not be tried. Reads only.

    The run itself tries each step on the real rows and counts again; a file may decide by rows what it does.
    """
    with database.own_names(connection):
        found = (losses.counted(connection, risk) for risk in dict.fromkeys(report.risks))
        counted = tuple(loss for loss in found if loss.count != 0)
    untried = (losses.of_untried(step) for step in steps if step.id not in report.measured)
    return (*counted, *chain.from_iterable(untried))
