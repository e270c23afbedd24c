"""Users as files name them, and ids that are made up, for each type of an id."""

from uuid import UUID

import pytest

from memdb.errors import DataError
from memdb.reading import keys, users
from memdb.shape import USER_TYPES, Users
from memdb.values import user_id

PERSON = "11111111-1111-1111-1111-111111111111"


@pytest.mark.parametrize("key_type", USER_TYPES)
def test_an_id_that_is_made_up_is_one_of_its_type_and_told_from_others(key_type: str) -> None:
    of_type, made = Users(key_type=key_type), keys.KINDS[key_type].made
    for described in (b"", b"ann", b"\xff" * 99):
        key = keys.made_from(of_type, described)
        assert user_id(key, of_type) == key == keys.made_from(of_type, described)
        assert made.has(key)
    assert made.has(made.first)
    assert made.has(made.last)


def test_ids_near_those_that_are_made_up_are_an_applications() -> None:
    assert not any(map(keys.KINDS["text"].made.has, ["memdb-", "memdb-0zz", f"memdb-{'0' * 17}", f"memdb-{'g' * 16}"]))
    assert not any(map(keys.KINDS["bigint"].made.has, [-1, 0, 7, -(2**63), 2**63 - 1]))
    assert not any(map(keys.KINDS["integer"].made.has, [-1, 0, 7, -(2**31), 2**31 - 1]))


@pytest.mark.parametrize(
    ("key_type", "value", "key"),
    [
        ("uuid", PERSON, UUID(PERSON)),
        ("bigint", 7, 7),
        ("bigint", "-7", -7),
        ("integer", "42", 42),
        ("text", "user_2abc", "user_2abc"),
        ("text", 7, "7"),
        ("varchar(40)", UUID(PERSON), PERSON),
    ],
)
def test_a_value_that_is_an_id_is_that_user(key_type: str, value: object, key: object) -> None:
    assert users.named(value, Users(key_type=key_type)) == key


@pytest.mark.parametrize(
    ("key_type", "value"),
    [
        ("uuid", 7),
        ("bigint", "042"),
        ("bigint", "ann"),
        ("integer", 2**31),
        ("bigint", PERSON),
        ("varchar(30)", "x" * 31),
    ],
)
def test_from_any_other_name_an_id_is_made(key_type: str, value: object) -> None:
    of_type = Users(key_type=key_type)
    assert keys.kind(of_type).made.has(users.named(value, of_type))


def test_two_names_never_become_one_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(keys.KINDS, "integer", keys.Kind("int8", keys.Numbers(-1, 1)))
    names = users.Names(Users(key_type="integer"))
    assert names.key("ann") == names.key("ann") == -1
    with pytest.raises(ValueError, match="would get the id -1, which was made for 'ann' already"):
        names.key("bob")


def test_a_key_that_is_too_short_for_ids_of_memdb_takes_an_applications() -> None:
    short = Users("accounts", key_type="varchar(20)")
    assert users.named("ann", short) == "ann"
    with pytest.raises(DataError, match=r"accounts.id is varchar\(20\), too short for an id that memdb makes up"):
        users.named("x" * 21, short)
