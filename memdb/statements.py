"""Where the statements of an SQL text begin and end, by the lexical rules of PostgreSQL.

Needed to say which statement of a file failed and to look at statements before they run; the text itself
is always sent to the server whole. The rules are those of psql's scanner (src/fe_utils/psqlscan.l):
nested comments, dollar quotes, escape strings, and semicolons inside `begin atomic` bodies.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

EXCERPT_WIDTH = 70

_OPAQUE = r"""
      (?P<line_comment> --[^\r\n]* )
    | (?P<block_comment> /\* )
    | (?P<quoted>
          [eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
        | '(?:[^']|'')*(?:'|\Z)
        | "(?:[^"]|"")*(?:"|\Z)
        | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
        | [^\W\d]\w*\$[\w$]*  # a name with a dollar in it opens no quote
      )
    | (?P<semicolon> ; )
"""
_WORDS = r"""
    | (?P<word> [^\W\d]\w* )
    | (?P<open> \( )
    | (?P<close> \) )
"""
_SEPARATOR = re.compile(_OPAQUE, re.VERBOSE | re.DOTALL)
_TOKEN = re.compile(_OPAQUE + _WORDS, re.VERBOSE | re.DOTALL)
_BLANK = re.compile(r"(?:\s+|--[^\r\n]*)*")
_LINE_END = re.compile(r"[\r\n]")
_COMMENT_EDGE = re.compile(r"/\*|\*/")


@dataclass(frozen=True, slots=True)
class Statement:
    """`text` without its semicolon and leading comments; `start` is its offset in the file, in characters."""

    text: str
    start: int

    @property
    def words(self) -> tuple[str, ...]:
        """The bare words, lower-case and in order: no names in quotes, strings or comments."""
        return tuple(self.text[begin:end].lower() for kind, begin, end in _tokens(_TOKEN, self.text) if kind == "word")


def split(sql: str) -> list[Statement]:
    """The statements of `sql` in order; empty ones are left out, as the server leaves them out."""
    statements = []
    position = 0
    while (start := _skip_blank(sql, position)) < len(sql):
        end = _statement_end(sql, start)
        if end > start:
            statements.append(Statement(sql[start:end].rstrip(), start))
        position = end + 1
    return statements


def _statement_end(sql: str, start: int) -> int:
    """The offset of the semicolon that ends the statement at `start`, or of the end of the text."""
    # Only a create statement can hold semicolons of its own; looking at words costs four times as much.
    can_nest = sql[start : start + 6].lower() == "create"
    depth = body_depth = 0
    words: list[str] = []
    for kind, begin, end in _tokens(_TOKEN if can_nest else _SEPARATOR, sql, start):
        if kind == "semicolon" and depth == 0 and body_depth == 0:
            return begin
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth = max(0, depth - 1)
        elif kind == "word":
            words.append(sql[begin:end].lower())
            body_depth = _body_depth(words, body_depth)
    return len(sql)


def _body_depth(words: list[str], depth: int) -> int:
    """How deep in a `begin atomic … end` body the last word is; `case … end` inside it counts as a level."""
    if depth == 0:
        routine = "function" in words[:4] or "procedure" in words[:4]
        return 1 if routine and words[-2:] == ["begin", "atomic"] else 0
    return depth + {"case": 1, "begin": 1, "end": -1}.get(words[-1], 0)


def _tokens(pattern: re.Pattern[str], sql: str, start: int = 0) -> Iterator[tuple[str, int, int]]:
    """Kind, begin and end of what the pattern looks for; everything else is passed over."""
    position = start
    while match := pattern.search(sql, position):
        kind = match.lastgroup or ""
        position = _block_comment_end(sql, match.start()) if kind == "block_comment" else match.end()
        yield kind, match.start(), position


def _skip_blank(sql: str, position: int) -> int:
    """The first offset from `position` that is neither white space nor comment."""
    while True:
        blank = _BLANK.match(sql, position)
        position = blank.end() if blank else position
        if not sql.startswith("/*", position):
            return position
        position = _block_comment_end(sql, position)


def _block_comment_end(sql: str, start: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, start):
        depth += 1 if edge[0] == "/*" else -1
        if depth == 0:
            return edge.end()
    return len(sql)


def line_and_column(sql: str, offset: int) -> tuple[int, int]:
    """Both count from 1, in characters, as editors do. A line ends with LF, CRLF, or CR alone."""
    line_ends = sql.count("\n", 0, offset) + sql.count("\r", 0, offset) - sql.count("\r\n", 0, offset)
    return line_ends + 1, offset - _line_start(sql, offset) + 1


def excerpt(sql: str, offset: int) -> str:
    """The line at `offset` with a caret under the character; of a long line, as much as a terminal is wide."""
    line, _ = line_and_column(sql, offset)
    start = _line_start(sql, offset)
    line_end = _LINE_END.search(sql, offset)
    end = line_end.start() if line_end else len(sql)
    left = max(start, min(offset - EXCERPT_WIDTH // 2, end - EXCERPT_WIDTH))
    right = min(end, left + EXCERPT_WIDTH)
    before, after = "…" * (left > start), "…" * (right < end)
    indent = "".join("\t" if character == "\t" else " " for character in before + sql[left:offset])
    return f"{line:>5} | {before}{sql[left:right]}{after}\n      | {indent}^"


def _line_start(sql: str, offset: int) -> int:
    return max(sql.rfind("\n", 0, offset), sql.rfind("\r", 0, offset)) + 1
