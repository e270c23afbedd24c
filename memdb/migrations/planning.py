"""What a request comes to."""

from typing import TYPE_CHECKING

from memdb.database import Connection
from memdb.ledger import history, plan
from memdb.ledger.plan import Migrate, Plan, Request, Rollback
from memdb.ledger.sqlfiles import Sets

if TYPE_CHECKING:
    from memdb.migrations.saved_plan import SavedPlan


def make_plan(connection: Connection, sets: Sets, request: "Request | SavedPlan") -> Plan:
    """What the request comes to, by the history as it is now. Raises PlanChanged where a saved plan no longer fits."""
    past = history.read(connection, sets)
    if isinstance(request, Migrate | Rollback):
        return plan.make(request, sets, past)
    from memdb.migrations import reviewed

    return reviewed.make_again(request, connection, sets, past)
