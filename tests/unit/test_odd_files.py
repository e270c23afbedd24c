"""Files that are damaged, absurd or hostile are refused in a few words that name them, whatever reads them."""

import io
import json
import os
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from memdb.errors import DataError
from memdb.reading import fields, readers, vectors
from memdb.seeding.files import FileSource

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
EMBEDDING = [1.0] + [0.0] * 1535
VECTOR = json.dumps(EMBEDDING)


def line(**changes: Any) -> str:
    return json.dumps({"embedding": EMBEDDING, "user": "ann", "content": "c"} | changes)


def with_raw(field: str, text: str) -> str:
    return f'{{"embedding": {VECTOR}, "user": "ann", "content": "c", "{field}": {text}}}'


LINES = {
    "ragged": line(embedding=[[1, 2], [3]] * 768),
    "nested": line(embedding=[[1.0]] * 1536),
    "nested deeply": with_raw("embedding", "[" * 900 + "1" + "]" * 900),
    "nested too deeply": with_raw("embedding", "[" * 100_000 + "]" * 100_000),
    "a number of 400 digits": line(embedding=[10**400] * 1536),
    "a number of 5,000 digits": with_raw("x", "1" * 5000),
    "NaN": line(embedding=[float("nan")] * 1536),
    "infinite": with_raw("embedding", f"[{','.join(['1e400'] * 1536)}]"),
    "true": line(embedding=[True] * 1536),
    "a text": line(embedding="x" * 1536),
    "an object": line(embedding={"a": 1}),
    "a user that is true": line(user=True),
    "a user that is a list": line(user=["ann"]),
    "a user that is half a character": with_raw("user", '"\\ud800"'),
    "an id that is long": line(id="x" * 1_000_000),
    "a tier that is long": line(memory_type="x" * 1_000_000),
    "a time that is long": line(created_at="x" * 1_000_000),
    "a time that is a number": line(created_at=5),
    "metadata with NaN": with_raw("metadata", '{"a": NaN}'),
    "metadata with 1e400": with_raw("metadata", '{"a": 1e400}'),
    "metadata in metadata": line(metadata='{"a":' * 50_000 + "1" + "}" * 50_000),
    "metadata with NUL": line(metadata={"a\0b": 1}),
    "no object": "5",
    "null": "null",
    "NUL": "\0" * 5000,
}


def read(path: Path) -> int:
    return sum(map(len, FileSource(path, 1).batches(NOW)))


def refused(path: Path) -> str:
    """What is said of a file: in few words, in one line, with advice."""
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.hint
    assert path.name in caught.value.message
    assert len(caught.value.message) < 600
    assert "\n" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("text", LINES.values(), ids=LINES)
def test_a_line_that_is_odd_is_refused_by_its_number(tmp_path: Path, text: str) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text(f"{line()}\n{text}\n", encoding="utf-8")
    assert ", row 2: " in refused(path)


def lying_archive(path: Path) -> None:
    """Three headers of 48 TiB, and nothing behind them."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (2**33, 1536)})
    with zipfile.ZipFile(path, "w") as archive:
        for name in fields.REQUIRED:
            archive.writestr(f"{name}.npy", header.getvalue())


def locked_archive(path: Path) -> None:
    """Marked as encrypted."""
    np.savez(path, embedding=np.ones((1, 1536), "f4"), user=["a"], content=["a"])
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = -1
        while (place := data.find(signature, place + 1)) >= 0:
            data[place + offset] |= 1
    path.write_bytes(data)


def parquet_of(**columns: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra parquet)")
        from pyarrow import parquet

        given = {"embedding": pa.array([EMBEDDING], pa.list_(pa.float32())), "user": ["a"], "content": ["a"]}
        parquet.write_table(pa.table(given | {name: make(pa) for name, make in columns.items()}), path)

    return write


FILES: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "sizes that are lies": ("npz", lying_archive),
    "a password": ("npz", locked_archive),
    "an archive that is none": ("npz", lambda path: path.write_bytes(b"PK\3\4junk")),
    "nothing": ("npz", lambda path: path.write_bytes(b"")),
    "objects": ("npz", lambda path: np.savez(path, embedding=np.ones((1, 1536)), user=np.array([None]), content=["a"])),
    "a record for a user": (
        "npz",
        lambda path: np.savez(path, embedding=np.ones((1, 1536)), user=np.zeros(1, [("a", "i4")]), content=["a"]),
    ),
    "complex numbers": (
        "npz",
        lambda path: np.savez(path, embedding=np.ones((1, 1536), "c8"), user=["a"], content=["a"]),
    ),
    "a time in the year 146,138": ("parquet", parquet_of(created_at=lambda pa: pa.array([2**62], pa.timestamp("us")))),
    "a text that is none": ("parquet", parquet_of(content=lambda pa: pa.array([b"\xff"]).view(pa.string()))),
    "parquet that is none": ("parquet", lambda path: path.write_bytes(b"PAR1junkPAR1")),
}


@pytest.mark.parametrize(("kind", "write"), FILES.values(), ids=FILES)
def test_a_file_that_is_odd_is_refused_by_its_name(tmp_path: Path, kind: str, write: Callable[[Path], Any]) -> None:
    path = tmp_path / f"odd.{kind}"
    write(path)
    refused(path)


@pytest.mark.parametrize(
    "make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)], ids=["folder", "pipe", "loop"]
)
@pytest.mark.parametrize("kind", ["npz", "jsonl", "parquet"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str, make: Callable[[Path], Any]) -> None:
    path = tmp_path / f"odd.{kind}"
    make(path)
    assert "there is no file" in refused(path)


def test_a_name_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        read(tmp_path / ("x" * 300 + ".npz"))


def test_a_name_that_is_no_text_does_not_keep_its_rows_out(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.jsonl")
    try:
        path.write_text(line())
    except OSError:
        pytest.skip("this file system knows names in UTF-8 only")
    (batch,) = FileSource(path, 1).batches(NOW)
    assert json.loads(batch.metadata[0])["source"] == "caf?.jsonl"


@pytest.mark.parametrize("user", [5, "5b9f7a0e-52d4-4d9e-9a54-111111111111", "x" * 1_000_000, "名前"])
def test_users_of_any_name_are_users(tmp_path: Path, user: object) -> None:
    path = tmp_path / "users.jsonl"
    path.write_text(line(user=user))
    assert read(path) == 1


def test_questions_are_read_with_the_same_care(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text(LINES["ragged"])
    (records,) = readers.reader(path, required=["embedding"]).batches()
    with pytest.raises(DataError, match="row 1: embedding") as caught:
        vectors.checked(path, records.rows, records.fields["embedding"])
    assert "loaded" not in caught.value.hint.lower()
    path.write_text("5")
    with pytest.raises(DataError, match="not a JSON object") as caught:
        list(readers.reader(path, required=["embedding"]).batches())
    assert caught.value.hint == "It must have embedding (a list of numbers) for each row."
