"""What a file says is what is stored: times, ids, metadata and numbers in every type that files have for them."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from operator import methodcaller
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from memdb.errors import DataError
from memdb.reading import users
from memdb.seeding.files import FileSource
from memdb.seeding.rows import Batch

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
IDS = [UUID("0e0b6b0c-3b1a-4b8e-8f0e-222222222200"), UUID(int=7)]  # bytes and text that end in zeros lose them in numpy
MOMENT = np.datetime64("2024-05-06T07:08:09.123456")
NANOSECONDS = np.datetime64("2024-05-06T07:08:09.123456789")
BEFORE = np.datetime64("1969-12-31T23:59:59.999999999")


def read(path: Path) -> Batch:
    (batch,) = FileSource(path, 1).batches(NOW)
    return batch


def npz(folder: Path, **columns: Any) -> Path:
    path = folder / "memories.npz"
    given: dict[str, Any] = {"embedding": np.eye(2, 1536), "user": ["a", "b"], "content": ["a", "b"]}
    np.savez(path, **given | columns)
    return path


def parquet(folder: Path, **columns: Any) -> Path:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra parquet)")
    from pyarrow import parquet

    path = folder / "memories.parquet"
    given = {"embedding": np.eye(2, 1536).tolist(), "user": ["a", "b"], "content": ["a", "b"]} | columns
    parquet.write_table(pa.table(given), path)
    return path


def jsonl(folder: Path, **fields: Any) -> Path:
    path = folder / "memories.jsonl"
    given = {"embedding": np.eye(1, 1536)[0].tolist(), "user": "a", "content": "a"} | fields
    path.write_text(json.dumps(given) + "\n")
    return path


def array(values: Any, type: Any) -> Any:
    """A column of Parquet: `type` makes its type of pyarrow."""
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra parquet)")
    return pa.array(values, type(pa))


def metadata(path: Path) -> list[Any]:
    return [json.loads(text) for text in read(path).metadata]


def test_a_struct_has_the_keys_that_were_given(tmp_path: Path) -> None:
    given = [
        {"done": True},
        {"conversation_id": "c9", "inner": {"x": 1}, "list": [{"p": 1}, {"q": None, "r": [None, 2]}]},
    ]
    stored = [{"done": True}, {"conversation_id": "c9", "inner": {"x": 1}, "list": [{"p": 1}, {"r": [None, 2]}]}]
    assert metadata(parquet(tmp_path, metadata=given)) == stored


def test_a_struct_of_which_nothing_was_given_is_empty_and_a_row_without_one_has_none(tmp_path: Path) -> None:
    first, second = metadata(parquet(tmp_path, metadata=[{"a": None}, None]))
    assert first == {}
    assert second["source"] == "memories.parquet"


def test_a_map_keeps_what_was_given_and_structs_within_it_too(tmp_path: Path) -> None:
    given = [{"a": {"x": 1, "y": None}, "b": None}, {}]
    column = array(
        [list(row.items()) for row in given],
        lambda pa: pa.map_(pa.string(), pa.struct({"x": pa.int64(), "y": pa.int64()})),
    )
    assert metadata(parquet(tmp_path, metadata=column)) == [{"a": {"x": 1}, "b": None}, {}]


def test_a_map_in_a_struct_in_a_list_is_an_object(tmp_path: Path) -> None:
    column = array(
        [{"l": [{"m": [("k", 1)]}]}, None],
        lambda pa: pa.struct({"l": pa.large_list(pa.struct({"m": pa.map_(pa.large_string(), pa.int8())}))}),
    )
    assert metadata(parquet(tmp_path, metadata=column))[0] == {"l": [{"m": {"k": 1}}]}


def test_keys_that_are_no_text_are_refused(tmp_path: Path) -> None:
    column = array([[(1, "a")], None], lambda pa: pa.map_(pa.int32(), pa.string()))
    with pytest.raises(DataError, match="metadata has a map whose keys are int32"):
        read(parquet(tmp_path, metadata=column))


@pytest.mark.parametrize("value", [NOW, Decimal("1.5"), date(2024, 1, 1), b"\xff", float("nan")])
def test_what_json_cannot_say_is_refused_with_its_row(tmp_path: Path, value: Any) -> None:
    with pytest.raises(DataError, match=r"row 2: metadata\.at is .*, which JSON does not have"):
        read(parquet(tmp_path, metadata=[{"at": None}, {"at": value}]))


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "dictionary", "binary"])
def test_text_of_any_kind_is_read(tmp_path: Path, kind: str) -> None:
    def column(*values: Any) -> Any:
        pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra parquet)")
        if kind == "dictionary":
            return pa.array(values, pa.string()).dictionary_encode()
        if not hasattr(pa, kind):
            pytest.skip(f"this pyarrow has no {kind}")
        return pa.array([v.encode() if kind == "binary" else v for v in values], getattr(pa, kind)())

    batch = read(
        parquet(
            tmp_path,
            user=column("ann", "ann"),
            content=column("naïve", "日本"),
            memory_type=column("project", "task"),
            metadata=column('{"a": 1}', '{"b": [null]}'),
            id=column(*map(str, IDS)),
            created_at=column("2025-01-02T03:04:05+01:00", "2025-01-02"),
        )
    )
    assert batch.users == [users.named("ann")] * 2
    assert (batch.contents, batch.tiers) == (["naïve", "日本"], ["project", "task"])
    assert [json.loads(text) for text in batch.metadata] == [{"a": 1}, {"b": [None]}]
    assert [id.tobytes() for id in batch.ids] == [id.bytes for id in IDS]
    assert batch.created_at.astype(str).tolist() == ["2025-01-02T02:04:05.000000", "2025-01-02T00:00:00.000000"]


def test_uuids_of_parquet_are_read(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra parquet)")
    fixed = pa.array([id.bytes for id in IDS], pa.binary(16))
    columns = [fixed] + ([pa.ExtensionArray.from_storage(pa.uuid(), fixed)] if hasattr(pa, "uuid") else [])
    for column in columns:
        batch = read(parquet(tmp_path, id=column, user=column))
        assert [id.tobytes() for id in batch.ids] == [id.bytes for id in IDS]
        assert batch.users == IDS


def test_ids_of_bytes_are_read_as_pandas_writes_them(tmp_path: Path) -> None:
    for kind in ("binary", "large_binary"):
        for ids in ([id.bytes for id in IDS], [b"of 16 characters", IDS[1].bytes], [str(id).encode() for id in IDS]):
            found = [id.tobytes() for id in read(parquet(tmp_path, id=array(ids, methodcaller(kind)))).ids]
            assert found == [id if len(id) == 16 else UUID(id.decode()).bytes for id in ids]


@pytest.mark.parametrize(
    "ids",
    [
        np.array([str(id) for id in IDS]),
        np.array([str(id) for id in IDS], "S"),
        np.array([id.hex for id in IDS], "S"),
        np.array([id.bytes for id in IDS], "V16"),
    ],
    ids=["text", "bytes of text", "hexadecimal digits", "16 bytes"],
)
def test_uuids_of_numpy_are_read(tmp_path: Path, ids: Any) -> None:
    batch = read(npz(tmp_path, id=ids, user=ids))
    assert [id.tobytes() for id in batch.ids] == [id.bytes for id in IDS]
    assert batch.users == IDS


def test_texts_of_numpy_may_be_bytes_in_utf_8(tmp_path: Path) -> None:
    batch = read(npz(tmp_path, content=np.array(["naïve".encode(), "日本".encode()])))
    assert batch.contents == ["naïve", "日本"]
    with pytest.raises(DataError, match=r"row 2: content must be text, but is bytes: b'\\xff'"):
        read(npz(tmp_path, content=np.array([b"a", b"\xff"])))


@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "25s"])
def test_times_of_numpy_are_read_in_every_unit(tmp_path: Path, unit: str) -> None:
    given = np.array(["1970-01-01", "NaT"], f"M8[{unit}]")
    batch = read(npz(tmp_path, created_at=given))
    assert batch.created_at[0] == np.datetime64("1970-01-01")
    assert not np.isnat(batch.created_at[1])


@pytest.mark.parametrize(
    ("given", "stored"), [(NANOSECONDS, MOMENT), (BEFORE, np.datetime64("1969-12-31T23:59:59.999999"))]
)
def test_what_is_below_a_microsecond_is_cut_off(tmp_path: Path, given: np.datetime64, stored: np.datetime64) -> None:
    column = array([int(given.astype(int)), None], lambda pa: pa.timestamp("ns", "UTC"))
    for path in (
        npz(tmp_path, created_at=np.array([given, "NaT"], "M8[ns]")),
        parquet(tmp_path, created_at=column),
        jsonl(tmp_path, created_at=f"{given}Z"),
    ):
        assert read(path).created_at[0] == stored


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", ["UTC", "+02:00", "America/New_York", "Mars/Phobos"])
def test_times_of_parquet_that_have_a_zone_are_read_in_every_unit(tmp_path: Path, unit: str, zone: str) -> None:
    column = array(
        [1_700_000_000 * 1000 ** ["s", "ms", "us", "ns"].index(unit), None], lambda pa: pa.timestamp(unit, zone)
    )
    batch = read(parquet(tmp_path, created_at=column))
    assert batch.created_at[0] == np.datetime64(1_700_000_000, "s")
    assert not np.isnat(batch.created_at[1])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_parquet_without_a_zone_are_refused_with_their_row(tmp_path: Path, unit: str) -> None:
    column = array([None, 1_700_000_000 * 1000 ** ["s", "ms", "us", "ns"].index(unit)], lambda pa: pa.timestamp(unit))
    with pytest.raises(DataError, match="row 2: created_at has no time zone: '2023-11-14T22:13:20") as caught:
        read(parquet(tmp_path, created_at=column))
    assert "tz_localize('UTC')" in caught.value.hint
    assert "2025-01-31T12:00:00Z" in caught.value.hint


@pytest.mark.parametrize("type", ["date32", "date64"])
def test_a_date_is_its_beginning_in_utc(tmp_path: Path, type: str) -> None:
    column = array([date(2024, 2, 29), None], lambda pa: getattr(pa, type)())
    for path in (
        parquet(tmp_path, created_at=column),
        npz(tmp_path, created_at=np.array(["2024-02-29", "NaT"], "M8[D]")),
        jsonl(tmp_path, created_at="2024-02-29"),
    ):
        assert read(path).created_at[0] == np.datetime64("2024-02-29")


def test_times_of_another_zone_are_turned_into_utc(tmp_path: Path) -> None:
    moment = datetime(2024, 3, 31, 2, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert read(jsonl(tmp_path, created_at=moment.isoformat())).created_at[0] == np.datetime64("2024-03-30T21:00:00")
    assert read(parquet(tmp_path, created_at=[moment, None])).created_at[0] == np.datetime64("2024-03-30T21:00:00")


@pytest.mark.parametrize("type", ["float16", "float32", "float64", "int8", "int64", "decimal128"])
@pytest.mark.parametrize("list_type", ["list_", "large_list", "fixed"])
def test_embeddings_of_any_numbers_are_read(tmp_path: Path, type: str, list_type: str) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed (extra parquet)")
    number = pa.decimal128(20, 3) if type == "decimal128" else getattr(pa, type)()
    rows = [[1, -2] + [0] * 1534, [0] * 1535 + [1]]
    flat = pa.array(np.array(rows, "f4" if type == "float16" else "i4").ravel()).cast(number, safe=False)
    made = pa.FixedSizeListArray.from_arrays(flat, 1536)
    column = made if list_type == "fixed" else made.cast(getattr(pa, list_type)(number))
    batch = read(parquet(tmp_path, embedding=column))
    assert batch.embeddings.dtype == np.float32
    np.testing.assert_array_equal(batch.embeddings, rows)


@pytest.mark.parametrize("type", ["float32", "int8"])
def test_a_null_within_an_embedding_is_told_with_its_place(tmp_path: Path, type: str) -> None:
    rows = [[1] * 1536, [1] * 7 + [None] + [1] * 1528]
    column = array(rows, lambda pa: pa.list_(getattr(pa, type)()))
    with pytest.raises(DataError, match=r"row 2: embedding must be .*: number 7 \(from 0\) is None"):
        read(parquet(tmp_path, embedding=column))


@pytest.mark.parametrize("values", [[None, 1], ["1"], [True]])
def test_embeddings_of_no_numbers_are_refused(tmp_path: Path, values: list[Any]) -> None:
    with pytest.raises(DataError, match="row 1: embedding"):
        read(parquet(tmp_path, embedding=[(values * 1536)[:1536]] * 2))
    with pytest.raises(DataError, match="row 1: embedding must be a list of numbers, but is str: '"):
        read(parquet(tmp_path, embedding=["[1, 2]"] * 2))


@pytest.mark.parametrize("value", [7, 2**63, "7"])
def test_a_number_names_the_same_user_in_every_kind(tmp_path: Path, value: Any) -> None:
    expected = users.named(str(value))
    assert read(jsonl(tmp_path, user=value)).users[0] == expected
    assert read(npz(tmp_path, user=np.array([value, value]))).users[0] == expected
    assert (
        read(parquet(tmp_path, user=np.array([value, value]) if value == 2**63 else [value, value])).users[0]
        == expected
    )


@pytest.mark.parametrize("field", ["user", "content", "embedding"])
def test_nan_for_what_is_missing_is_told_as_that(tmp_path: Path, field: str) -> None:
    with pytest.raises(DataError, match=f"row 1: {field} is missing"):
        read(jsonl(tmp_path, **{field: float("nan")}))


def test_nan_for_what_may_be_missing_is_no_value(tmp_path: Path) -> None:
    nan = float("nan")
    batch = read(jsonl(tmp_path, memory_type=nan, metadata=nan, id=nan, created_at=nan, accessed_at="2020-01-01"))
    assert json.loads(batch.metadata[0])["source"] == "memories.jsonl"
    assert batch.created_at[0] == batch.accessed_at[0] == np.datetime64("2020-01-01")
