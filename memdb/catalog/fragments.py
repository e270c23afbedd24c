"""Pieces of SQL that stand inside of a statement: names, types, expressions, definitions.

PostgreSQL prints them whole. A file in which they are kept can have been written by somebody who wants more to be run
than what the statement says: `text; drop table users`, or `'', drop column content` as what a column is altered to.
"""

import re

_QUOTED = re.compile(r"""\b[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*\"""", re.DOTALL)
_NEVER_PRINTED = re.compile(r"""--|/\*|['"]|\$\w*\$""")
"""Comments, quotes that do not end, and dollar quotes."""
_SEPARATOR = re.compile(r"[()\[\];,]")


def is_whole(text: str, *, listed: bool = False) -> bool:
    """Whether the text stays where it is put: all that it opens it closes, and no separator is outside of that.

    `listed`: of those, commas are no matter.
    """
    bare = _QUOTED.sub(" ", text)
    depth = 0
    for separator in _SEPARATOR.findall(bare):
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(separator, 0)
        if depth < 0 or (depth == 0 and (separator == ";" or (separator == "," and not listed))):
            return False
    return depth == 0 and not _NEVER_PRINTED.search(bare)
