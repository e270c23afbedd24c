"""A file as it arrives: looked at as a whole before anything is stored, and whose memories it holds."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from memdb import files, users
from memdb.errors import DataError, InvalidMemory, UsageError
from memdb.moving import opening
from memdb.moving.file import File, Row
from memdb.reading.fields import excerpt
from memdb.shape import UserKey, Users
from memdb.words import count, listed

_OWNED = ("memories", "memory_collections", "memory_archive")
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class Arrived:
    """A file that is as it was written, and whose memories and collections it holds: users by their keys as text.

    `seconds` is how long it took to find out.
    """

    file: File
    users: dict[str, Any]
    seconds: float


@contextmanager
def read(path: Path, *, user: object = None, tier: str = opening.TIER) -> Iterator[Arrived]:
    """The file for a block. Raises DataError where it is not whole, or not as it was written.

    `user` and `tier` are those of memories of which a file of another system does not say them.
    """
    started = time.perf_counter()
    with opening.opened(path, None if user is None else str(user), tier) as file:
        found: dict[str, Any] = {}
        for row in file.rows():
            if row.table in _OWNED:
                user = values(file, row).get("user_id")
                found[str(user)] = user
        yield Arrived(file, found, time.perf_counter() - started)


def values(file: File, row: Row) -> dict[str, Any]:
    """The row as an object. Raises DataError for what is none."""
    try:
        return row.values()
    except (ValueError, RecursionError) as error:
        file.refuse(f"was altered: line {row.line} cannot be read: {excerpt(error)}")


def mapping(
    arrived: Arrived, given: Mapping[str, Any] | str | PathLike[str] | None, user: object
) -> Mapping[str, Any] | None:
    """Who gets whose memories: one `user` gets all, or as a mapping or a file with one says. None where nobody says."""
    if user is None:
        return _read_map(Path(given)) if isinstance(given, str | PathLike) else given
    if given is not None:
        raise UsageError("one user is to get all memories, and a mapping says who gets whose", hint="Leave one out.")
    return dict.fromkeys(arrived.users, user)


def _read_map(path: Path) -> dict[str, Any]:
    """Which user gets whose memories: a JSON object. Raises UsageError where the file has none."""
    hint = """Write an object, with each user of the file and who gets their memories: {"old id": "new id"}"""
    try:
        found = files.read_json(path, _once)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", hint="Check its name and permissions.") from None
    except ValueError:
        raise UsageError(f"{path} is not JSON", hint=hint) from None
    if not isinstance(found, dict):
        raise UsageError(f"{path} has no object", hint=hint)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Raises UsageError where a user is there twice: whose memories they are would be a guess."""
    found = dict(pairs)
    for user, given in pairs:
        if found[user] != given:
            raise UsageError(f"the mapping of users gives the memories of {named([user])} to two users")
    return found


def owners(arrived: Arrived, mapping: Mapping[str, Any] | None, here: Users) -> dict[str, UserKey]:
    """For each user of the file, the key that is used here.

    Raises DataError for those whom a mapping leaves out, or whose keys cannot be keys here.
    """
    given = arrived.users if mapping is None else {user: mapping[user] for user in arrived.users if user in mapping}
    if missing := [user for user in arrived.users if user not in given]:
        raise DataError(
            f"the mapping of users has no entry for {named(missing)}",
            hint="Nothing was imported. Add them; who stays the same is mapped to themselves.",
        )
    try:
        return {user: users.key(key, here) for user, key in given.items()}
    except InvalidMemory as error:
        raise DataError(
            f"a user of {arrived.file.path} has no key for {here.table}.{here.key}: {error}",
            hint="Nothing was imported. Say who they are here: --map-users FILE.",
        ) from None


def named(keys: list[Any]) -> str:
    """Some users, by their keys: the first few, and how many others there are."""
    more = [count(len(keys) - _MOST_NAMES, "other")] if len(keys) > _MOST_NAMES else []
    return listed([json.dumps(str(key), ensure_ascii=False) for key in keys[:_MOST_NAMES]] + more)
