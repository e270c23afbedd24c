"""How mends are written: a line each, in which nothing can hide."""

import re

# Control characters, what breaks lines, and what changes the direction of text or is not seen.
_UNSAFE = "\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
_UNSAFE_CHARACTER = re.compile(f"[{_UNSAFE}]")
_TOKEN = re.compile(
    r"""(?P<escaped>\b[eE]'(?:[^'\\]|\\.|'')*')|(?P<literal>'(?:[^']|'')*')|(?P<identifier>"(?:[^"]|"")*")"""
    rf"""|(?P<space>[\s{_UNSAFE}]+)""",
    re.DOTALL,
)


def one_line(sql: str) -> str:
    """The same statement in one line, whatever is in its names and literals; in a comment, with escapes."""
    if sql.startswith("--"):
        return _UNSAFE_CHARACTER.sub(lambda match: f"\\u{ord(match[0]):04x}", sql)
    return _TOKEN.sub(_in_one_line, sql).strip()


def _in_one_line(match: re.Match[str]) -> str:
    text = match[0]
    if match["space"]:
        return " "
    if not _UNSAFE_CHARACTER.search(text):
        return text
    if match["identifier"]:
        return "U&" + _UNSAFE_CHARACTER.sub(lambda found: f"\\{ord(found[0]):04x}", text.replace("\\", "\\\\"))
    escaped = text if match["escaped"] else "E" + text.replace("\\", "\\\\")
    return _UNSAFE_CHARACTER.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped)


def told(*sentences: str) -> list[str]:
    """Lines that are read and not run."""
    return [f"-- {sentence}" for sentence in sentences]


def drop_default(alter: str) -> list[str]:
    """Told: a default is what somebody's `insert` leaves out, and numbers rows where it is nextval()."""
    return told("rows that are written without a value get it, which the application may rely on; to remove it:",
                f"{alter} drop default;")  # fmt: skip


def literal(text: str) -> str:
    """A string literal, for a server with standard_conforming_strings."""
    return "'" + text.replace("'", "''") + "'"


def options(values: dict[str, str]) -> str:
    """Storage parameters, as they stand in parentheses after WITH or SET."""
    return ", ".join(
        f"{name} = {value if re.fullmatch(r'[A-Za-z0-9_.]+', value) else literal(value)}"
        for name, value in values.items()
    )
