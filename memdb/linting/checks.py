"""What can be told from the text of a file and squawk does not look for."""

import itertools
import re
from collections.abc import Iterator, Mapping

from memdb import statements
from memdb.linting.findings import Finding
from memdb.migrations import preflight, shard_rules
from memdb.statements import Statement

RULES = frozenset({"refused", "refused-by-citus", "unguarded-delete", "unguarded-truncate", "unguarded-drop"})

_BODY = re.compile(r"\$(?P<tag>\w*)\$(?P<body>.*)\$(?P=tag)\$", re.DOTALL)
_HOLDS_ROWS = ("table", "schema", "materialized")
_OPENERS = ("if", "case", "loop")


def refused(sql: str, file: str, *, transactional: bool) -> Iterator[Finding]:
    """What memdb would refuse to run."""
    if refusal := preflight.first_refusal(sql, transactional=transactional):
        line, column = statements.line_and_column(sql, refusal.offset)
        yield Finding(file, line, column, "refused", "error", refusal.message, refusal.hint)


def refused_by_citus(sql: str, file: str, spread: Mapping[str, str]) -> Iterator[Finding]:
    """What Citus would refuse of tables that are spread over a cluster, with the column by which each is."""
    for refusal in shard_rules.refusals(sql, spread):
        line, column = statements.line_and_column(sql, refusal.offset)
        yield Finding(file, line, column, "refused-by-citus", "error", refusal.message, refusal.hint)


def unguarded(sql: str, file: str, *, rollback: bool) -> Iterator[Finding]:
    """Statements that lose rows without a condition: no WHERE, and in a DO block no IF around them."""
    for statement in statements.split(sql):
        block = statement.words[:1] == ("do",)
        for part in _unconditional(statement) if block else (statement,):
            if problem := _problem(part.words, drops_count=block and not rollback):
                line, column = statements.line_and_column(sql, part.start)
                yield Finding(file, line, column, problem[0], "error", *problem[1:])


def _unconditional(block: Statement) -> Iterator[Statement]:
    """The statements of a DO block that stand under no IF, CASE or loop."""
    body = _BODY.search(block.text)
    depth = 0
    for inner in statements.split(body["body"] if body else ""):
        depth += _opened(inner.words) - (inner.words[:1] == ("end",) and len(inner.words) > 1)
        skipped = len("begin") if inner.words[:1] == ("begin",) else 0
        first = statements.split(inner.text[skipped:])[:1]
        if body and first and depth == 0:
            yield Statement(first[0].text, block.start + body.start("body") + inner.start + skipped + first[0].start)


def _opened(words: tuple[str, ...]) -> int:
    """How many IF, CASE and LOOP begin here; `if exists` of a drop and CASE in an expression come after other words."""
    follows = ("", "begin", "then", "else", "loop")
    pairs = itertools.pairwise(("", *words))
    return sum(before in follows if word != "loop" else before != "end" for before, word in pairs if word in _OPENERS)


def _problem(words: tuple[str, ...], *, drops_count: bool) -> tuple[str, str, str] | None:
    """Rule, message and help, if the statement loses what it should not."""
    first, second = (*words, "", "")[:2]
    if first == "delete" and "where" not in words:
        return "unguarded-delete", "DELETE without WHERE removes every row.", "Restrict it with WHERE."
    if first == "truncate":
        return "unguarded-truncate", "TRUNCATE removes every row.", "Use DELETE with WHERE."
    if first in ("drop", "alter") and "drop" in words and _cascades(words):
        message = "CASCADE also drops whatever depends on this, which the file does not name."
        return "unguarded-drop", message, "Drop each object by its name."
    if first == "drop" and (second == "owned" or (drops_count and second in _HOLDS_ROWS)):
        return (
            "unguarded-drop",
            f"DROP {second.upper()} loses rows.",
            "Put it under an IF that checks what it is.",
        )
    return None


def _cascades(words: tuple[str, ...]) -> bool:
    pairs = itertools.pairwise(words)
    return any(word == "cascade" and before not in ("delete", "update") for before, word in pairs)
