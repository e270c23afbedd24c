"""What a worker of a Citus cluster refuses, as one server would say it.

The coordinator hands such errors on with the names of shards (`memories_pkey_102016`), without naming the table or the
constraint beside the text, and for rows that are copied with XX000 in place of the code. From its sources:
src/backend/distributed/connection/remote_commands.c and src/backend/distributed/commands/multi_copy.c.
"""

import re
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.errors import lookup
from psycopg.pq import DiagnosticField

from memdb.words import shortened

_HANDED_ON = ("ReportResultError", "ReportCopyError")  # the functions of Citus that do so
_SHARD = re.compile(r'(?<=\w)_\d{6,}(?=")')  # their numbers begin at 102008
_LOST = ("08000", "08001", "08003", "08004", "08006", "58030")  # the last where rows are copied
_ENDED = ("57P01", "57P02", "57P03")
_NODE = re.compile(r"(?:remote node (?:[^\s@]+@)?|connect to |on )(?P<node>[\w.:\[\]-]+:\d+)")
_REASON = re.compile(r"failed with the following error: (?P<reason>.+)")
_CODES = (
    ("23505", re.compile(r'duplicate key value violates unique constraint "(?P<constraint>.+)"')),
    ("23503", re.compile(r'on table "(?P<table>.+)" violates foreign key constraint "(?P<constraint>.+?)"')),
    ("23502", re.compile(r'null value in column "(?P<column>.+)" of relation "(?P<table>.+)" violates not-null')),
    ("23514", re.compile(r'new row for relation "(?P<table>.+)" violates check constraint "(?P<constraint>.+)"')),
)
_FIELDS = {
    "constraint": DiagnosticField.CONSTRAINT_NAME,
    "table": DiagnosticField.TABLE_NAME,
    "column": DiagnosticField.COLUMN_NAME,
}


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A worker, as host and port where the coordinator names it, and why it cannot be reached."""

    node: str | None
    reason: str


def unreachable(error: psycopg.Error) -> Unreachable | None:
    """The worker that an error is about which the coordinator cannot reach, or whose connection was lost."""
    message = error.diag.message_primary or ""
    node = _NODE.search(message) or _NODE.search(error.diag.context or "")
    ended = error.sqlstate in _ENDED or message.startswith("terminating connection")
    is_handed_on = error.diag.source_function in _HANDED_ON
    if not (ended and is_handed_on) and (error.sqlstate not in _LOST or node is None):
        return None
    reason = _REASON.search(message)
    said = (
        reason["reason"] if reason else error.diag.message_detail or (message if ended else "the connection was lost")
    )
    return Unreachable(node["node"] if node else None, shortened(said.strip()))


def as_on_one_server(error: psycopg.Error) -> psycopg.Error:
    """The error that one server would raise; the same where no worker has."""
    if error.diag.source_function not in _HANDED_ON:
        return error
    fields: dict[int, bytes | None] = {field: _field(error, field) for field in DiagnosticField}
    message = _without_shards(error.diag.message_primary)
    fields[DiagnosticField.MESSAGE_PRIMARY] = message.encode()
    fields[DiagnosticField.MESSAGE_DETAIL] = _without_shards(error.diag.message_detail).encode() or None
    for code, pattern in _CODES:
        if found := pattern.search(message):
            fields[DiagnosticField.SQLSTATE] = code.encode()
            fields |= {_FIELDS[name]: value.encode() for name, value in found.groupdict().items()}
    code = (fields[DiagnosticField.SQLSTATE] or b"").decode()
    return _class(code)(message, info=fields)


def _field(error: psycopg.Error, field: DiagnosticField) -> bytes | None:
    value: Any = getattr(error.diag, field.name.lower(), None)
    return None if value is None else str(value).encode()


def _without_shards(text: str | None) -> str:
    return _SHARD.sub("", text or "")


def _class(code: str) -> type[psycopg.Error]:
    try:
        return lookup(code)
    except KeyError:
        return psycopg.DatabaseError
