"""What was reviewed is what runs: a saved plan is made again exactly, or what has changed since is told."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from memdb import __version__, catalog, database
from memdb.database import Connection
from memdb.ledger import plan
from memdb.ledger.history import Applied, History
from memdb.ledger.plan import Migrate, Plan, Request, Step
from memdb.ledger.sqlfiles import Sets
from memdb.migrations.losses import Loss
from memdb.migrations.saved_plan import (
    Entry,
    Origin,
    PlanChanged,
    SavedPlan,
    SavedStep,
    State,
    direction_of,
    sha256,
)

_SHOWN = 20


def state(connection: Connection, history: History) -> State:
    """What a plan depends on, as it is now: the history, and the catalog of the whole database."""
    names = database.names(connection)
    objects = catalog.read(connection, names.target).objects
    begun = {item.id for item in history.unfinished}
    return State(
        target_schema=names.target,
        search_path=names.path,
        history_schema=history.home.schema,
        applied=tuple(_entry(item) for item in history.applied if item.id not in begun),
        unfinished=tuple(_entry(item) for item in history.unfinished),
        covers=catalog.KINDS,
        catalog={str(key): sha256(json.dumps(attributes, sort_keys=True)) for key, attributes in objects.items()},
    )


def saved(
    connection: Connection, request: Request, planned: Plan, made_for: State, losses: tuple[Loss, ...]
) -> SavedPlan:
    """A plan as it is kept, with what was shown of what it loses."""
    from memdb.migrations.scribe import user_name

    return SavedPlan(
        memdb=__version__,
        made=Origin(
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            by=user_name(),
            database=database.describe(connection),
            server_version=connection.info.parameter_status("server_version") or "",
        ),
        direction=direction_of(request),
        request=request,
        steps=tuple(_kept(step) for step in planned.steps),
        losses=losses,
        state=made_for,
    )


def make_again(kept: SavedPlan, connection: Connection, sets: Sets, history: History) -> Plan:
    """The plan that was reviewed, as steps to run. Raises PlanChanged where it, or what it was made for, is another."""
    changes = [
        *_of_memdb(kept),
        *_of_steps(kept, sets),
        *_of_state(kept.state, state(connection, history)),
    ]
    if not changes:
        planned = plan.make(_up_to_the_last(kept), sets, history)
        changes = list(_of_order(kept, planned))
    if changes:
        shown = [*changes[:_SHOWN], *([f"and {more} more"] if (more := len(changes) - _SHOWN) > 0 else [])]
        raise PlanChanged(
            "\n".join([f"the plan of {kept.made.at} no longer fits, and nothing was run:", *shown]),
            tuple(changes),
            hint=f"Make a new one, and review that: memdb {kept.direction} --dry-run --save-plan FILE",
        )
    return planned


def _entry(item: Applied) -> Entry:
    return Entry(item.id, item.checksum)


def _kept(step: Step) -> SavedStep:
    lines = tuple(step.sql.split("\n"))
    return SavedStep(step.id, step.migration.set, sha256(step.sql), sha256(_opposite(step).sql), lines)


def _opposite(step: Step) -> Step:
    return Step("rollback" if step.direction == "migrate" else "migrate", step.migration)


def _up_to_the_last(kept: SavedPlan) -> Request:
    """What has come after the steps of a plan is not part of it, and is left for another."""
    if isinstance(kept.request, Migrate) and kept.steps:
        return replace(kept.request, to=kept.steps[-1].id)
    return kept.request


def _of_memdb(kept: SavedPlan) -> Iterator[str]:
    if kept.memdb != __version__:
        yield f"it was made by memdb {kept.memdb}, and this is {__version__}"


def _of_steps(kept: SavedPlan, sets: Sets) -> Iterator[str]:
    for then in kept.steps:
        if then.id not in sets.by_id:
            yield f"{then.id} has no file here"
            continue
        now = Step(kept.direction, sets.by_id[then.id])
        if now.migration.set != then.set:
            yield f"{then.id} is in the set {now.migration.set} now, and was in {then.set}"
        if sha256(now.sql) != then.sha256:
            yield f"{now.path} was edited"
        if sha256(_opposite(now).sql) != then.opposite_sha256:
            yield f"{_opposite(now).path} was edited"


def _of_state(then: State, now: State) -> Iterator[str]:
    if then.target_schema != now.target_schema:
        yield f"it was made for the schema {then.target_schema}, and this is {now.target_schema}"
        return  # where all else is another, too
    if then.search_path != now.search_path:
        before, after = (", ".join(state.search_path) for state in (then, now))
        yield f"names were looked for in the schemas {before}, and are looked for in {after} now"
    if then.history_schema != now.history_schema:
        yield f"the history was in the schema {then.history_schema}, and is in {now.history_schema}"
    yield from _of_history(then.applied, now.applied, "applied")
    yield from _of_history(then.unfinished, now.unfinished, "begun and cut short")
    yield from _of_catalog(then.catalog, now.catalog)


def _of_history(then: tuple[Entry, ...], now: tuple[Entry, ...], state: str) -> Iterator[str]:
    before, after = ({entry.id: entry.checksum for entry in entries} for entries in (then, now))
    yield from (f"{id} is {state} now, and was not" for id in after if id not in before)
    yield from (f"{id} was {state}, and is not now" for id in before if id not in after)
    yield from (f"{id} is {state} with another checksum" for id in before if id in after and before[id] != after[id])
    if before == after and list(before) != list(after):
        yield f"what is {state} has another order: {', '.join(after)}"


def _of_catalog(then: dict[str, str], now: dict[str, str]) -> Iterator[str]:
    for key in sorted(then.keys() | now.keys()):
        if key not in then:
            yield f"{key} is new"
        elif key not in now:
            yield f"{key} is gone"
        elif then[key] != now[key]:
            yield f"{key} has changed"


def _of_order(kept: SavedPlan, planned: Plan) -> Iterator[str]:
    then, now = [step.id for step in kept.steps], [step.id for step in planned.steps]
    if new := [id for id in now if id not in then]:
        yield from (f"{id} would run now, too" for id in new)
    elif then != now:
        yield f"the order would be another: {', '.join(now)}"
