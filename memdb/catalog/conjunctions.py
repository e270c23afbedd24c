"""Conditions, in the form that they have once they were read again from what pg_dump has written.

`a between 1 and 2 and b` is kept as `(a >= 1 and a <= 2) and b`, and written out with these parentheses. Whoever reads
that, as a restored dump is read, keeps one list of three conditions, and writes it out without them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_PART = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<part>[()]|(?<![\w$.])(?:AND|OR)(?![\w$]))""")


@dataclass(slots=True)
class _Group:
    """What is between two parentheses, which are at `start` and `end`; `joined_by` are AND and OR at its own level."""

    start: int
    end: int = 0
    joined_by: set[str] = field(default_factory=set)
    groups: list["_Group"] = field(default_factory=list)


def flat(sql: str) -> str:
    """Without the parentheses around conditions that are joined by the same word as what is around them."""
    if "((" not in sql:
        return sql
    left_out = sorted(position for group in _needless(sql) for position in (group.start, group.end))
    begins = [0, *(position + 1 for position in left_out)]
    return "".join(sql[begin:end] for begin, end in zip(begins, [*left_out, len(sql)], strict=True))


def _needless(sql: str) -> Iterator[_Group]:
    groups = [_read(sql)]
    while groups:  # an expression may be nested more deeply than Python calls functions
        around = groups.pop()
        groups += around.groups
        for group in around.groups:
            if len(group.joined_by) == 1 and group.joined_by == around.joined_by and _is_operand(sql, group, around):
                yield group


def _read(sql: str) -> _Group:
    open_groups = [_Group(-1, len(sql))]
    for match in _PART.finditer(sql):
        part = match["part"]
        if part == "(":
            group = _Group(match.start())
            open_groups[-1].groups.append(group)
            open_groups.append(group)
        elif part == ")" and open_groups[1:]:
            open_groups.pop().end = match.start()
        elif part in ("AND", "OR"):
            open_groups[-1].joined_by.add(part)
    return open_groups[0]


def _is_operand(sql: str, group: _Group, around: _Group) -> bool:
    """Whether it stands by itself between two of the words, and is not what a function is called with, or a list."""
    (word,) = group.joined_by
    before, after = sql[around.start + 1 : group.start].rstrip(), sql[group.end + 1 : around.end].lstrip()
    return (not before or before.endswith((f" {word}", f"\n{word}"))) and (not after or after.startswith(f"{word} "))
