"""Statements that reach beyond the database: told from the text, since they are never run where files are tried."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from memdb import statements
from memdb.linting.findings import Finding, Level
from memdb.statements import Statement


@dataclass(frozen=True, slots=True)
class _Danger:
    """`pattern` is for the words of a statement, after those that open a block."""

    rule: str
    level: Level
    pattern: re.Pattern[str]
    message: str
    help: str


_OPENER = r"(?:.*\b(?:begin|then|else|loop) )?"
_READ_FIRST = "If it is meant, say so in the file: -- squawk-ignore {} -- and why."


def _starts(words: str) -> re.Pattern[str]:
    return re.compile(rf"{_OPENER}(?:{words})")


_DANGERS = (
    _Danger(
        "runs-program",
        "error",
        _starts(r"copy\b.*\b(?:from|to) program\b"),
        "COPY … PROGRAM runs a program on the server, as the user that PostgreSQL runs as.",
        "Run it outside of migrations.",
    ),
    _Danger(
        "server-file",
        "error",
        re.compile(
            rf"{_OPENER}copy\b(?!.*\b(?:program|stdin|stdout)\b).*\b(?:from|to)\b"
            r"|.*\b(?:pg_read_file|pg_read_binary_file|pg_ls_dir|pg_stat_file|pg_file_\w+|lo_import|lo_export)\b"
        ),
        "It reads or writes a file of the server.",
        "Write rows as INSERT, or load them outside of migrations.",
    ),
    _Danger(
        "server-setting",
        "error",
        _starts(r"alter system\b|create tablespace\b|load$"),
        "It changes the server, for all its databases, and no rollback of a transaction takes that back.",
        "Have whoever runs the server do it.",
    ),
    _Danger(
        "reaches-out",
        "warning",
        re.compile(
            rf"{_OPENER}create (?:subscription|server|foreign data wrapper)\b|.*\bdblink\w*\b"
            r"|.*\bcreate extension (?:if not exists )?(?:postgres_fdw|file_fdw|http|pg_net|adminpack)\b"
        ),
        "With this the server reads files, or connects to other machines.",
        "Make sure who may use it, and that no password is in the file.",
    ),
    _Danger(
        "makes-role",
        "warning",
        _starts(r"(?:create|alter|drop) (?:role|user|group)\b(?! mapping\b)"),
        "Roles belong to all databases of the server, and a migration is applied in many.",
        "Have the roles made once by whoever runs the server, and grant to them here.",
    ),
)
_LANGUAGE, _DEFINER = "untrusted-language", "definer-search-path"
RULES = frozenset({danger.rule for danger in _DANGERS} | {_LANGUAGE, _DEFINER})

_BORROWED = (
    "A SECURITY DEFINER function without a search_path of its own: whoever calls it chooses what its names mean, and "
    "runs that with the rights of its owner."
)
_TRUSTED = {"sql", "plpgsql", "plperl", "pltcl", "plv8", "plrust"}
_BODY = re.compile(r"\$(?P<tag>\w*)\$(?P<body>.*?)\$(?P=tag)\$|'(?P<literal>(?:[^']|'')*)'", re.DOTALL)
_DOLLAR_QUOTED = re.compile(r"\$(\w*)\$.*?\$\1\$", re.DOTALL)
_NAMED_LANGUAGE = re.compile(r"""\blanguage\s+(?:'(?P<literal>\w+)'|"?(?P<name>\w+)"?)""", re.IGNORECASE)
_ROUTINE = re.compile(r"create (?:or replace )?(?:function|procedure)\b")
_ALTERED = re.compile(r"alter (?:function|procedure|routine)\b")
_MADE_LANGUAGE = re.compile(r"create (?:or replace )?(?:trusted )?(?:procedural )?language\b")
_MADE_EXTENSION = re.compile(r"create\s+extension\s+(?:if\s+not\s+exists\s+)?\"?(pl\w+u)\b", re.IGNORECASE)
_SETS_PATH = re.compile(r"\bset search_path\b")


def find(sql: str, file: str) -> Iterator[Finding]:
    """What the statements of a file reach, and those in its DO blocks and the bodies of its functions."""
    for statement in statements.split(sql):
        for part in (statement, *_inner(statement)):
            line, column = statements.line_and_column(sql, part.start)
            for rule, level, message, help_ in _of_statement(part):
                yield Finding(file, line, column, rule, level, message, f"{help_} {_READ_FIRST.format(rule)}")


def _inner(statement: Statement) -> Iterator[Statement]:
    words = " ".join(statement.words)
    if statement.words[:1] == ("do",) or _ROUTINE.match(words):
        for body in _BODY.finditer(statement.text):
            group = "body" if body["literal"] is None else "literal"
            for inner in statements.split(body[group]):
                yield Statement(inner.text, statement.start + body.start(group) + inner.start)


def _of_statement(statement: Statement) -> Iterator[tuple[str, Level, str, str]]:
    words = " ".join(statement.words)
    for danger in _DANGERS:
        if danger.pattern.match(words):
            yield danger.rule, danger.level, danger.message, danger.help
    if language := _untrusted(statement, words):
        yield (
            _LANGUAGE,
            "error",
            f"What is written in {language} does on the server what its operating system user may.",
            "Write it in SQL or PL/pgSQL.",
        )
    is_routine = _ROUTINE.match(words) or _ALTERED.match(words)
    if is_routine and "security definer" in words and not _keeps_names(words):
        yield _DEFINER, "error", _BORROWED, "Add SET search_path = pg_catalog, pg_temp, and write out other schemas."


def _keeps_names(words: str) -> bool:
    """A body that is bound when the function is made looks for no name later."""
    return bool(_SETS_PATH.search(words)) or "begin atomic" in words


def _untrusted(statement: Statement, words: str) -> str | None:
    if made := _MADE_EXTENSION.match(statement.text):
        return made[1].lower()
    is_block = statement.words[:1] == ("do",)
    if not (is_block or _ROUTINE.match(words) or _MADE_LANGUAGE.match(words)):
        return None
    found = _NAMED_LANGUAGE.search(_DOLLAR_QUOTED.sub("''", statement.text))
    language = (found["literal"] or found["name"]).lower() if found else "sql"
    return None if language in _TRUSTED else language
