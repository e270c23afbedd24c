"""What would be refused where a plan is going to run: told from what its steps did on a temporary database."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from memdb import database, distribution, pooling, scratch, statements, target, trust, users, words
from memdb.database import MINIMUM_PGVECTOR, Connection, query, version_number
from memdb.errors import DatabaseError, HistoryError, SetupError, StatementFailed, UsageError
from memdb.ledger import history, homes
from memdb.ledger.plan import Plan
from memdb.migrations import hints, shard_rules

# undefined_table, _column, _object, _function, invalid_schema_name, insufficient_privilege: it may be there in the real
# database, which is like the temporary one in its migrations and tables only.
_DIFFERENT_THERE = {"42P01", "42703", "42704", "42883", "3F000", "42501"}
# Syntax, names, types; dependent objects; transactions; new values of an enum; what no server does: whatever the rows.
_FAILS_ALIKE = ("42", "2B", "25", "55P04", "0A000")
_RUN_THEIRS = "Run the migrations of the application first, or give memdb a search_path that leads to it."
_WRITE_ANEW = "Leave the table as it is, and write the SQL for its key: memdb init DIR --users 'TABLE (COLUMN)'."


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the run would stop at, and what to do about it; `location` is file, line and column where that is known."""

    message: str
    hint: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """The tables of a temporary database by their full names, with schema and a checksum; and its extensions."""

    tables: dict[str, tuple[str, str]]
    extensions: frozenset[str]


def layout(fresh: scratch.Database, *, besides: Collection[str] = ()) -> Layout:
    """The layout that a temporary database has now, but for some tables."""
    found = fresh.connection.execute(query("effects", "shapes")).fetchall()
    tables = {name: (schema, sum) for name, schema, sum in found if name not in besides}
    extensions = fresh.connection.execute(query("effects", "extensions")).fetchall()
    return Layout(tables, frozenset(name for (name,) in extensions))


def of_failure(error: StatementFailed) -> Refusal | None:
    """The refusal that a failure on the temporary database foretells; None where it may be due to that database."""
    may_be_there = error.sqlstate in _DIFFERENT_THERE or hints.is_missing_there(error)
    if may_be_there or not error.sqlstate.startswith(_FAILS_ALIKE):
        return None
    return Refusal(error.message.replace("\n", ", "), error.said, error.location)


def of_users(connection: Connection, fresh: scratch.Database, before: Layout) -> Iterator[Refusal]:
    """Why memories that the plan makes could not refer to the application's users as they really are: where they are
    only tried, a set-up file has made such as are expected.
    """
    if users.candidates(connection, ["memories"]):
        return
    with fresh.connection.transaction(force_rollback=True):
        try:
            expected = target.enter(fresh.connection).shape.users
        except (DatabaseError, UsageError):
            return  # the plan makes no memories, or none of memdb's
    table = users.find(fresh.connection, expected.table)
    if expected.may_be_made or table is None or table.name not in before.tables:
        return
    real = users.candidates(connection, [expected.table], expected.key)
    if not real:
        yield Refusal(f"there is no table {expected.table} to which memories could belong", _RUN_THEIRS)
    elif real[0].problem:
        yield Refusal(real[0].problem, _WRITE_ANEW)
    elif not real[0].has_ids_for(expected.key_type):
        yield Refusal(
            f"{expected.table}.{expected.key} is of the type {real[0].key_type}, and memories are to refer to "
            f"{words.with_article(expected.key_type)}",
            _WRITE_ANEW,
        )


def of_beginning(connection: Connection, planned: Plan, trusted: Collection[str]) -> Iterator[Refusal]:
    """What would be refused before the first step: a connection that is not one session, which is no good even where
    nothing is to be done, a database that is read-only, a role that may not write down what is done, one that
    others could make use of; `trusted` are the schemas in which they may create.
    """
    home = planned.history.home
    checks: tuple[Callable[[], object], ...] = (
        lambda: pooling.require_session(connection, "a migration"),
        lambda: database.require_writable(connection),
        lambda: homes.require_writable(home),
        lambda: trust.require(connection, home.schema, trusted),
        lambda: history.require_same_target(connection, home, planned.steps[0].id, planned.steps[0].target),
    )
    for check in checks if planned.steps else checks[:1]:
        try:
            check()
        except (SetupError, HistoryError) as error:
            yield Refusal(error.message, error.hint)


def of_cluster(connection: Connection, planned: Plan) -> Iterator[Refusal]:
    """What Citus would refuse of tables that are spread over a cluster."""
    spread = distribution.columns(connection)
    for step in planned.steps:
        if step.id.endswith(distribution.SPREADS):
            return  # the steps after it find them on one server again
        for found in shard_rules.refusals(step.sql, spread):
            line, column = statements.line_and_column(step.sql, found.offset)
            yield Refusal(found.message, found.hint, f"{step.path}:{line}:{column}")


def of_changes(connection: Connection, shapes: Sequence[Layout]) -> tuple[Refusal, ...]:
    """What the role lacks that runs the plan, and the server, for what has changed on the temporary database."""
    if len(shapes) < 2:  # it did not come that far
        return ()
    before, after = shapes
    with database.own_names(connection):
        return (
            *_of_rights(connection, before, after),
            *_of_extensions(connection, after.extensions - before.extensions),
        )


def _of_rights(connection: Connection, before: Layout, after: Layout) -> Iterator[Refusal]:
    both = before.tables.keys() & after.tables.keys()
    needed = {
        "altered": [name for name in both if before.tables[name] != after.tables[name]],
        "dropped": list(before.tables.keys() - after.tables.keys()),
        "schemas": list({after.tables[name][0] for name in after.tables.keys() - before.tables.keys()}),
    }
    for role, kind, name, owner in connection.execute(query("locks", "rights"), needed).fetchall():
        if kind == "table":
            yield Refusal(f"{role} does not own {name}, which would be altered or dropped", f"Connect as {owner}.")
        else:
            yield Refusal(
                f"{role} is not allowed to create in the schema {name}",
                f"Connect as {owner}, or have the privilege granted.",
            )


def _of_extensions(connection: Connection, names: frozenset[str]) -> Iterator[Refusal]:
    for name, version, may_create, role in connection.execute(query("locks", "extensions"), [list(names)]).fetchall():
        if version is None:
            yield Refusal(f"the server does not offer the extension {name}", "Install it on the server.")
        elif name == "vector" and version_number(version) < version_number(MINIMUM_PGVECTOR):
            yield Refusal(
                f"pgvector {version} is too old: memdb needs {MINIMUM_PGVECTOR} or newer",
                "Install a newer pgvector on the server.",
            )
        elif not may_create:
            yield Refusal(
                f"{role} is not allowed to create the extension {name}", "Have a superuser create it once, beforehand."
            )
