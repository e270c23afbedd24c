"""What a file of embeddings has, of whatever kind it is: fields, in rows that are numbered.

A file of memories has the fields of REQUIRED, and may have those of OPTIONAL; others are left aside. Who needs less
says so.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from memdb.errors import DataError, InvalidMemory
from memdb.words import listed

REQUIRED = ("embedding", "user", "content")
TIMES = ("created_at", "accessed_at")
IDS = ("user", "id")
OPTIONAL = ("memory_type", "metadata", *TIMES, "id")
BATCH = 1000


_LONGEST_EXCERPT = 120
_MOST_NAMES = 10


@dataclass(frozen=True, slots=True)
class Records:
    """Some rows as the file has them: `rows` are their numbers in it, counted from 1; lines, in a .jsonl file.

    `fields` has a sequence for each field of the file, with None where a row has no value. Embeddings may be an array
    with a row for each, times an array of datetime64, which is in UTC, with NaT.
    """

    rows: Sequence[int]
    fields: dict[str, Any]

    def of(self, field: str) -> Any:
        """The values of a field: None for each row where the file does not have it."""
        values = self.fields.get(field)
        return [None] * len(self.rows) if values is None else values

    def first(self, count: int) -> "Records":
        """The first rows alone."""
        return Records(self.rows[:count], {name: values[:count] for name, values in self.fields.items()})


class Reader(Protocol):
    """A file of one kind. `total` is None where only reading it all would tell."""

    @property
    def total(self) -> int | None: ...
    def batches(self) -> Iterator[Records]: ...


class Unusable(Exception):
    """What is wrong with a value in a file, and what to do about it; whoever knows the row adds where it stands."""

    def __init__(self, what: str, hint: str = "Correct or remove this row.") -> None:
        super().__init__(what)
        self.hint = hint


def bad_row(path: Path, row: int, field: str, fault: InvalidMemory | Unusable, value: object = None) -> DataError:
    """The error that names the row, the field, and the beginning of the value."""
    # The rules call metadata as models do, and begin with the name of the field.
    what = str(fault).replace("extra_data", "metadata", 1)
    told = what if what.startswith(field) else f"{field} {what}" if isinstance(fault, Unusable) else f"{field}: {what}"
    shown = "" if value is None else f": {excerpt(value)}"
    hint = fault.hint or "Correct or remove this row."
    return DataError(f"{path}, row {row}: {told}{shown}", hint=hint)


def is_missing(value: object) -> bool:
    """Whether there is no value: for pandas, a text or a list that is missing is NaN."""
    return value is None or (isinstance(value, float) and value != value)


def excerpt(value: object) -> str:
    """The beginning of what it says, in a line: a value, or an error that repeats it, may be as long as a file."""
    text = " ".join((str(value) if isinstance(value, Exception) else repr(value)).split()) or type(value).__name__
    return text if len(text) <= _LONGEST_EXCERPT else f"{text[:_LONGEST_EXCERPT]}…"


def from_json(text: str) -> Any:
    """What a text writes. Raises ValueError for what is no JSON, and Unusable for JSON that cannot be kept as it is."""
    try:
        return json.loads(text, parse_int=_whole_number, object_pairs_hook=once_each)
    except RecursionError:
        raise Unusable("nests objects and lists too deeply to be read") from None


def once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object from its keys and values. Raises Unusable where a key stands twice: one value would be lost."""
    made = dict(pairs)
    if len(made) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in made if keys.count(key) > 1)
        raise Unusable(f"has the key {excerpt(twice)} twice in an object", "Keep only the right value.")
    return made


def _whole_number(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # Python advises to lift its limit, which nobody can do here
        count = len(digits.lstrip("-"))
        raise Unusable(f"has a number of {count:,} digits, which is too long to be read") from None


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Raises DataError in place of whatever a library raises for a file that it cannot read."""
    try:
        yield
    except DataError:
        raise
    # numpy, zipfile and pyarrow raise whatever there is for files that are cut off, damaged, or something else
    # altogether: MemoryError for a size that is a lie, RuntimeError for a password.
    except Exception as error:  # noqa: BLE001
        raise DataError(
            f"{path} cannot be read as a {path.suffix} file: {excerpt(error)}",
            hint="Is the file complete, and of the kind that its name says?",
        ) from None


def expected(required: Sequence[str]) -> str:
    """What a file must have."""
    names = [f"{name} (a list of numbers)" if name == "embedding" else name for name in required]
    return f"It must have {listed(names)} for each row."


def check_fields(path: Path, names: Iterable[str], required: Sequence[str]) -> None:
    """Raises DataError where a field that is needed is not among those of the file, which it names."""
    there = list(names)
    if twice := [name for name in (*REQUIRED, *OPTIONAL) if there.count(name) > 1]:
        raise DataError(f"{path} has {listed(twice)} more than once", hint="Keep only the right one.")
    if missing := [name for name in required if name not in there]:
        shown = ", ".join([*map(excerpt, there[:_MOST_NAMES]), *(["…"] if len(there) > _MOST_NAMES else [])])
        has = f"it has {shown}" if there else "it is empty"
        raise DataError(f"{path} has no {' and no '.join(missing)}: {has}", hint=expected(required))


def as_text(value: bytes) -> str | bytes:
    """Bytes as the text that they are in UTF-8, or as they are where they are none."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value
