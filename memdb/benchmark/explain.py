"""Which plans the server uses for a prepared search."""

import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString, TypeAlias

from psycopg import sql

from memdb.benchmark.identity import Identity
from memdb.benchmark.sampling import Query
from memdb.database import Connection, query
from memdb.words import count

_APPROXIMATE = {"hnsw", "ivfflat"}
_QUALIFIED = re.compile(r"OPERATOR\([^()]*?\.([^().]+)\)")
_PARAMETER = re.compile(r"\$(\d)")
_SHARD = re.compile(r"_\d{6,}$")  # their numbers begin at 102008
_SPREAD = "Distributed Query"
_LONG_VECTOR = re.compile(r"\[[-+.,e\d]{60,}\]")


@dataclass(frozen=True, slots=True)
class PlanUse:
    """How `queries` of the searches got to their rows, and whether that way finds all the nearest ones.

    `exact` is None for a function, as EXPLAIN does not look into it.
    """

    access: str
    exact: bool | None
    queries: int


@dataclass(frozen=True, slots=True)
class Plans:
    """The plans in use, the most frequent first, and the whole of that one as EXPLAIN writes it."""

    used: tuple[PlanUse, ...]
    most_frequent: str


def read(
    connection: Connection,
    statement: LiteralString,
    queries: Sequence[Query],
    k: int,
    identity: Identity | None = None,
) -> Plans:
    """The plans of a prepared statement for these queries, run in this order for the second time.

    The server plans the first five runs for their parameters and then, where that is no dearer, one plan for all. So
    the statement is prepared anew and explained through the same sequence of runs; explaining executes nothing, and
    what it decides is what it decided for the runs that were timed. Must be called within a transaction.
    """
    if connection.has_citus:  # which explains no prepared statement; its workers plan each run for its parameters
        explain = _with_values(connection, statement, k, identity)
        roots = [explain(question, "format json")[0]["Plan"] for question in queries]
        return _plans(connection, roots, lambda place: explain(queries[place], "format text"))
    with _prepared(connection, statement, k, identity) as explain:
        for question in queries:
            explain(question, "format json")
        roots = [explain(question, "format json")[0]["Plan"] for question in queries]
        return _plans(connection, roots, lambda place: explain(queries[place], "format text"))


_Explain: TypeAlias = Callable[[Query, LiteralString], list[Any]]


def _with_values(connection: Connection, statement: LiteralString, k: int, identity: Identity | None) -> _Explain:
    """Explains a statement with the values of a question in it."""

    def explain(question: Query, options: LiteralString) -> list[Any]:
        if identity is not None:
            identity.speak_for(connection, question)
        values = [sql.Literal(value).as_string(connection) for value in _values(question, k)]
        written = _PARAMETER.sub(lambda match: values[int(match[1]) - 1], statement)
        return _explained(connection, f"explain ({options}) {written}".encode(), options)

    return explain


@contextmanager
def _prepared(
    connection: Connection, statement: LiteralString, k: int, identity: Identity | None
) -> Iterator[_Explain]:
    """Explains a statement that is prepared for as long as the block lasts."""
    name = f"memdb_{uuid.uuid4().hex}"  # behind a pooler the connection may hold somebody else's statements
    connection.execute(sql.SQL("prepare {} as ").format(sql.Identifier(name)) + sql.SQL(statement))

    def explain(question: Query, options: LiteralString) -> list[Any]:
        if identity is not None:
            identity.speak_for(connection, question)
        return _explain(connection, name, question, k, options)

    yield explain
    connection.execute(sql.SQL("deallocate {}").format(sql.Identifier(name)))


def _plans(connection: Connection, roots: Sequence[Mapping[str, Any]], text_of: Callable[[int], list[Any]]) -> Plans:
    methods = _access_methods(connection, roots)
    ways = [_way(root, methods) for root in roots]
    counts = Counter(ways).most_common()
    text = "\n".join(text_of(ways.index(counts[0][0])))
    text = _LONG_VECTOR.sub("[…]", _QUALIFIED.sub(r"\1", text))
    return Plans(tuple(PlanUse(*way, number) for way, number in counts), text)


def _explain(connection: Connection, name: str, question: Query, k: int, options: LiteralString) -> list[Any]:
    command = sql.SQL("explain (" + options + ") execute {} ({})").format(
        sql.Identifier(name), sql.SQL(", ").join(map(sql.Literal, _values(question, k)))
    )
    return _explained(connection, command, options)


def _values(question: Query, k: int) -> list[object]:
    return [question.user_id, question.embedding_text, question.memory_id, k]


def _explained(connection: Connection, command: sql.Composed | bytes, options: LiteralString) -> list[Any]:
    found = [value for (value,) in connection.execute(command)]
    return found if options == "format text" else list(found[0])


def _access_methods(connection: Connection, roots: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    names = {_bare(node["Index Name"]) for root in roots for node in _nodes(root) if "Index Name" in node}
    return dict(connection.execute(query("benchmark", "access_methods"), [sorted(names)]).fetchall())


def _way(root: Mapping[str, Any], methods: Mapping[str, str]) -> tuple[str, bool | None]:
    """How the rows are reached, in words, and whether the result is exact."""
    nodes = list(_nodes(root))
    leaves = [_leaf(node, methods) for node in nodes if not list(_inner(node)) and not _beside_rows(node)]
    approximate = any("Order By" in node and methods.get(_bare(node["Index Name"])) in _APPROXIMATE for node in nodes)
    ordered = ", then sorted" if any(node["Node Type"] in ("Sort", "Incremental Sort") for node in nodes) else ""
    hidden = any(node["Node Type"] == "Function Scan" and not _beside_rows(node) for node in nodes)
    shards = [int(node[_SPREAD]["Job"]["Task Count"]) for node in nodes if _SPREAD in node]
    where = f", on {count(max(shards), 'shard')}" if shards else ""
    return " and ".join(dict.fromkeys(leaves)) + ordered + where, None if hidden else not approximate


def _beside_rows(node: Mapping[str, Any]) -> bool:
    """Whether a leaf reads what is reached elsewhere, or a value that is computed once, such as a policy's user."""
    once = node["Node Type"] == "Result" and node.get("Parent Relationship") == "InitPlan"
    return once or node["Node Type"] == "CTE Scan" or node.get("Function Name") == "read_intermediate_result"


def _leaf(node: Mapping[str, Any], methods: Mapping[str, str]) -> str:
    if "Index Name" in node:
        name = _bare(node["Index Name"])
        return f"{name} ({methods.get(name, 'index')})"
    kind = str(node["Node Type"]).lower()
    thing = node.get("Relation Name") or node.get("Function Name")
    return f"{kind} of {_bare(thing)}" if thing else kind


def _bare(name: str) -> str:
    """The name of a table or an index without the number of its shard."""
    return _SHARD.sub("", name)


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in _inner(node):
        yield from _nodes(child)


def _inner(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The nodes below one, those that run on a worker of a Citus cluster among them."""
    yield from node.get("Plans", ())
    spread = node.get(_SPREAD, {})
    for subplan in spread.get("Subplans", ()):
        yield from (planned["Plan"] for planned in subplan["PlannedStmt"])
    for task in spread.get("Job", {}).get("Tasks", ()):
        yield from (remote["Plan"] for remotes in task.get("Remote Plan", ()) for remote in remotes)
