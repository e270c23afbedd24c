"""Files of memories: the three formats, what rows may lack, and what is refused with its row."""

import json
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from memdb.errors import DataError
from memdb.reading import ids
from memdb.seeding.files import FileSource
from memdb.seeding.rows import Batch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
Write = Callable[..., Path]


def record(number: int = 0, **changes: Any) -> dict[str, Any]:
    vector = np.zeros(1536)
    vector[number] = 1
    return {"embedding": vector.tolist(), "user": "ann", "content": f"memory {number}"} | changes


def write_npz(path: Path, records: list[dict[str, Any]]) -> None:
    arrays: dict[str, Any] = {name: np.array([record[name] for record in records]) for name in records[0]}
    np.savez(path, **arrays)


def write_jsonl(path: Path, records: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))


def write_parquet(path: Path, records: list[dict[str, Any]]) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra parquet)")
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(records), path)


WRITERS = {"npz": write_npz, "jsonl": write_jsonl, "parquet": write_parquet}


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest, tmp_path: Path) -> Write:
    """Writes records into a file of each format in turn."""

    def writing(*records: dict[str, Any]) -> Path:
        path = tmp_path / f"memories.{request.param}"
        WRITERS[request.param](path, list(records))
        return path

    return writing


def read(path: Path, limit: int | None = None, random_seed: int = 1) -> list[Batch]:
    return list(FileSource(path, random_seed, limit=limit).batches(NOW))


def refused(path: Path) -> str:
    """The message with which a file is refused; every one has a hint."""
    with pytest.raises(DataError) as caught:
        read(path)
    assert caught.value.hint
    assert str(path) in caught.value.message
    return caught.value.message


def test_rows_come_as_they_are_in_the_file(write: Write) -> None:
    (batch,) = read(write(record(0), record(1, user="5b9f7a0e-52d4-4d9e-9a54-111111111111")))
    assert batch.contents == ["memory 0", "memory 1"]
    assert batch.users[1] == UUID("5b9f7a0e-52d4-4d9e-9a54-111111111111")
    np.testing.assert_array_equal(batch.embeddings, np.eye(2, 1536))


def test_a_user_that_is_no_uuid_gets_one_from_the_name_always_the_same(write: Write) -> None:
    (batch,) = read(write(record(0, user="ann"), record(1, user="bob"), record(2, user="ann")))
    assert batch.users[0] == batch.users[2] != batch.users[1]
    assert batch.users[0] == UUID("6d656d64-6275-8a6d-9e5d-38125aee3738")
    assert ids.USERS.first <= batch.users[0] <= ids.USERS.last


def test_optional_fields_are_taken_over(write: Write) -> None:
    id = "0e0b6b0c-3b1a-4b8e-8f0e-222222222222"
    given = record(
        memory_type="project",
        metadata='{"goal": "naïve \\\\u0000"}',
        created_at="2025-01-02T03:04:05+01:00",
        accessed_at="2025-02-02T00:00:00",
        id=id,
    )
    (batch,) = read(write(given))
    assert batch.tiers == ["project"]
    assert json.loads(batch.metadata[0]) == {"goal": "naïve \\u0000"}
    assert batch.created_at[0] == np.datetime64("2025-01-02T02:04:05")
    assert batch.accessed_at[0] == np.datetime64("2025-02-02T00:00:00")
    assert batch.ids[0].tobytes() == UUID(id).bytes


def test_missing_fields_are_filled_in_the_same_for_the_same_seed(write: Write) -> None:
    path = write(*[record(number) for number in range(50)])
    (first,), (second,), (other,) = read(path), read(path), read(path, random_seed=2)
    assert set(first.tiers) == {"personal", "project", "task"}
    assert (first.ids == second.ids).all()
    assert first.tiers == second.tiers != other.tiers
    assert not (first.ids == other.ids).any()
    assert json.loads(first.metadata[0])["source"] == path.name
    assert (first.created_at <= first.accessed_at).all()


def test_one_time_stands_for_both(write: Write) -> None:
    (batch,) = read(write(record(created_at="2020-01-01T00:00:00Z")))
    assert batch.accessed_at[0] == batch.created_at[0] == np.datetime64("2020-01-01T00:00:00")


def test_only_the_first_rows_are_read_when_a_number_is_given(write: Write) -> None:
    path = write(*[record(number) for number in range(5)])
    (batch,) = read(path, limit=2)
    assert batch.contents == ["memory 0", "memory 1"]
    assert FileSource(path, 1, limit=2).total == 2


@pytest.mark.parametrize(("bad", "expected"), [("nan", "has NaN"), ("inf", "is infinite"), ("-inf", "is infinite")])
def test_a_number_that_is_not_finite_is_refused_with_its_place(write: Write, bad: str, expected: str) -> None:
    broken = record(1)
    broken["embedding"][7] = float(bad)
    assert f"row 2: embedding {expected} at dimension 8" in refused(write(record(0), broken))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"embedding": [0.0] * 1536}, "embedding is all zero"),
        ({"embedding": [1e30] * 1536}, "embedding is too large for 32-bit numbers"),
        ({"content": "  "}, "content is empty"),
        ({"content": "a\0b"}, "content has a NUL character"),
        ({"user": ""}, "user is empty"),
    ],
)
def test_a_row_that_cannot_be_stored_is_refused_with_its_number(
    write: Write, changes: dict[str, Any], expected: str
) -> None:
    assert f"row 2: {expected}" in refused(write(record(0), record(1, **changes), record(2)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"memory_type": "goal"}, "memory_type is 'goal', not one of personal, project, task"),
        ({"metadata": "[1]"}, "metadata is no JSON object"),
        ({"metadata": "{"}, "metadata cannot be stored as JSON"),
        ({"metadata": '{"a": "\\u0000"}'}, "metadata has a NUL character"),
        ({"metadata": '{"a": NaN}'}, "metadata cannot be stored as JSON"),
        ({"metadata": '{"a": "\\ud800"}'}, "metadata has half of a surrogate pair"),
        ({"created_at": "yesterday"}, "created_at is no ISO 8601 time: 'yesterday'"),
        ({"id": "7"}, "id is no uuid: '7'"),
    ],
)
def test_a_bad_optional_value_is_refused_with_its_row(write: Write, changes: dict[str, Any], expected: str) -> None:
    assert f"row 1: {expected}" in refused(write(record(0, **changes)))


def test_embeddings_of_another_dimension_are_refused(write: Write) -> None:
    message = refused(write(record(0, embedding=[1.0] * 512), record(1, embedding=[1.0] * 512)))
    assert "row 1: embedding has 512 dimensions, not 1536" in message


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_a_single_embedding_of_another_dimension_is_found(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"memories.{format}"
    WRITERS[format](path, [record(0), record(1, embedding=[1.0])])
    assert "row 2: embedding has 1 dimensions, not 1536" in refused(path)


@pytest.mark.parametrize("field", ["embedding", "user", "content"])
def test_a_missing_field_is_named(write: Write, field: str) -> None:
    incomplete = record(0)
    del incomplete[field]
    assert re.search(rf"has no {field}|row 1: {field} is missing", refused(write(incomplete)))


def test_a_file_that_is_cut_off_is_refused(write: Write) -> None:
    path = write(*[record(number) for number in range(20)])
    path.write_bytes(path.read_bytes()[:-100])
    assert re.search(r"cannot be read as a|row 20: this line is not JSON", refused(path))


@pytest.mark.parametrize("suffix", [".npz", ".jsonl", ".parquet"])
@pytest.mark.parametrize("content", [b"", b"\x93NUMPY nonsense", b"\x80\x04pickled", b"\xff\xfe text\n"])
def test_something_else_under_such_a_name_is_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"other{suffix}"
    path.write_bytes(content)
    pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra parquet)")
    assert re.search(r"cannot be read as|not JSON|has no rows", refused(path))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "embedding is missing"),
        ("text", "embedding is no list of numbers"),
        ([None] * 1536, "embedding holds something that is no number"),
        (["1"] * 1536, "embedding holds something that is no number"),
        ([[1.0]] * 1536, "embedding holds something that is no number"),
    ],
)
def test_an_embedding_of_other_things_than_numbers_is_refused(tmp_path: Path, value: Any, expected: str) -> None:
    write_jsonl(tmp_path / "memories.jsonl", [record(0, embedding=value)])
    assert f"row 1: {expected}" in refused(tmp_path / "memories.jsonl")


def test_a_line_that_is_no_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memories.jsonl"
    path.write_text(json.dumps(record(0)) + "\n\n[1]\n")
    assert "row 3: this line is no JSON object" in refused(path)


def test_values_in_a_line_may_be_numbers_and_objects(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "memories.jsonl", [record(0, user=7, metadata={"a": [1, None]}, memory_type=None)])
    (batch,) = read(tmp_path / "memories.jsonl")
    assert json.loads(batch.metadata[0]) == {"a": [1, None]}
    write_jsonl(tmp_path / "memories.jsonl", [record(0, content=7)])
    assert "row 1: content is no text" in refused(tmp_path / "memories.jsonl")


def test_numpy_times_and_numbers_of_any_width_are_read(tmp_path: Path) -> None:
    path = tmp_path / "memories.npz"
    times = np.array(["2024-05-06T07:08:09.123456789"], "M8[ns]")
    np.savez(path, embedding=np.eye(1, 1536, dtype="f2"), user=np.array([3]), content=np.array(["a"]), created_at=times)
    (batch,) = read(path)
    assert batch.created_at[0] == np.datetime64("2024-05-06T07:08:09.123456")
    assert batch.embeddings.dtype == np.float32


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"content": np.array(["a"])}, "embedding has 2 rows, but content has 1"),
        ({"embedding": np.zeros(1536)}, "embedding has 1 dimensions"),
        ({"embedding": np.full((2, 1536), "x")}, "row 1: embedding holds something that is no number"),
        ({"user": np.array([object(), None])}, "cannot be read as a .npz file"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, Any], expected: str) -> None:
    path = tmp_path / "memories.npz"
    fitting: dict[str, Any] = {
        "embedding": np.eye(2, 1536),
        "user": np.array(["a", "b"]),
        "content": np.array(["a", "b"]),
    }
    np.savez(path, **fitting | arrays)
    assert expected in refused(path)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memories.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("embedding", "user", "content"):
            archive.writestr(f"{name}.npy", b"\x93NUMPY" + bytes(500))
    damaged = bytearray(path.read_bytes())
    damaged[60:80] = bytes(20)
    path.write_bytes(damaged)
    assert "cannot be read as a .npz file" in refused(path)


def test_a_file_that_is_not_there_and_one_of_no_known_kind_are_refused(tmp_path: Path) -> None:
    assert "there is no file" in refused(tmp_path / "none.npz")
    assert "is of no kind that memdb reads" in refused(tmp_path / "memories.csv")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "memories.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(DataError) as caught:
        read(path)
    assert "pip install 'memdb-pg[parquet]'" in caught.value.hint


def test_the_real_embeddings_can_be_read(real_embeddings: Path) -> None:
    first = next(FileSource(real_embeddings, 1).batches(NOW))
    assert len(first) == 1000
    np.testing.assert_allclose(np.linalg.norm(first.embeddings, axis=1), 1, atol=1e-3)
