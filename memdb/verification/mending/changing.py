"""Statements that give an object that is there the attributes that it should have."""

from collections.abc import Callable

from memdb.verification.mending import columns, tables, types, views
from memdb.verification.mending.creating import comment
from memdb.verification.mending.differing import Differing


def change(differing: Differing) -> list[str]:
    """The statements that give an object what it should have; none where only the migration's own file will do."""
    others = sorted(name for name in differing.attributes if name != "comment")
    lines: list[str] = []
    if others:
        way = _CHANGE.get(differing.key.kind)
        if way is None or not (lines := way(differing, others)):
            return []
    if "comment" in differing.attributes:
        lines = [*lines, comment(differing.key, differing.expected, differing.expected.get("comment"))]
    return list(dict.fromkeys(lines))


_CHANGE: dict[str, Callable[[Differing, list[str]], list[str]]] = {
    "enum": types.enum,
    "domain": types.domain,
    "sequence": types.sequence,
    "table": tables.table,
    "column": columns.column,
    "constraint": tables.constraint,
    "index": tables.index,
    "statistics": tables.statistics,
    "view": views.view,
    "rule": tables.rule,
    "trigger": tables.trigger,
    "policy": tables.policy,
}
