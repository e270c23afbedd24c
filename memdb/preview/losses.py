"""What a rollback may lose: the tables and columns that it was seen to touch on a temporary database, counted here."""

from collections.abc import Iterable
from itertools import chain

import psycopg

from memdb import database
from memdb.database import Connection
from memdb.ledger.plan import Step
from memdb.migrations import losses
from memdb.migrations.losses import Loss
from memdb.preview.locks import Report


def count(connection: Connection, steps: Iterable[Step], report: Report) -> tuple[Loss, ...]:
    """Those at risk that hold anything, with as much as this role can count, and what could not be tried. Reads only.

    The run itself tries each step on the real rows and counts again; a file may decide by rows what it does.
    What a step changes that was tried on tables which are not there, or not like that, is not known.
    """
    counted: list[Loss] = []
    known = set(report.measured)
    with database.own_names(connection):
        for risk in dict.fromkeys(report.risks):
            try:
                counted.append(losses.counted(connection, risk))
            except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn):
                known.discard(risk.step)
    untried = (losses.of_untried(step) for step in steps if step.id not in known)
    return (*(loss for loss in counted if loss.count != 0), *chain.from_iterable(untried))
