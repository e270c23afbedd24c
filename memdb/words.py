"""Numbers, lists and what others have named, in sentences."""

import math
import re
import shlex
from collections.abc import Sequence

# Control characters but the tab, line and paragraph separators, what turns the direction of writing, half surrogates,
# and letters that nobody sees.
_UNSAFE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\U000e0000-\U000e007f]"
)
# A URL, or key=value, with what separates the pairs in libpq, drivers of .NET, and the query of a URL.
_ADDRESS = re.compile(r"""postgres(ql)?(\+\w+)?:/|://\S*@|(^|[\s;,&?"'])(password|passwd|pwd)=\S""", re.IGNORECASE)
LONGEST = 1000  # characters
_PLURALS = {"index": "indexes", "search": "searches", "statistics": "statistics"}


def count(number: int, noun: str) -> str:
    """`1 row`, `2,000 memories`"""
    plural = _PLURALS.get(noun) or (f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s")
    return f"{number:,} {noun if number == 1 else plural}"


def milliseconds(value: float) -> str:
    """Two figures that count: 97 ms, 6.2 ms, 0.31 ms."""
    return f"{value:,.{max(0, 1 - math.floor(math.log10(value))) if 0 < value < 10 else 0}f} ms"


def megabytes(size: float) -> str:
    """82 MB, 0.1 MB."""
    return f"{size / 2**20:,.{0 if size >= 10 * 2**20 else 1}f} MB"


def with_article(noun: str) -> str:
    """`a uuid`, `an integer`"""
    return f"{'an' if noun[0] in 'aeio' else 'a'} {noun}"


def listed(words: Sequence[str]) -> str:
    """`a, b and c`"""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def printable(text: str) -> str:
    r"""The text on one line, with `\n`, `\x1b`, `\u202e` where it has such characters."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def argument(text: str) -> str:
    """A word for a shell: what others have named is put into commands to be pasted, and must not become one."""
    return shlex.quote(printable(text))


def shortened(text: str) -> str:
    """As much of what a server or a user said as leaves room for the rest: it may be as long as a file."""
    more = len(text) - LONGEST
    return text if more <= 0 else f"{text[:LONGEST]}… ({count(more, 'character')} more)"


def may_hold_password(text: str) -> bool:
    """Whether it reads like the address of a database, which is not shown where something else was meant."""
    return _ADDRESS.search(text) is not None
