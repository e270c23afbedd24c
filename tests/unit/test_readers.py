"""Files of memories: the three formats, what rows may lack, and what is refused with its row."""

import json
import re
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from memdb.errors import DataError
from memdb.reading import keys
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
    assert keys.KINDS["uuid"].made.has(batch.users[0])


def test_optional_fields_are_taken_over(write: Write) -> None:
    id = "0e0b6b0c-3b1a-4b8e-8f0e-222222222222"
    given = record(
        memory_type="project",
        metadata='{"goal": "naïve \\\\u0000"}',
        created_at="2025-01-02T03:04:05+01:00",
        accessed_at="2025-02-02T00:00:00Z",
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


@pytest.mark.parametrize(("bad", "expected"), [("nan", "nan"), ("inf", "inf"), ("-inf", "-inf")])
def test_a_number_that_is_not_finite_is_refused_with_its_place(write: Write, bad: str, expected: str) -> None:
    broken = record(1)
    broken["embedding"][7] = float(bad)
    assert f"row 2: embedding must be finite, but number 7 (from 0) is {expected}" in refused(write(record(0), broken))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"embedding": [0.0] * 1536}, "embedding is all zero"),
        ({"embedding": [1e30] * 1536}, "embedding has the length 3.9e+31"),
        ({"content": "  "}, "content is empty"),
        ({"content": "a\0b"}, "content has a NUL character"),
        ({"content": "\u00a0\t\n"}, "content is empty"),
        ({"content": "x" * 10_001}, "content has 10,001 characters: 'xxx"),
        ({"embedding": [1e300] + [0.0] * 1535}, "embedding must be finite, but number 0 (from 0) is inf"),
        ({"embedding": [1e-30] * 1536}, "embedding has the length 3.9e-29"),
        ({"embedding": [1e-300] * 1536}, "embedding is all zeros"),
        ({"user": ""}, "user is empty"),
        ({"user": "a\0b"}, "user has a NUL character"),
    ],
)
def test_a_row_that_cannot_be_stored_is_refused_with_its_number(
    write: Write, changes: dict[str, Any], expected: str
) -> None:
    assert f"row 2: {expected}" in refused(write(record(0), record(1, **changes), record(2)))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"memory_type": "goal"}, "memory_type is not one of personal, project, task: 'goal'"),
        ({"metadata": "[1]"}, "metadata must be an object, but is list: '[1]'"),
        ({"metadata": "{"}, "metadata is not JSON (Expecting property name"),
        ({"metadata": '{"a": "\\u0000"}'}, "metadata.a has a NUL character"),
        ({"metadata": '{"a": NaN}'}, "metadata.a is nan, which JSON does not have"),
        ({"metadata": '{"a": "\\ud800"}'}, "metadata.a has half of a surrogate pair"),
        ({"created_at": "yesterday"}, "created_at is not an ISO 8601 time: 'yesterday'"),
        ({"created_at": "2025-02-02T03:04:05"}, "created_at has no time zone: '2025-02-02T03:04:05'"),
        (
            {"accessed_at": "9999-12-31T23:59:59-12:00"},
            "accessed_at: the time is 9999-12-31T23:59:59-12:00, which in",
        ),
        ({"id": "7"}, "id must be a UUID, but is str: it identifies nothing: '7'"),
    ],
)
def test_a_bad_optional_value_is_refused_with_its_row(write: Write, changes: dict[str, Any], expected: str) -> None:
    assert f"row 1: {expected}" in refused(write(record(0, **changes)))


def test_embeddings_of_another_dimension_are_refused(write: Write) -> None:
    message = refused(write(record(0, embedding=[1.0] * 512), record(1, embedding=[1.0] * 512)))
    assert "row 1: embedding has 512 numbers, and the column is vector(1536)" in message


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_a_single_embedding_of_another_dimension_is_found(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"memories.{format}"
    WRITERS[format](path, [record(0), record(1, embedding=[1.0])])
    assert "row 2: embedding has 1 numbers, and the column is vector(1536)" in refused(path)


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
    assert re.search(r"cannot be read as|not JSON|has no rows|is in UTF-16", refused(path))
    assert "allow_pickle" not in refused(path)


@pytest.mark.parametrize("metadata", [0, "text"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_a_number_longer_than_python_reads_is_told_by_its_length(
    tmp_path: Path, metadata: int | str, sign: str
) -> None:
    digits = sign + "9" * 5000
    number: Any = f'{{"n": {digits}}}' if metadata else {"n": 7_777_777}
    write_jsonl(tmp_path / "memories.jsonl", [record(0, metadata=number)])
    path = tmp_path / "memories.jsonl"
    path.write_text(path.read_text().replace("7777777", digits))
    assert "row 1: " + ("metadata" if metadata else "this line") + " has a number of 5,000 digits" in refused(path)


@pytest.mark.parametrize("metadata", [False, True])
def test_what_is_nested_too_deeply_to_be_read_is_told_as_that(tmp_path: Path, metadata: bool) -> None:
    path, deep = tmp_path / "memories.jsonl", '{"a":' * 50_000 + "1" + "}" * 50_000
    write_jsonl(path, [record(0), record(1, metadata=deep if metadata else 7_777_777)])
    path.write_text(path.read_text().replace("7777777", deep))
    where = "row 2: " + ("metadata" if metadata else "this line")
    assert f"{where} nests objects and lists too deeply to be read" in refused(path)


@pytest.mark.parametrize(
    "twice", ['"content": "c", "content": "d"', '"metadata": {"a": 1, "a": 1}', '"metadata": {"b": [{"a": 1, "a": 2}]}']
)
def test_a_key_that_stands_twice_in_a_line_is_refused(tmp_path: Path, twice: str) -> None:
    path = tmp_path / "memories.jsonl"
    write_jsonl(path, [record(0), record(1, x=7_777_777)])
    path.write_text(path.read_text().replace('"x": 7777777', twice))
    assert re.search(r"row 2: this line has the key '(content|a)' twice in an object", refused(path))


def test_a_key_that_stands_twice_in_metadata_that_are_text_is_refused(write: Write) -> None:
    path = write(record(0, metadata="{}"), record(1, metadata='{"b": {"a": 1, "a": 2}}'))
    assert "row 2: metadata has the key 'a' twice in an object" in refused(path)


@pytest.mark.parametrize("within", [False, True])
def test_a_key_that_stands_twice_in_a_map_is_refused(tmp_path: Path, within: bool) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra parquet)")
    import pyarrow.parquet as pq

    kind = pa.map_(pa.string(), pa.int32())
    values: list[Any] = [[("a", 1)], [("b", 1), ("a", 1), ("a", 2)]]
    if within:
        kind, values = pa.struct([("x", pa.list_(kind))]), [{"x": [value]} for value in values]
    table = pa.Table.from_pylist([record(0), record(1)])
    path = tmp_path / "memories.parquet"
    pq.write_table(table.append_column("metadata", pa.array(values, kind)), path)
    assert "row 2: metadata has the key 'a' twice in an object" in refused(path)


def test_a_field_that_a_file_has_twice_is_named(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra parquet)")
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist([record(0)])
    pq.write_table(table.append_column("content", table.column("content")), tmp_path / "memories.parquet")
    assert "has content more than once" in refused(tmp_path / "memories.parquet")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "embedding is missing"),
        ("text", "embedding must be a list of numbers, but is str: 'text'"),
        ([None] * 1536, "holds something else: number 0 (from 0) is None"),
        (["1"] * 1536, "holds something else: number 0 (from 0) is '1'"),
        ([[1.0]] * 1536, "embedding must have 1536 numbers, but this one has the shape 1536 x 1"),
    ],
)
def test_an_embedding_of_other_things_than_numbers_is_refused(tmp_path: Path, value: Any, expected: str) -> None:
    write_jsonl(tmp_path / "memories.jsonl", [record(0, embedding=value)])
    assert expected in refused(tmp_path / "memories.jsonl")


def test_a_line_that_is_no_object_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "memories.jsonl"
    path.write_text(json.dumps(record(0)) + "\n\n[1]\n")
    assert "row 3: this line is not a JSON object" in refused(path)


def test_values_in_a_line_may_be_numbers_and_objects(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "memories.jsonl", [record(0, user=7, metadata={"a": [1, None]}, memory_type=None)])
    (batch,) = read(tmp_path / "memories.jsonl")
    assert json.loads(batch.metadata[0]) == {"a": [1, None]}
    write_jsonl(tmp_path / "memories.jsonl", [record(0, content=7)])
    assert "row 1: content must be text, but is int: 7" in refused(tmp_path / "memories.jsonl")


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
        (
            {"embedding": np.full((2, 1536), "x")},
            "row 1: embedding must be a list of 1536 numbers, but",
        ),
        ({"embedding": np.eye(2, 1536, dtype="c8")}, "holds something else: the array is of complex64"),
        ({"embedding": np.eye(2, 1536, dtype=bool)}, "holds something else: the array is of bool"),
        ({"embedding": np.zeros((2, 1536), [("x", "f4")])}, "embedding is an array of records (x)"),
        ({"embedding": np.zeros((2, 3, 1536))}, "embedding has 3 dimensions"),
        ({"user": np.array("ann")}, "user has 0 dimensions"),
        ({"user": np.zeros(2, [("given", "i4"), ("family", "i4")])}, "user is an array of records (given, family)"),
        ({"user": np.zeros(2, [("名", "i4")])}, "user is an array of records"),
        ({"user": np.array([1.5, 2.5])}, "row 1: user names nobody: 1.5"),
        ({"user": np.array(["2024", "2025"], "M8[Y]")}, "row 1: user names nobody: datetime"),
        ({"user": np.array([1, 2], "m8[ns]")}, "row 1: user names nobody: datetime.timedelta(0)"),
        (
            {"created_at": np.array(["NaT", "NaT"], "M8")},
            "created_at does not say which unit its times have",
        ),
        ({"created_at": np.array([1, 2])}, "row 1: created_at is not an ISO 8601 time: 1"),
        ({"created_at": np.array([1, 2], "m8[s]")}, "row 1: created_at is not an ISO 8601 time: datetime.timedelta"),
        ({"created_at": np.array([0, 2**62], "M8[s]")}, "row 2: created_at is not in the years 2 to 9998"),
        ({"created_at": np.array([0, 8030], "M8[Y]")}, "row 2: created_at is not in the years 2 to 9998"),
    ],
)
@pytest.mark.filterwarnings("ignore:Stored array in format 3.0")
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, Any], expected: str) -> None:
    path = tmp_path / "memories.npz"
    fitting: dict[str, Any] = {
        "embedding": np.eye(2, 1536),
        "user": np.array(["a", "b"]),
        "content": np.array(["a", "b"]),
    }
    np.savez(path, **fitting | arrays)
    assert expected in refused(path)


@pytest.mark.parametrize(
    ("field", "given", "line"),
    [
        ("user", ["sam", "ann"], "user=np.array(user, dtype=str)"),
        ("id", [UUID(int=1), UUID(int=2)], "id=np.array(id, dtype=str)"),
        ("embedding", [[1.0] + [0.0] * 1535] * 2, "embedding=np.array(list(embedding), dtype=np.float32)"),
        ("metadata", [{"a": 1}, {"b": {"c": 2}}], "metadata=np.array([json.dumps(value) for value in metadata])"),
        ("created_at", [NOW, NOW], "created_at=np.array([value.isoformat() for value in created_at])"),
    ],
)
def test_objects_are_refused_with_the_line_that_saves_them(
    tmp_path: Path, field: str, given: list[Any], line: str
) -> None:
    path = tmp_path / "memories.npz"
    fitting: dict[str, Any] = {
        "embedding": np.eye(2, 1536),
        "user": np.array(["a", "b"]),
        "content": np.array(["a", "b"]),
    }
    objects = np.empty(2, object)
    objects[:] = given
    np.savez(path, **fitting | {field: objects})
    with pytest.raises(DataError, match=f"{field} is an array of Python objects, as pandas keeps texts") as caught:
        read(path)
    assert f"np.savez(…, {line})" in caught.value.hint
    saved = eval(line.partition("=")[2], {"np": np, "json": json, field: objects})
    np.savez(path, **fitting | {field: saved})
    assert len(read(path)[0]) == 2


def test_an_object_in_an_archive_is_not_unpickled(tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "planted",))

    path = tmp_path / "memories.npz"
    np.savez(path, embedding=np.eye(1, 1536), user=np.array([Hostile()]), content=np.array(["a"]))
    refused(path)
    assert not (tmp_path / "planted").exists()


def test_an_archive_of_other_files_is_refused(tmp_path: Path) -> None:
    inner, path = tmp_path / "inner.npz", tmp_path / "memories.npz"
    write_npz(inner, [record()])
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(inner, "inner.npz")
    assert "has no embedding and no user and no content: it has 'inner.npz'" in refused(path)
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("embedding", "user", "content"):
            archive.write(inner, name)
    assert "embedding is not an array" in refused(path)


@pytest.mark.parametrize(
    "given", [np.eye(2, 1536, dtype=">f4"), np.asfortranarray(np.eye(2, 1536)), np.eye(2, 1536, dtype="i8")]
)
def test_numbers_are_read_in_whatever_order_they_lie(tmp_path: Path, given: Any) -> None:
    path = tmp_path / "memories.npz"
    np.savez(path, embedding=given, user=np.array(["a", "b"]), content=np.array(["a", "b"]))
    np.testing.assert_array_equal(read(path)[0].embeddings, np.eye(2, 1536))


@pytest.mark.parametrize(
    ("content", "expected", "advice"),
    [
        (json.dumps([record(0), record(1)]).encode(), "is one JSON array, not one object per line", "jq -c '.[]'"),
        (
            b"\n " + json.dumps([record(0)], indent=2).encode(),
            "is one JSON array, not one object per line",
            "lines=True",
        ),
        (json.dumps(record(0), indent=2).encode(), "has objects that go over several lines", "jq -c '.'"),
        (json.dumps(record(0)).encode("utf-16"), "is in UTF-16", "iconv"),
        (json.dumps(record(0)).encode("utf-16-le"), "is in UTF-16", "iconv"),
        (json.dumps(record(0)).encode("utf-16-be"), "is in UTF-16", "iconv"),
        (b"\x1f\x8b\x08", "is compressed", "gunzip"),
    ],
)
def test_what_often_bears_the_name_of_lines_is_told(tmp_path: Path, content: bytes, expected: str, advice: str) -> None:
    path = tmp_path / "memories.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=expected) as caught:
        read(path)
    assert advice in caught.value.hint


def test_lines_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "memories.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(record(0)).encode())
    assert len(read(path)[0]) == 1


@pytest.mark.parametrize("suffix", ["csv", "tsv", "json", "ndjson", "npy", "jsonl.gz"])
def test_a_file_of_another_kind_is_refused_with_what_turns_it_into_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"memories.{suffix}"
    path.touch()
    with pytest.raises(DataError, match="is not a kind of file that memdb reads") as caught:
        read(path)
    assert caught.value.hint.startswith("It reads .npz, .jsonl, .parquet files. ")
    assert len(caught.value.hint) > 50


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
    assert "is not a kind of file that memdb reads" in refused(tmp_path / "memories.csv")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "memories.parquet"
    path.write_bytes(b"PAR1")
    monkeypatch.delitem(sys.modules, "memdb.reading.parquet", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError) as caught:
        read(path)
    assert "pip install 'memdb-pg[parquet]'" in caught.value.hint


def test_a_file_of_embeddings_can_be_read(embeddings: Path) -> None:
    first = next(FileSource(embeddings, 1).batches(NOW))
    assert len(first) == 1000
    np.testing.assert_allclose(np.linalg.norm(first.embeddings, axis=1), 1, atol=1e-3)
