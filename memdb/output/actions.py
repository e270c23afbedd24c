"""What a log of GitHub Actions would take for a command, in text that others have written.

Its runner obeys lines that begin with `::`, whatever they are indented by, and `##[` anywhere in one:
https://github.com/actions/runner/blob/main/src/Runner.Common/ActionCommand.cs
"""

import os
import re
import secrets
from collections.abc import Sequence

_COMMAND = re.compile(r"^\s*::.*::|##\[")
_BEGINNING = re.compile(r"^(\s*:):|(#)#(?=\[)", re.MULTILINE)


def shown(text: str) -> str:
    r"""Lines for people, with `:\x3a` and `#\x23[` where they could be commands."""
    if not _is_read():
        return text
    return _BEGINNING.sub(lambda match: f"{match[1]}\\x3a" if match[1] else f"{match[2]}\\x23", text)


def in_json(text: str) -> str:
    """The same JSON, in which nothing is a command."""
    return text.replace("##[", "#\\u0023[") if _is_read() else text


def in_xml(text: str) -> str:
    """The same XML, in which nothing is a command."""
    return _BEGINNING.sub(lambda match: f"{match[1]}&#58;" if match[1] else f"{match[2]}&#35;", text)


def unread(code: Sequence[str]) -> tuple[list[str], list[str]]:
    """What comes before and after lines that shall stay as they are: where one of them could be a command, the runner
    reads none until it finds a word that nobody could know. As a comment, since the lines may be SQL that is run.
    """
    if not _is_read() or not any(map(_COMMAND.search, code)):
        return [], []
    token = secrets.token_hex(16)
    return ["/*", f"::stop-commands::{token}", "*/"], ["/*", f"::{token}::", "*/"]


def _is_read() -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true"
