"""Checks of what stands around the database: the way to it, its time-outs, and files with its password."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from memdb import settings, words
from memdb.doctor.checks import Check
from memdb.doctor.facts import Server
from memdb.doctor.findings import Finding
from memdb.doctor.patient import CannotLook, Patient
from memdb.words import listed

_ROWS_PER_SECOND = 2000  # that a build of an HNSW index takes in, seen on two cores
_ROWS = 10_000
_BUILD = ("statement_timeout", "transaction_timeout")
_FILES = (".env", "memdb.toml")
_SECRET = ("PASSWORD", "SECRET", "TOKEN", "KEY", "PWD")


def _pooler(patient: Patient) -> Iterator[Finding]:
    if patient.know("is_pooled"):
        is_told = settings.has_address_for_migrations(patient.place.folder)
        yield Finding(
            "info" if is_told else "warning",
            "this address goes through a transaction pooler",
            patient.know("server").database,
            "Searches and writes are fine. Migrations need a session of their own, and refuse it.",
            "MEMDB_MIGRATION_URL is set, and used for migrations." if is_told else
            "Set MEMDB_MIGRATION_URL to the address of the server itself (Supabase: port 5432, not 6543).",
        )  # fmt: skip


def _time_outs(patient: Patient) -> Iterator[Finding]:
    server: Server = patient.know("server")
    rows = patient.memories.rows
    needed = max(rows, _ROWS) / _ROWS_PER_SECOND
    short = [
        f"{name} ({seconds:g} s)"
        for name, seconds in ((name, int(value) / 1000) for name, value in (t.split("=") for t in server.time_outs))
        if name in _BUILD and seconds < 2 * needed
    ]
    if short:
        yield Finding(
            "warning",
            f"{listed(short)} would end the build of an index",
            f"role {server.role}",
            f"Building the HNSW index again takes some {needed:,.0f} seconds. memdb migrate lifts these limits for "
            "itself; psql, and other tools, do not.",
            "In the session that builds: " + "; ".join(f"set {text.split(' ')[0]} = 0" for text in short) + ".",
        )


def _secrets(patient: Patient) -> Iterator[Finding]:
    if os.name == "nt":
        raise CannotLook("who may read a file is not told by its mode on Windows")
    for name in _FILES:
        path = patient.place.folder / name
        if path.is_file() and _is_open(path) and _holds_secret(path):
            yield Finding(
                "error",
                "everybody on this machine can read a file with a secret",
                str(path),
                "It holds a password or a key, and its mode lets others read it.",
                "Keep it to yourself; and if others use this machine, change the secret.",
                f"chmod go-rwx {words.argument(str(path))}",
            )


def _is_open(path: Path) -> bool:
    """Whether everybody may read it, and enter each folder above it: one's home is often closed to others."""
    real = Path(os.path.realpath(path))
    may_enter = all(folder.stat().st_mode & stat.S_IXOTH for folder in real.parents)
    return bool(real.stat().st_mode & stat.S_IROTH and may_enter)


def _holds_secret(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".toml":
        return any(words.may_hold_password(line) and _has_password(line) for line in text.splitlines())
    values = settings.files.read_dotenv(path)
    return any(value and (name.upper().endswith(_SECRET) or _has_password(value)) for name, value in values.items())


def _has_password(text: str) -> bool:
    """Whether an address in the text has one: postgresql://user:password@host, or password=…"""
    authority = text.partition("://")[2].partition("/")[0]
    return ":" in authority.rpartition("@")[0] or "password=" in text.lower()


CHECKS = (
    Check("pooler", "the address leads through a transaction pooler", _pooler),
    Check("time-outs", "a time-out would end the build of an index", _time_outs),
    Check("secrets", "everybody can read .env or memdb.toml, and a secret is in it", _secrets),
)
