"""Where the statements of an SQL text begin and end, by the lexical rules of PostgreSQL.

Needed to say which statement of a file failed and to look at statements before they run; the text itself is always
sent to the server whole. The rules are those of psql's scanner (src/fe_utils/psqlscan.l) with
standard_conforming_strings on: nested comments, dollar quotes, escape strings, and semicolons inside `begin atomic`
bodies. Time and memory grow with the text and with nothing in it: no loop of a pattern can be backed out of, and what
is of no interest is passed over in one match.
"""

import bisect
import functools
import itertools
import re
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

EXCERPT_WIDTH = 70


def _all(alternatives: str) -> str:
    """A pattern for as many of these as there are, none of which is given back.

    Python before 3.11.5 may find nothing after a possessive loop of alternatives (CPython issue 106052). There it is an
    atomic group, which takes more memory.
    """
    return f"(?:{alternatives})*+" if sys.version_info >= (3, 11, 5) else f"(?>(?:{alternatives})*)"


# To PostgreSQL every character beyond ASCII is a letter, and only these six are white space. The classes say what of
# ASCII is not in them: ranges that reach to the last character are slow to compile.
_SPACE = r" \t\n\r\f\v"
_LETTER = r"[^\x00-@\[-^`{-\x7f]"
_WORD = rf"{_LETTER}[^\x00-#%-/:-@\[-^`{{-\x7f]*+"
_DOLLAR_QUOTE = rf"\$(?:{_LETTER}[^\x00-/:-@\[-^`{{-\x7f]*+)?\$"
_LINE_COMMENT = r"--[^\r\n]*+"
# Two quotes in a row end a literal and begin the next one, which is as good here as a quote inside of one. Not so
# where a backslash is an escape: the string goes on after two quotes, and in a literal on the next line.
_BEFORE_LINE_END = _all(rf"[ \t\f\v]|{_LINE_COMMENT}")
_AFTER_LINE_END = _all(rf"[{_SPACE}]|{_LINE_COMMENT}")
_CONTINUED = rf"'{_BEFORE_LINE_END}[\r\n]{_AFTER_LINE_END}'"
_ESCAPED = rf"[^'\\]++|\\(?:.|\Z)|''|{_CONTINUED}"
_QUOTED = rf"""
      [eE]'{_all(_ESCAPED)}(?:'|\Z)
    | (?:[bBnNxX]|[uU]&)?'[^']*+(?:'|\Z)
    | (?:[uU]&)?"[^"]*+(?:"|\Z)
"""
_PASSED_OVER = rf"""
      [\x00-!#%&*+,.<=>?@\[\]^`{{|}}~\x7f]++
    | {_QUOTED}
    | [0-9]++(?:{_WORD})?  # a number; what follows without a space is taken for part of it
    | {_LINE_COMMENT}
    | -(?!-) | /(?!\*) | :[:=] | :(?!['"]|{_LETTER})
    | (?!{_DOLLAR_QUOTE})\$
"""
_FOUND = rf"""
      (?P<semicolon>;)
    | (?P<block_comment>/\*)
    | (?P<dollar_quote>{_DOLLAR_QUOTE})
    | (?P<psql>[\\:])
"""
_SEPARATOR = re.compile(_all(rf"{_PASSED_OVER}|{_WORD}|[()]++") + rf"(?:{_FOUND})?", re.VERBOSE | re.DOTALL)
_TOKEN = re.compile(
    _all(_PASSED_OVER) + rf"(?:{_FOUND}|(?P<word>{_WORD})|(?P<parentheses>[()]++))?", re.VERBOSE | re.DOTALL
)
_BLANK = re.compile(_all(rf"[{_SPACE};]++|{_LINE_COMMENT}"))
_COLON_OF_SQL = re.compile(r"\[|json_object", re.IGNORECASE)  # array[1:n], json_object('key': value)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_LINE_END = re.compile(r"\r\n?|\n")


@dataclass(frozen=True, slots=True)
class Statement:
    """`text` without its semicolon and leading comments; `start` is its offset in the file, in characters."""

    text: str
    start: int

    @property
    def words(self) -> tuple[str, ...]:
        """The bare words, lower-case and in order: no names in quotes, strings or comments."""
        return tuple(_words(self.text))

    @property
    def for_psql(self) -> int | None:
        """The offset in `text` of the first thing that only psql understands: `\\command`, `:variable`."""
        if "\\" not in self.text and ":" not in self.text:
            return None
        bound = _COLON_OF_SQL.search(self.text)
        for kind, begin, _ in _tokens(_SEPARATOR, self.text):
            if kind == "psql" and (self.text[begin] == "\\" or bound is None or begin < bound.start()):
                return begin
        return None


def split(sql: str) -> list[Statement]:
    """The statements of `sql` in order; empty ones are left out, as the server leaves them out."""
    statements = []
    end = 0
    while (start := _skip_blank(sql, end)) < len(sql):
        end = _statement_end(sql, start)
        statements.append(Statement(sql[start:end].rstrip(" \t\n\r\f\v"), start))
    return statements


def _statement_end(sql: str, start: int) -> int:
    """The offset of the semicolon that ends the statement at `start`, or of the end of the text."""
    if sql[start : start + len("create")].lower() == "create":
        return _end_of_create(sql, start)
    tokens = _tokens(_SEPARATOR, sql, start)
    return next((begin for kind, begin, _ in tokens if kind == "semicolon"), len(sql))


def _end_of_create(sql: str, start: int) -> int:
    """Only these statements hold semicolons of their own: the parentheses of a rule, and `begin atomic … end`."""
    routine = not {"function", "procedure"}.isdisjoint(itertools.islice(_words(sql, start), 4))
    depth = body_depth = 0
    previous, previous_end = "", start
    for kind, begin, end in _tokens(_TOKEN, sql, start):
        if kind == "semicolon" and depth <= 0 and body_depth == 0:
            return begin
        if kind == "parentheses":
            depth += sql.count("(", begin, end) - sql.count(")", begin, end)
        elif kind == "word" and routine and sql[begin - 1] != ".":
            word = sql[begin:end].lower()
            before = previous if _skip_blank(sql, previous_end) == begin else ""
            body_depth += _deeper(before, word, body_depth)
            previous, previous_end = word, end
    return len(sql)


def _deeper(before: str, word: str, depth: int) -> int:
    """How many levels a word begins or ends of `begin atomic … end`, in which `case … end` is a level, too.

    `before` is the word right before it.
    """
    if depth == 0:
        return int((before, word) == ("begin", "atomic"))
    return 0 if before == "as" else {"case": 1, "end": -1}.get(word, 0)  # after `as` it names a column


def _words(sql: str, start: int = 0) -> Iterator[str]:
    return (sys.intern(sql[begin:end].lower()) for kind, begin, end in _tokens(_TOKEN, sql, start) if kind == "word")


def _tokens(pattern: re.Pattern[str], sql: str, start: int = 0) -> Iterator[tuple[str, int, int]]:
    """Kind, begin and end of what the pattern finds; everything else is passed over."""
    position = start
    while (match := pattern.match(sql, position)) and (kind := match.lastgroup):
        begin, position = match.span(kind)
        if kind == "block_comment":
            position = _block_comment_end(sql, begin)
        elif kind == "dollar_quote":
            closing = sql.find(match[kind], position)
            position = len(sql) if closing < 0 else closing + len(match[kind])
        yield kind, begin, position


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
    starts = _line_starts(sql)
    line = bisect.bisect_right(starts, offset)
    return line, offset - starts[line - 1] + 1


@functools.lru_cache(maxsize=1)
def _line_starts(sql: str) -> Sequence[int]:
    """Kept for the last text only, of which somebody may ask for the places of all statements."""
    return array("Q", itertools.chain([0], (line_end.end() for line_end in _LINE_END.finditer(sql))))


def cut(line: str) -> str:
    """Of a long line, as much as a terminal is wide."""
    return line[:EXCERPT_WIDTH] + "…" * (len(line) > EXCERPT_WIDTH)


def excerpt(sql: str, offset: int) -> str:
    """The line at `offset` with a caret under the character; of a long line, as much as a terminal is wide."""
    line, column = line_and_column(sql, offset)
    start = offset - column + 1
    line_end = _LINE_END.search(sql, offset)
    end = line_end.start() if line_end else len(sql)
    left = max(start, min(offset - EXCERPT_WIDTH // 2, end - EXCERPT_WIDTH))
    right = min(end, left + EXCERPT_WIDTH)
    before, after = "…" * (left > start), "…" * (right < end)
    indent = "".join("\t" if character == "\t" else " " for character in before + sql[left:offset])
    return f"{line:>5} | {before}{sql[left:right]}{after}\n      | {indent}^"
