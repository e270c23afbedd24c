"""The true neighbours: an exact scan in the snapshot of the searches, kept in a file for the next run.

A kept answer is used only where it must be right. Its file is named by a digest of everything that it follows from: the
server and database, the statement, k, the questions with their embeddings, and the version of each row (id, ctid and
xmin) of the users who are asked for. Where one of their memories changes, or the table is rewritten, the name is
another one. So an old file is never wrong, only unused.
"""

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from memdb import files, trust
from memdb.benchmark import searching
from memdb.benchmark.sampling import Query
from memdb.benchmark.searching import Answer, Search
from memdb.database import Connection, query
from memdb.target import Target

_KEPT = 50  # files, the newest; one holds a few kilobytes


@dataclass(frozen=True, slots=True)
class Truth:
    """The distances of the true neighbours of each question; `reused` says that they come from an earlier run."""

    answers: list[Answer]
    reused: bool


def default_directory() -> Path | None:
    """In the user's cache directory; None for a user without a home."""
    from platformdirs import user_cache_path

    try:
        directory = user_cache_path("memdb") / "truth"
    except RuntimeError:
        return None
    return directory if directory.is_absolute() else None


def find(
    connection: Connection, target: Target, questions: Sequence[Query], k: int, directory: Path | None = None
) -> Truth:
    """The true neighbours, from `directory` where an earlier run left them. Must be called within a snapshot."""
    if _may_expire(connection, target):  # at any moment, without a change to the memories
        return Truth(_scan(connection, target, questions, k, "truth_without_expired"), reused=False)
    if directory is None:
        return Truth(_scan(connection, target, questions, k), reused=False)
    path = directory / f"{_digest(connection, target, questions, k)}.json"
    if (kept := _read(path, len(questions))) is not None:
        return Truth(kept, reused=True)
    answers = _scan(connection, target, questions, k)
    _keep(path, answers)
    return Truth(answers, reused=False)


def _may_expire(connection: Connection, target: Target) -> bool:
    there = connection.value(query("benchmark", "find_memories_expired"), {"memories": target.memories})
    return bool(there) and not trust.open_to_others(connection, target.schema)


def _scan(
    connection: Connection, target: Target, questions: Sequence[Query], k: int, block: str = "truth"
) -> list[Answer]:
    return searching.run_all(Search(connection, target.query("benchmark", block), k), questions)


def _digest(connection: Connection, target: Target, questions: Sequence[Query], k: int) -> str:
    users = list({question.user_id for question in questions})
    place = connection.execute(query("benchmark", "place"), {"memories": target.embeddings}).fetchone()
    rows = connection.execute(target.query("benchmark", "fingerprint"), {"users": users}).fetchone()
    digest = hashlib.blake2b(repr((place, rows, target.query("benchmark", "truth"), k)).encode(), digest_size=20)
    for question in questions:
        digest.update(f"{question.user_id} {question.memory_id} ".encode() + question.embedding)
    return digest.hexdigest()


def _read(path: Path, count: int) -> list[Answer] | None:
    """The answers in a file; None where there is none, or it is not whole."""
    try:
        kept = files.read_json(path)
        answers = [Answer(tuple(map(float, distances)), 0.0) for distances in kept]
    except (OSError, ValueError, TypeError):
        return None
    return answers if len(answers) == count else None


def _keep(path: Path, answers: Sequence[Answer]) -> None:
    """Writes the file; where it cannot be written, the next run scans again."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write(path, json.dumps([answer.distances for answer in answers]))
        newest_first = sorted(path.parent.glob("*.json"), key=lambda kept: kept.stat().st_mtime, reverse=True)
        for old in newest_first[_KEPT:]:
            old.unlink(missing_ok=True)
