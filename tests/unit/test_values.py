"""What the values of a memory may be, and what an error calls the place where one cannot be right."""

import enum
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from pgvector import HalfVector, Vector

from memdb import users, values
from memdb.errors import InvalidMemory
from memdb.shape import Users

NUL, SURROGATE = "a\0b", "cut off \ud83d"


def nested(depth: int) -> dict[str, Any]:
    """Metadata of so many objects within each other."""
    inner: dict[str, Any] = {}
    for _ in range(depth - 1):
        inner = {"a": inner}
    return inner


NOT_JSON: dict[str, Any] = {
    "NUL": NUL,
    "surrogate": SURROGATE,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
    "1e400": 1e400,
    "10**400": 10**400,
    "10**5000": 10**5000,
    "UUID": uuid4(),
    "Decimal": Decimal("1.5"),
    "Fraction": Fraction(1, 3),
    "datetime": datetime.now(UTC),
    "date": date(2026, 1, 1),
    "timedelta": timedelta(1),
    "bytes": b"abc",
    "bytearray": bytearray(b"abc"),
    "set": {1},
    "frozenset": frozenset({1}),
    "tuple": (1, 2),
    "range": range(3),
    "generator": (number for number in range(3)),
    "complex": 1j,
    "object": object(),
    "type": int,
    "Enum": enum.Enum("Mood", "GOOD").GOOD,  # type: ignore[attr-defined]
    "float32": np.float32(1),
    "int64": np.int64(1),
    "array": np.ones(2),
    "key that is a number": {1: "a"},
    "key that is None": {None: "a"},
    "key that is true": {True: "a"},
    "key that is bytes": {b"a": "a"},
    "key that is a tuple": {(1, 2): "a"},
    "key with NUL": {NUL: "a"},
    "key with a surrogate": {SURROGATE: None},
}


@pytest.mark.parametrize("kind", NOT_JSON)
def test_metadata_that_cannot_be_stored_are_refused_at_any_depth_with_their_place(kind: str) -> None:
    value = NOT_JSON[kind]
    for data, place in (
        ({"a": value}, "extra_data.a"),
        ({"ok": [1, {"b c": [0, 1, value]}]}, 'extra_data.ok[1]["b c"][2]'),
    ):
        with pytest.raises(InvalidMemory) as error:
            values.metadata(data)
        assert error.value.message.startswith(place)
        error.value.message.encode()  # it can be shown and sent, whatever the key is


def test_a_key_that_cannot_be_stored_is_shown_with_escapes_and_not_at_length() -> None:
    for key in (NUL, SURROGATE, "x" * 10_000 + "\0"):
        with pytest.raises(InvalidMemory, match="is a key that has") as error:
            values.metadata({key: 1})
        assert len(error.value.message) < 200
        assert error.value.message.isprintable()


@pytest.mark.parametrize("value", [None, [], "a", 1, [("a", 1)], {"a"}])
def test_metadata_are_an_object(value: Any) -> None:
    with pytest.raises(InvalidMemory, match="extra_data must be an object"):
        values.metadata(value)


def test_metadata_that_json_has_are_taken_as_they_are() -> None:
    class Word(str, enum.Enum):  # noqa: UP042
        GOOD = "good"

    data = {
        "": None, "a": True, "é 🌱": "🌱", "big": 10**300, "small": -(2**63), "float": 1e308, "tiny": 5e-324,
        "list": [[], {}, [1, 2.5, False]], "word": Word.GOOD, "number": np.float64(0.5), "\\u0000": "\\u0000",
    }  # fmt: skip
    assert values.metadata(data) is data


def test_metadata_may_be_a_hundred_deep() -> None:
    assert values.metadata(nested(100))
    with pytest.raises(InvalidMemory, match=r"extra_data(\.a){100} is more than 100 objects and lists deep"):
        values.metadata(nested(101))
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InvalidMemory, match="more than 100"):
        values.metadata({"a": endless})


def test_whatever_other_programs_have_stored_is_read_or_refused_for_its_depth() -> None:
    digits = "9" * 5000
    read = values.stored_metadata(f'{{"n": [{digits}, -{digits}.5, 1.5, 10], "b": true}}')
    assert read == {"n": [digits, f"-{digits}.5", 1.5, 10], "b": True}
    assert values.stored_metadata("[" * 200 + "]" * 200)
    assert values.stored_metadata(f"[{'[],' * 300}[]]")
    for deep in (201, 100_000):
        with pytest.raises(InvalidMemory, match="more than 200 objects and lists deep"):
            values.stored_metadata("[" * deep + "]" * deep)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "must be text, but is NoneType"),
        (b"abc", "must be text, but is bytes"),
        (7, "must be text, but is int"),
        ("", "is empty"),
        (" \n\t\u00a0\u2003", "is empty"),
        (NUL, "NUL"),
        ("\0", "NUL"),
        (SURROGATE, "surrogate"),
        ("\ude00\ud83d", "surrogate"),
        ("x" * 10_001, "10,001 characters"),
    ],
)
def test_content_that_says_nothing_or_cannot_be_stored_is_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidMemory, match=f"content .*{message}"):
        values.content(value)


def test_content_is_taken_as_it_is() -> None:
    for text in (" a walk\r\n", "🌱" * 10_000, "\u200b.", "e\u0301"):
        assert values.content(text) is text


def with_length(length: float) -> list[float]:
    return [length / 1536**0.5] * 1536


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (with_length(1e20), "has the length 1e[+]20"),  # the squares overflow in 32 bits
        ([3e38] * 1536, "has the length 1.2e[+]40"),
        ([1e19, *[0.0] * 1535], "has the length"),
        (with_length(1e-20), "has the length 1e-20"),  # the squares vanish
        ([1e-40] * 1536, "has the length"),
        ([1e-60] * 1536, "all zeros"),
        ([-0.0] * 1536, "all zeros"),
        ([1e39] * 1536, "number 0 .* is inf"),
        ([*[0.5] * 1535, float("nan")], "number 1535 .* is nan"),
        ([True] * 1536, "holds something else"),
        ([None] * 1536, "holds something else"),
        (["0.1"] * 1536, "holds something else"),
        ([Decimal("0.1")] * 1536, "holds something else"),
        ([1j] * 1536, "holds something else"),
        ([10**400] * 1536, "holds something else"),
        ([[0.1] * 1536], "the shape 1 x 1536"),
        ([[0.1], [0.1, 0.2]], "list of 1536 numbers"),
        (np.float32(1), "the shape of one"),
        ({1.0: 2}, "but is dict"),
        ({0.1, 0.2}, "but is set"),
        ("[0.1]", "but is str"),
        (b"\0" * 1536, "but is bytes"),
        (None, "not iterable"),
        (object(), "not iterable"),
        (Vector([0.1] * 3), "this one has 3"),
        (Vector([0.0] * 1536), "all zeros"),
        (Vector([3e38] * 1536), "has the length 1.2e[+]40"),
        (np.full(1536, 1e-30, np.float32), "has the length"),
    ],
)  # fmt: skip
def test_an_embedding_whose_distances_are_not_numbers_is_refused(value: Any, message: str) -> None:
    with pytest.raises(InvalidMemory, match=f"^embedding .*{message}"):
        values.embedding(value)


@pytest.mark.parametrize(
    "form", [list, tuple, iter, np.array, np.float16, lambda n: np.array(n, ">f4"), Vector, HalfVector]
)
def test_an_embedding_may_come_in_any_form(form: Any) -> None:
    numbers = [0.5, *[0.25] * 1535]
    assert values.embedding(form(numbers)).tolist() == numbers
    assert values.embedding([1, *[0] * 1535]).dtype == np.float32


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int32])
def test_an_embedding_with_masked_numbers_is_refused_and_one_without_is_not(kind: type) -> None:
    numbers: Any = np.ma.masked_array(np.ones(1536, kind), mask=np.zeros(1536, bool))
    assert values.embedding(numbers).tolist() == [1] * 1536
    numbers[7] = np.ma.masked
    with pytest.raises(InvalidMemory, match=r"^embedding has masked numbers"):
        values.embedding(numbers)


def test_an_embedding_may_be_as_long_or_short_as_its_distances_allow() -> None:
    for length in (2e-15, 1e-3, 1, 1000, 5e14):
        assert values.embedding(with_length(length)).shape == (1536,)


def test_of_many_embeddings_the_first_that_is_unusable_is_told() -> None:
    vectors = np.ones((5, 1536), np.float32)
    assert values.unusable(vectors) is None
    assert values.unusable(vectors[:0]) is None
    vectors[3], vectors[2, 7] = 0, np.nan
    assert values.unusable(vectors) == (2, "must be finite, but number 7 (from 0) is nan")


EAST, WEST = timezone(timedelta(hours=5)), timezone(-timedelta(hours=5))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (datetime(2024, 1, 1, 12), "no offset"),  # noqa: DTZ001
        (date(2024, 1, 1), "must be a datetime, but is date"),
        ("2024-01-01T00:00:00Z", "must be a datetime, but is str"),
        (1704067200, "must be a datetime, but is int"),
        (np.datetime64("2024-01-01"), "must be a datetime, but is datetime64"),
        (datetime(1, 1, 1, tzinfo=EAST), "outside the years 1 to 9999"),
        (datetime(9999, 12, 31, 23, tzinfo=WEST), "outside the years 1 to 9999"),
    ],
)
def test_what_is_no_moment_is_refused(value: Any, message: str) -> None:
    for rule in (values.time, values.stored_time):
        with pytest.raises(InvalidMemory, match=f"^created_at .*{message}"):
            rule(value, "created_at")


def test_the_first_and_the_last_moment_can_be_compared_with_and_not_stored() -> None:
    for moment in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        assert values.time(moment, "created_from") is moment
        with pytest.raises(InvalidMemory, match="created_at is in the year"):
            values.stored_time(moment, "created_at")
    for moment in (
        datetime(2, 1, 1, tzinfo=UTC),
        datetime(9998, 12, 31, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=EAST),
    ):
        assert values.stored_time(moment, "created_at") is moment


def test_a_written_number_that_no_column_can_hold_is_told_as_one() -> None:
    people = Users("people", key_type="bigint")
    assert users.key(str(-(2**63)), people) == -(2**63)
    with pytest.raises(InvalidMemory, match=f"user_id is {2**63}, which no bigint can be"):
        users.key(str(2**63), people)


def test_ids_are_uuids() -> None:
    id = uuid4()
    assert values.identifier(id) is id
    assert values.identifier(str(id)) == id
    for value in (None, 7, "sam", b"x" * 16, "", [id], "\ud83d"):
        with pytest.raises(InvalidMemory, match="user_id must be a UUID"):
            values.identifier(value, "user_id")
    assert isinstance(values.identifier(UUID(int=0)), UUID)


def test_each_error_says_what_to_do() -> None:
    refused: list[tuple[Any, Any]] = [
        (values.content, ""), (values.content, 7), (values.content, NUL), (values.content, "x" * 10_001),
        (values.embedding, "a"), (values.embedding, 7), (values.embedding, ["a"]), (values.embedding, [0.1]),
        (values.embedding, [0.0] * 1536), (values.metadata, []), (values.metadata, {"a": NUL}),
        (values.tier, "forever"), (values.identifier, "sam"), (values.time, 7), (values.time, datetime(2026, 1, 1)),  # noqa: DTZ001
        (values.stored_time, datetime.max.replace(tzinfo=UTC)), (values.name, "x" * 256),
    ]  # fmt: skip
    for rule, value in refused:
        with pytest.raises(InvalidMemory) as error:
            rule(value)
        assert error.value.hint, value
