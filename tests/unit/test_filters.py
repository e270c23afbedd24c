"""Filters by metadata: what can be asked for, what is refused, and that nothing of it is taken for anything else."""

import json
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter, ValidationError

from memdb import values
from memdb.errors import InvalidMemory
from memdb.schemas import MemoryQuery, Where

USER = UUID(int=1)


def asked(where: Any = (), **more: Any) -> MemoryQuery:
    return MemoryQuery(user_id=USER, where=where, **more)


def test_conditions_are_objects_in_json_and_in_python() -> None:
    written = [
        {"path": "year", "gte": 2020, "lt": 2024},
        {"path": ["place", "city"], "one_of": ["Berlin", "Bonn"]},
        {"path": ["$a.b"], "exists": True},
    ]
    query = MemoryQuery.model_validate_json(json.dumps({"user_id": str(USER), "where": written}))
    assert query.where == [
        Where("year", gte=2020, lt=2024),
        Where(["place", "city"], one_of=("Berlin", "Bonn")),
        Where(["$a.b"], exists=True),
    ]
    assert query == query.checked() == MemoryQuery.model_validate(query.model_dump()) == asked(query.where)


def test_the_json_schema_says_what_a_condition_is() -> None:
    shown = TypeAdapter(MemoryQuery).json_schema()["$defs"]["Where"]
    assert shown["properties"].keys() == {"path", *values.filters.OPERATORS}
    assert (shown["required"], shown["additionalProperties"]) == (["path"], False)


def test_what_is_asked_for_stays_text_in_a_jsonpath() -> None:
    hostile = '"\\ || true) $ \n@'
    assert values.filtered({}, [Where([hostile], eq=hostile)]) == (
        None,
        r'exists($."\"\\ || true) $ \n@" ? (@ == "\"\\ || true) $ \n@"))',
    )


def test_conditions_in_their_json_form_mean_the_same_wherever_they_are_given() -> None:
    given = {"path": "year", "gte": 2020}
    assert values.filtered({}, [given]) == values.filtered({}, [Where(**given)])  # type: ignore[list-item, arg-type]
    with pytest.raises(InvalidMemory, match="where: has 101 conditions"):
        values.filtered({}, [Where("a", eq=1)] * 101)


REFUSED: dict[str, dict[str, Any]] = {
    r"extra_data has the key \"\$gte\"": {"extra_data": {"year": [{"$gte": 2020}]}},
    r"where\[0\]: has no operator \"\$gte\"": {"where": [{"path": "year", "$gte": 2020}]},
    r"where\[1\]: lacks \"path\"": {"where": [Where("a", eq=1), {"gte": 2020}]},
    r"where\[0\]: must be an object": {"where": ["year"]},
    "where: must be a list": {"where": {"path": "year", "gte": 2020}},
    "where: has 101 conditions": {"where": [Where("a", eq=1)] * 101},
    r"where\[0\]: says nothing": {"where": [{"path": "year", "eq": None}]},
    "path has a dot": {"where": [{"path": "place.city", "eq": "Bonn"}]},
    "path has 0 keys": {"where": [{"path": [], "eq": 1}]},
    "path has 101 keys": {"where": [{"path": ["a"] * 101, "eq": 1}]},
    "path must be a key": {"where": [{"path": ["a", 0], "eq": 1}]},
    "path has a key that has a NUL": {"where": [{"path": "a\0", "eq": 1}]},
    "eq has a NUL": {"where": [{"path": "a", "eq": "\0"}]},
    "ne has half of a surrogate pair": {"where": [{"path": "a", "ne": "\ud83d"}]},
    "gte is nan": {"where": [{"path": "a", "gte": float("nan")}]},
    "lt is inf": {"where": [{"path": "a", "lt": float("inf")}]},
    "gt is a number beyond": {"where": [{"path": "a", "gt": 10**400}]},
    "gt compares texts and numbers, and not bool": {"where": [{"path": "a", "gt": True}]},
    "eq compares .* and not dict": {"where": [{"path": "a", "eq": {}}]},
    "one_of must be a list, but is str": {"where": [{"path": "a", "one_of": "ab"}]},
    "one_of has 0 values": {"where": [{"path": "a", "one_of": []}]},
    "none_of has 1,001 values": {"where": [{"path": "a", "none_of": [1] * 1001}]},
    "one_of compares .* and not NoneType": {"where": [{"path": "a", "one_of": [None]}]},
    "exists must be true or false": {"where": [{"path": "a", "exists": 1}]},
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_asked_for_is_refused(message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        asked(**REFUSED[message])


def test_what_is_put_in_later_is_looked_at_before_it_is_asked() -> None:
    query = asked(extra_data={"year": {}})
    query.extra_data["year"]["$gt"] = 1
    with pytest.raises(InvalidMemory, match=r"the key \"\$gt\".*as an operator"):
        query.checked()
    query = asked([Where("a", eq=1)])
    query.where.append({"path": "b", "like": "x"})  # type: ignore[arg-type]
    with pytest.raises(InvalidMemory, match=r"where\[1\]: has no operator \"like\""):
        query.checked()
