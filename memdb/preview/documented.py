"""The locks of PostgreSQL, and which of them the common kinds of statement take according to its documentation.

https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES has the modes and what conflicts with
what; the pages of the commands have which mode each form of a command takes.
"""

import re
from dataclasses import dataclass

STRENGTH = (
    "ACCESS SHARE",
    "ROW SHARE",
    "ROW EXCLUSIVE",
    "SHARE UPDATE EXCLUSIVE",
    "SHARE",
    "SHARE ROW EXCLUSIVE",
    "EXCLUSIVE",
    "ACCESS EXCLUSIVE",
)
"""Table-level lock modes, the weakest first."""

_NAMES = {mode.replace(" ", "").lower() + "lock": mode for mode in STRENGTH}


@dataclass(frozen=True, slots=True)
class Lock:
    """`blocks` is what other sessions cannot do meanwhile: schema changes, writes too, or reads and writes."""

    relation: str
    mode: str
    blocks: str

    @classmethod
    def of(cls, relation: str, mode: str) -> "Lock":
        return cls(relation, mode, _blocks(mode))


def mode(name: str) -> str:
    """`ShareRowExclusiveLock`, as pg_locks has it, is SHARE ROW EXCLUSIVE."""
    return _NAMES[name.lower()]


def _blocks(mode: str) -> str:
    if mode == "ACCESS EXCLUSIVE":
        return "reads and writes"
    return "writes" if STRENGTH.index(mode) >= STRENGTH.index("SHARE") else "schema changes"


_NAME = r"""(?P<relation>(?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))?)"""
_IF_EXISTS = r"(?:if\s+exists\s+)?"
_ALTER = rf"alter\s+table\s+{_IF_EXISTS}(?:only\s+)?{_NAME}\s+"
_REFERENCES = rf"\breferences\s+{_NAME}"

# The first pattern that fits a statement decides, so the special comes before the general.
_KINDS = tuple(
    (re.compile(pattern, re.IGNORECASE | re.DOTALL), mode)
    for pattern, mode in (
        (rf"create\s+(?:unique\s+)?index\s+concurrently\b.*?\bon\s+(?:only\s+)?{_NAME}", "SHARE UPDATE EXCLUSIVE"),
        (rf"create\s+(?:unique\s+)?index\b.*?\bon\s+(?:only\s+)?{_NAME}", "SHARE"),
        (rf"drop\s+index\s+concurrently\s+{_IF_EXISTS}{_NAME}", "SHARE UPDATE EXCLUSIVE"),
        (rf"drop\s+(?:index|table|materialized\s+view|view|sequence)\s+{_IF_EXISTS}{_NAME}", "ACCESS EXCLUSIVE"),
        (rf"{_ALTER}(?:validate\s+constraint|cluster\s+on|alter\s+(?:column\s+)?\S+\s+set\s+statistics)\b",
         "SHARE UPDATE EXCLUSIVE"),
        (rf"{_ALTER}add\s+(?:constraint\s+\S+\s+)?foreign\s+key\b", "SHARE ROW EXCLUSIVE"),
        (rf"{_ALTER}(?:enable|disable)\s+trigger\b", "SHARE ROW EXCLUSIVE"),
        (_ALTER, "ACCESS EXCLUSIVE"),
        (rf"create\s+(?:or\s+replace\s+)?(?:constraint\s+)?trigger\b.*?\bon\s+{_NAME}", "SHARE ROW EXCLUSIVE"),
        (rf"(?:create|alter|drop)\s+(?:policy|trigger|rule)\b.*?\bon\s+{_NAME}", "ACCESS EXCLUSIVE"),
        (rf"comment\s+on\s+(?:table|index|view)\s+{_NAME}", "SHARE UPDATE EXCLUSIVE"),
        (r"comment\s+on\s+column\s+(?P<relation>\S+)\.[\w\"]+\s", "SHARE UPDATE EXCLUSIVE"),
        (rf"truncate\s+(?:table\s+)?(?:only\s+)?{_NAME}", "ACCESS EXCLUSIVE"),
        (rf"insert\s+into\s+{_NAME}", "ROW EXCLUSIVE"),
        (rf"(?:update|delete\s+from)\s+(?:only\s+)?{_NAME}", "ROW EXCLUSIVE"),
        (rf"refresh\s+materialized\s+view\s+concurrently\s+{_NAME}", "EXCLUSIVE"),
        (rf"refresh\s+materialized\s+view\s+{_NAME}", "ACCESS EXCLUSIVE"),
        (rf"analyze\s+{_NAME}", "SHARE UPDATE EXCLUSIVE"),
    )
)  # fmt: skip
_LOCKLESS = re.compile(r"(?:create|alter|drop|comment\s+on)\s+(?:or\s+replace\s+)?(?:table|type|function|procedure|"
                       r"schema|extension|domain|sequence|aggregate|operator|cast)\b", re.IGNORECASE)  # fmt: skip
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)


def locks(statement: str) -> tuple[Lock, ...] | None:
    """The locks on existing relations that a statement of this kind takes; None where the kind is not known."""
    text = _COMMENT.sub(" ", statement).strip()
    first = next(((match["relation"], mode) for kind, mode in _KINDS if (match := kind.match(text))), None)
    if first is None and not _LOCKLESS.match(text):
        return None
    found = dict([first] if first else [])
    for referred in re.finditer(_REFERENCES, text, re.IGNORECASE):
        found.setdefault(referred["relation"], "SHARE ROW EXCLUSIVE")
    return tuple(Lock.of(relation, mode) for relation, mode in found.items())
