"""Where the statements of an SQL text begin and end, by the lexical rules of PostgreSQL.

Needed to say which statement of a file failed and to look at statements before they run; the text itself
is always sent to the server whole. The rules are those of psql's scanner (src/fe_utils/psqlscan.l):
nested comments, dollar quotes, escape strings, and semicolons inside `begin atomic` bodies.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""
      (?P<line_comment>--[^\n]*)
    | (?P<block_comment>/\*)
    | (?P<escape_string>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z))
    | (?P<string>'(?:[^']|'')*(?:'|\Z))
    | (?P<quoted_name>"(?:[^"]|"")*(?:"|\Z))
    | (?P<dollar_quote>\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z))
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\d[\w.]*)
    | (?P<semicolon>;)
    | (?P<open>\()
    | (?P<close>\))
    | (?P<space>\s+)
    | (?P<other>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_BLANK = {"line_comment", "block_comment", "space"}


@dataclass(frozen=True, slots=True)
class Statement:
    """`text` without its semicolon and leading comments; `start` is its offset in the file, in characters."""

    text: str
    start: int
    words: tuple[str, ...]
    """The bare words of the statement, lower-case and in order: no names in quotes, strings or comments."""


def split(sql: str) -> list[Statement]:
    """The statements of `sql` in order; empty ones are left out, as the server leaves them out."""
    statements: list[Statement] = []
    start: int | None = None
    end = depth = body_depth = 0
    words: list[str] = []
    for kind, begin, stop in _tokens(sql):
        if kind in _BLANK:
            continue
        if kind == "semicolon" and depth == 0 and body_depth == 0:
            if start is not None:
                statements.append(Statement(sql[start:end], start, tuple(words)))
            start, words = None, []
            continue
        start, end = begin if start is None else start, stop
        depth = max(0, depth + {"open": 1, "close": -1}.get(kind, 0))
        if kind == "word":
            words.append(sql[begin:stop].lower())
            body_depth = _body_depth(words, body_depth)
    if start is not None:
        statements.append(Statement(sql[start:end], start, tuple(words)))
    return statements


def _body_depth(words: list[str], depth: int) -> int:
    """How deep in a `begin atomic … end` body the last word is; `case … end` inside it counts as a level."""
    if depth == 0:
        routine = words[0] == "create" and ("function" in words[:4] or "procedure" in words[:4])
        return 1 if routine and words[-2:] == ["begin", "atomic"] else 0
    return depth + {"case": 1, "begin": 1, "end": -1}.get(words[-1], 0)


def _tokens(sql: str) -> Iterator[tuple[str, int, int]]:
    position = 0
    while position < len(sql):
        match = _TOKEN.match(sql, position)
        assert match is not None, "the pattern matches any character"
        kind = "dollar_quote" if match.lastgroup == "tag" else str(match.lastgroup)
        stop = _block_comment_end(sql, position) if kind == "block_comment" else match.end()
        yield kind, position, stop
        position = stop


def _block_comment_end(sql: str, start: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, start):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(sql)


def line_and_column(sql: str, offset: int) -> tuple[int, int]:
    """Both count from 1, in characters, as editors do."""
    line_start = sql.rfind("\n", 0, offset) + 1
    return sql.count("\n", 0, offset) + 1, offset - line_start + 1


def excerpt(sql: str, offset: int) -> str:
    """The line at `offset` with a caret under the character."""
    line, column = line_and_column(sql, offset)
    text = sql.split("\n")[line - 1]
    indent = "".join("\t" if character == "\t" else " " for character in text[: column - 1])
    return f"{line:>5} | {text}\n      | {indent}^"
