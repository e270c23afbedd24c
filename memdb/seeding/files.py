"""Memories from files: each row is checked, and what it lacks is added, the same for the same random seed."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from memdb.errors import DataError
from memdb.reading import readers, users, vectors
from memdb.reading.ids import MEMORIES
from memdb.reading.readers import Records
from memdb.seeding import draws
from memdb.seeding.rows import Batch

_LARGEST = 2**30 - 100  # bytes of a value


class _Fault(Exception):
    """What is wrong with a value; where it stands is added by whoever knows the row."""


@dataclass(frozen=True)
class FileSource:
    """The first `limit` rows of a file, or all. `tiers` weighs the tiers of rows that name none."""

    path: Path
    random_seed: int
    tiers: tuple[float, float, float] = draws.WEIGHTS
    limit: int | None = None

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def total(self) -> int | None:
        total = self._reader.total
        return self.limit if total is None else min(total, self.limit or total)

    def batches(self, now: datetime) -> Iterator[Batch]:
        """The rows in order. Times that the file does not give are counted back from `now`.

        Raises DataError for a file without rows, and for a row that cannot be used, naming it.
        """
        start = 0
        for records in self._reader.batches():
            count = len(records.rows) if self.limit is None else min(len(records.rows), self.limit - start)
            if count:
                yield self._batch(_first(records, count), draws.draw(self.random_seed, start, count), start, now)
            start += count
        if start == 0:
            raise DataError(f"{self.path} has no rows", hint="Name a file with memories in it.")

    @cached_property
    def _reader(self) -> readers.Reader:
        return readers.reader(self.path)

    def _batch(self, records: Records, drawn: draws.Draws, start: int, now: datetime) -> Batch:
        embeddings = vectors.checked(self.path, records.rows, records.fields.get("embedding"))
        owners = self._each(records, "user", _user)
        contents = self._each(records, "content", _content)
        tiers = self._each(records, "memory_type", _tier, draws.tiers(drawn, self.tiers))
        source = self.path.name.encode(errors="replace").decode()  # the name of a file need not be text
        counts = draws.access_counts(drawn).tolist()
        without = [_json({"source": source, "access_count": count}) for count in counts]
        created, accessed = draws.times(drawn, tiers, now)
        given_created = self._each(records, "created_at", _time, [None] * len(owners))
        given_accessed = self._each(records, "accessed_at", _time, [None] * len(owners))
        made = [
            MEMORIES.made_from(
                f"{self.random_seed} {start + n} {owners[n]} {contents[n]}".encode(), embeddings[n].tobytes()
            )
            for n in range(len(owners))
        ]
        return Batch(
            ids=np.array([id.bytes for id in self._each(records, "id", _uuid, made)], "V16"),
            users=owners,
            tiers=tiers,
            contents=contents,
            metadata=self._each(records, "metadata", _metadata, without),
            # A row that gives one of the two times was created, or last recalled, at the other.
            created_at=_either(given_created, given_accessed, created),
            accessed_at=_either(given_accessed, given_created, accessed),
            embeddings=embeddings,
        )

    def _each(self, records: Records, field: str, convert: Any, default: Sequence[Any] | None = None) -> list[Any]:
        """A field's values, converted; the default's where a row has none."""
        values = records.fields.get(field) or [None] * len(records.rows)
        converted = []
        for place, value in enumerate(values):
            try:
                if value is not None:
                    converted.append(convert(value))
                elif default is not None:
                    converted.append(default[place])
                else:
                    raise _Fault("is missing")
            except _Fault as fault:
                raise self._error(records.rows[place], f"{field} {fault}") from None
        return converted

    def _error(self, row: int, what: str) -> DataError:
        return DataError(f"{self.path}, row {row}: {what}", hint="Nothing was loaded. Correct or remove this row.")


def _first(records: Records, count: int) -> Records:
    return Records(records.rows[:count], {name: values[:count] for name, values in records.fields.items()})


def _either(wanted: list[Any], other: list[Any], drawn: draws.Times) -> draws.Times:
    times = (a or b or c for a, b, c in zip(wanted, other, drawn, strict=True))
    return np.array(list(times), "M8[us]")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Fault("is no text")
    if "\0" in value:
        raise _Fault("has a NUL character, which PostgreSQL cannot store")
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        raise _Fault("has half of a surrogate pair, which is no text") from None
    if size > _LARGEST:
        raise _Fault("is longer than PostgreSQL can store")
    return value


def _content(value: Any) -> str:
    if not _text(value).strip():
        raise _Fault("is empty")
    return str(value)


def _user(value: Any) -> UUID:
    try:
        return users.named(_text(value) if isinstance(value, str) else value)
    except ValueError as error:
        raise _Fault(str(error)) from None


def _uuid(value: Any) -> UUID:
    try:
        return UUID(value if isinstance(value, str) else str(value))
    except ValueError:
        raise _Fault(f"is no uuid: {readers.excerpt(value)}") from None


def _tier(value: Any) -> str:
    if value not in draws.TIERS:
        raise _Fault(f"is {readers.excerpt(value)}, not one of {', '.join(draws.TIERS)}")
    return str(value)


def _time(value: Any) -> datetime:
    """In UTC, without saying so, as numpy wants it. A time without a zone is taken to be in UTC."""
    try:
        time = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return (time.astimezone(UTC) if time.tzinfo else time).replace(tzinfo=None)
    except (TypeError, ValueError, OverflowError):
        raise _Fault(f"is no ISO 8601 time: {readers.excerpt(value)}") from None


def _metadata(value: Any) -> str:
    try:
        data = json.loads(value) if isinstance(value, str) else value
        text = _json(data) if isinstance(data, dict) else ""
    except (TypeError, ValueError, RecursionError) as error:
        raise _Fault(f"cannot be stored as JSON: {readers.excerpt(error)}") from None
    if not text:
        raise _Fault("is no JSON object")
    # jsonb has no NUL character either; what is left of \\u0000 after this is a backslash and some letters.
    if "\\u0000" in text.replace("\\\\", ""):
        raise _Fault("has a NUL character, which PostgreSQL cannot store")
    return _text(text)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
