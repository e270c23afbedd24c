"""One JSON object a line, read line by line."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from memdb.errors import DataError
from memdb.reading import fields
from memdb.reading.fields import Records

_LOOKED_AT = 4096  # bytes at the beginning that tell a file of another kind
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_AS_LINES = "jq -c '{0}' FILE > FILE.jsonl, or in pandas: to_json(path, orient=\"records\", lines=True)."


@dataclass(frozen=True)
class Jsonl:
    """A reader of such a file."""

    path: Path
    required: Sequence[str] = fields.REQUIRED
    total = None

    def batches(self) -> Iterator[Records]:
        with fields.readable(self.path), self.path.open("rb") as file:
            self._check_beginning(file.read(_LOOKED_AT))
            file.seek(0)
            objects = self._objects(file)
            while batch := list(islice(objects, fields.BATCH)):
                yield Records(
                    [row for row, _ in batch],
                    {name: [values.get(name) for _, values in batch] for name in fields.REQUIRED + fields.OPTIONAL},
                )

    def _check_beginning(self, data: bytes) -> None:
        """Raises DataError for what often bears such a name and is something else, with how to make it right."""
        if data.startswith(_UTF16) or b"\0" in data[:2]:
            self._refuse("is in UTF-16", "iconv -f UTF-16 -t UTF-8 FILE > FILE.jsonl")
        if data.startswith(b"\x1f\x8b"):
            self._refuse("is compressed", "gunzip < FILE > FILE.jsonl")
        text = data.removeprefix(b"\xef\xbb\xbf").lstrip()
        if text.startswith(b"["):
            self._refuse("is one JSON array, not one object per line", _AS_LINES.format(".[]"))
        if text.partition(b"\n")[0].strip() == b"{":
            self._refuse("has objects that go over several lines", _AS_LINES.format("."))

    def _refuse(self, what: str, command: str) -> None:
        raise DataError(f"{self.path} {what}", hint=f"Write one object per line, in UTF-8: {command}")

    def _objects(self, file: io.BufferedReader) -> Iterator[tuple[int, dict[str, Any]]]:
        for row, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                values = fields.from_json(line.decode("utf-8-sig"))
            except fields.Unusable as fault:
                raise fields.bad_row(self.path, row, "this line", fault) from None
            except ValueError as error:
                raise DataError(
                    f"{self.path}, row {row}: this line is not JSON: {fields.excerpt(error)}",
                    hint="Is the file cut off? It must have one JSON object per line, in UTF-8.",
                ) from None
            if not isinstance(values, dict):
                raise DataError(
                    f"{self.path}, row {row}: this line is not a JSON object: {fields.excerpt(values)}",
                    hint=fields.expected(self.required),
                )
            yield row, values
