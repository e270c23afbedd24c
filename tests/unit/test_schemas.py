"""The Pydantic schemas: what they take, what they refuse, and how they speak of metadata."""

import json
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from pgvector import Vector
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.json_schema import JsonSchemaMode

from memdb.errors import InvalidMemory, UsageError
from memdb.models import Memory, MemoryCollection, MemoryType
from memdb.schemas import (
    ConversationMetadata,
    GoalMetadata,
    MemoryCollectionCreate,
    MemoryCollectionResponse,
    MemoryCollectionUpdate,
    MemoryCreate,
    MemoryQuery,
    MemoryResponse,
    MemorySimilarityQuery,
    MemoryUpdate,
    StressorMetadata,
)
from memdb.seeding import phrases

USER = UUID(int=7)
VALID: dict[str, Any] = {"user_id": USER, "memory_type": "task", "content": "a walk"}


def test_metadata_has_its_name_in_json_and_either_name_on_the_way_in() -> None:
    for name in ("metadata", "extra_data"):
        memory = MemoryCreate.model_validate(VALID | {name: {"source": "chat"}})
        assert memory.extra_data == {"source": "chat"}
        assert json.loads(memory.model_dump_json())["metadata"] == {"source": "chat"}
    assert MemoryCreate(**VALID).extra_data == {}


def test_responses_read_the_attributes_of_models() -> None:
    now = datetime.now(UTC)
    memory = Memory(**VALID, id=uuid4(), extra_data={"source": "chat"}, created_at=now, accessed_at=now)
    shown = MemoryResponse.model_validate(memory)
    assert (shown.id, shown.memory_type, shown.extra_data) == (memory.id, MemoryType.TASK, {"source": "chat"})
    assert "embedding" not in shown.model_dump()
    collection = MemoryCollection(id=uuid4(), user_id=USER, collection_type="journal", name="Mornings", created_at=now)
    assert MemoryCollectionResponse.model_validate(collection).description is None


@pytest.mark.parametrize("form", [list, np.array, Vector])
def test_an_embedding_is_kept_as_a_vector_and_comes_back_from_json(form: Any) -> None:
    memory = MemoryCreate(**VALID, embedding=form([0.5] * 1536))
    assert memory.embedding == Vector([0.5] * 1536)
    assert MemoryCreate.model_validate_json(memory.model_dump_json()) == memory


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"content": ""}, "at least 1 character"),
        ({"content": " \n"}, "is empty"),
        ({"content": "x" * 10_001}, "at most 10000 characters"),
        ({"content": "a\0b"}, "cannot store"),
        ({"content": "\ud800"}, "surrogate|unicode"),
        ({"content": 7}, "valid string"),
        ({"memory_type": "forever"}, "'personal', 'project' or 'task'"),
        ({"user_id": "sam"}, "UUID"),
        ({"embedding": [0.1] * 768}, "this one has 768"),
        ({"embedding": [float("nan")] * 1536}, "must be finite"),
        ({"embedding": [float("-inf")] * 1536}, "must be finite"),
        ({"embedding": [0] * 1536}, "all zeros"),
        ({"embedding": "[0.1]"}, "must be a list of numbers"),
        ({"metadata": ["source"]}, "must be an object, but is list"),
        ({"metadata": "source"}, "must be an object, but is str"),
        ({"metadata": {"when": datetime.now(UTC)}}, "not a valid JSON value"),
        ({"metadata": {"stressor": 5}}, "metadata.stressor|extra_data.stressor"),
        ({"metadata": {"stressor": "exam", "intensity": 11}}, "less than or equal to 10"),
        ({"metadata": {"goal_id": "g", "completion_percentage": "half"}}, "valid number"),
        ({"metadata": {"conversation_id": None}}, "valid string"),
        ({"metadata": {"access_count": -1}}, "greater than or equal to 0"),
        ({"mood": "good"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_stored_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MemoryCreate(**VALID | values)


def test_known_patterns_are_typed_and_let_other_keys_through() -> None:
    for metadata, expected in (
        (StressorMetadata(stressor="exam", intensity=7), {"stressor": "exam", "intensity": 7.0}),
        (GoalMetadata(goal_id="g1", completion_percentage=40), {"goal_id": "g1", "completion_percentage": 40.0}),
        (ConversationMetadata(conversation_id="c1", source="chat"), {"conversation_id": "c1", "source": "chat"}),
        (StressorMetadata(stressor="exam", emotion=None), {"stressor": "exam", "emotion": None}),
        ({"stressor": True, "weather": {"rain": [1, 2]}}, {"stressor": True, "weather": {"rain": [1, 2]}}),
        ({"anything": None}, {"anything": None}),
    ):
        assert MemoryCreate.model_validate(VALID | {"metadata": metadata}).extra_data == expected


@pytest.mark.parametrize("tier", phrases.METADATA)
def test_the_metadata_of_seeded_memories_fit(tier: str) -> None:
    class Words(dict[str, Any]):
        def __missing__(self, key: str) -> Any:
            return 3 if key not in ("stressor", "emotion") else "exam"

    metadata = json.loads(phrases.METADATA[tier].format_map(Words()))
    assert MemoryCreate(**VALID, extra_data=metadata).extra_data == metadata


def test_an_update_tells_what_is_given_from_what_is_not() -> None:
    assert MemoryUpdate().model_fields_set == set()
    assert MemoryUpdate(embedding=None, extra_data=None).model_fields_set == {"embedding", "extra_data"}
    for schema, field in ((MemoryUpdate, "content"), (MemoryUpdate, "memory_type"), (MemoryCollectionUpdate, "name")):
        with pytest.raises(ValidationError, match="cannot be null"):
            schema.model_validate({field: None})


def test_queries_have_limits() -> None:
    embedding = [0.1] * 1536
    refused: list[tuple[type[BaseModel], dict[str, Any]]] = [
        (MemoryQuery, {"limit": 0}),
        (MemoryQuery, {"offset": -1}),
        (MemoryQuery, {"extra_data": {b"source": "chat"}}),
        (MemorySimilarityQuery, {"embedding": embedding, "extra_data": {b"source": "chat"}}),
        (MemoryQuery, {"offset": 10**20}),
        (MemoryQuery, {"created_from": "0001-01-01T00:00:00+05:00"}),
        (MemoryQuery, {"created_before": "9999-12-31T23:00:00-05:00"}),
        (MemoryQuery, {"accessed_before": date(2026, 1, 1)}),
        (MemoryQuery, {"memory_types": []}),
        (MemoryQuery, {"created_from": "2026-01-01T00:00:00"}),
        (MemorySimilarityQuery, {"embedding": embedding, "limit": 1001}),
        (MemorySimilarityQuery, {"embedding": embedding, "max_distance": 2.1}),
        (MemorySimilarityQuery, {"embedding": embedding, "memory_types": ["forever"]}),
        (MemorySimilarityQuery, {"embedding": [0.1] * 3}),
    ]
    for schema, values in refused:
        with pytest.raises(ValidationError):
            schema.model_validate({"user_id": USER} | values)


def test_collections_have_names_that_fit_their_columns() -> None:
    valid = {"user_id": USER, "collection_type": "journal", "name": "Mornings"}
    assert MemoryCollectionCreate.model_validate(valid).description is None
    for values in ({"name": ""}, {"name": "x" * 256}, {"collection_type": " "}, {"collection_type": "x" * 51}):
        with pytest.raises(ValidationError):
            MemoryCollectionCreate.model_validate(valid | values)


def test_the_schemas_describe_themselves_for_openapi() -> None:
    properties = MemoryCreate.model_json_schema()["properties"]
    assert properties["embedding"]["anyOf"][0]["minItems"] == 1536
    assert "metadata" in MemoryCreate.model_json_schema(mode="serialization")["properties"]


CHANGED: dict[str, Any] = {
    "embedding must have": {"embedding": [0.1]},
    "embedding is all zeros": {"embedding": Vector([0.0] * 1536)},
    "content": {"content": "  "},
    "content: String should have": {"content": "x" * 10_001},
    "memory_type": {"memory_type": "forever"},
    "user_id": {"user_id": "sam"},
    "extra_data must be an object": {"extra_data": [1]},
    "extra_data.mood is nan": {"extra_data": {"mood": float("nan")}},
    r"extra_data.a\[0\] has a NUL": {"extra_data": {"a": ["\0"]}},
    "extra_data.stressor": {"extra_data": {"stressor": 5}},
}


@pytest.mark.parametrize("message", CHANGED)
def test_what_was_assigned_is_checked_before_it_is_stored(message: str) -> None:
    for memory in (MemoryCreate(**VALID), MemoryUpdate(content="a run")):
        for name, value in CHANGED[message].items():
            if name in type(memory).model_fields:
                setattr(memory, name, value)
                with pytest.raises(InvalidMemory, match=message):
                    memory.checked()


def test_what_was_assigned_becomes_what_the_constructor_would_have_made() -> None:
    memory = MemoryCreate(**VALID)
    memory.embedding, memory.memory_type, memory.user_id = [0.5] * 1536, "project", str(USER)  # type: ignore[assignment]
    assert memory.checked() == MemoryCreate(**VALID | {"embedding": [0.5] * 1536, "memory_type": "project"})
    shown = memory.checked().model_dump_json()
    memory.memory_type, memory.user_id = MemoryType.PROJECT, USER
    assert memory.model_dump_json() == shown
    change = MemoryUpdate(content="a run")
    assert change.checked().model_fields_set == {"content"}
    change.embedding = None
    assert change.checked().model_fields_set == {"content", "embedding"}


def test_metadata_that_were_changed_in_place_are_checked_before_they_are_stored_or_asked() -> None:
    memory = MemoryCreate(**VALID, extra_data={"a": {"b": [1]}})
    query = MemoryQuery(user_id=USER, extra_data={"a": {"b": [1]}})
    for schema in (memory, query):
        schema.extra_data["a"]["b"].append(float("inf"))
        with pytest.raises(InvalidMemory, match=r"extra_data\.a\.b\[1\] is inf"):
            schema.checked()


def test_what_is_wrong_with_metadata_is_told_in_one_way_whatever_finds_it() -> None:
    for wrong in (USER, {1: 2}, {"\ud800": 1}, (1,)):
        told = set()
        for schema in (MemoryCreate(**VALID), MemoryUpdate(extra_data={}), MemoryQuery(user_id=USER)):
            assert schema.extra_data is not None
            schema.extra_data["a"] = {"b": [0, wrong]}
            with pytest.raises(InvalidMemory) as error:
                schema.checked()
            told.add((error.value.message, error.value.hint))
        assert len(told) == 1
        assert told.pop()[0].startswith("extra_data.a.b[1]")


def test_metadata_that_were_not_given_and_filled_in_place_are_kept() -> None:
    asked = MemorySimilarityQuery(user_id=USER, embedding=[1.0] * 1536)
    for schema in (MemoryCreate(**VALID), MemoryQuery(user_id=USER), asked):
        schema.extra_data["source"] = "chat"
        assert schema.checked().extra_data == {"source": "chat"}


def test_checking_a_query_names_what_cannot_be_asked() -> None:
    for name, value in (("offset", 2**63), ("limit", 0), ("created_from", datetime(2026, 1, 1)), ("memory_types", [])):  # noqa: DTZ001
        query = MemoryQuery(user_id=USER)
        setattr(query, name, value)
        with pytest.raises(InvalidMemory, match=f"^{name}"):
            query.checked()


def test_a_schema_of_the_application_is_checked_with_what_it_adds() -> None:
    class Noted(MemoryCreate):
        model_config = ConfigDict(extra="allow")
        mood: str = Field(default="calm", alias="feeling")

    noted = Noted.model_validate(VALID | {"feeling": "glad", "weather": "rain"})
    assert (noted.checked().mood, noted.checked() == noted) == ("glad", True)
    for changed in (noted.model_copy(update={"content": " "}), Noted.model_construct(**VALID | {"content": " "})):
        with pytest.raises(InvalidMemory, match=r"^content"):
            changed.checked()


def test_a_time_is_written_out_with_its_offset() -> None:
    for time in (1704067200, 1704067200000, 1.5, True, "1704067200", "-1.5", "2026-01-01", "2026-01-01T00:00", "NaN"):
        with pytest.raises(ValidationError):
            MemoryCreate.model_validate(VALID | {"created_at": time})
        with pytest.raises(ValidationError):
            MemoryQuery.model_validate({"user_id": USER, "created_from": time})
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    for written in ("2026-01-01T00:00:00Z", "2026-01-01 01:00:00+01:00", new_year):
        assert MemoryCreate.model_validate(VALID | {"created_at": written}).created_at == new_year


class Small(MemoryCreate[int]):
    embedding_type = "halfvec(3)"


def test_a_schema_of_another_shape_takes_its_ids_and_its_embeddings_only() -> None:
    memory = Small.model_validate_json(
        '{"user_id": 7, "memory_type": "task", "content": "a walk", "embedding": [1, 0, 0]}'
    )
    assert (memory.user_id, memory.embedding) == (7, Vector([1, 0, 0]))
    assert Small.model_validate_json(memory.model_dump_json()) == memory
    assert Small(user_id=7, memory_type=MemoryType.TASK, content="a walk").embedding is None
    for wrong, message in (
        ({"user_id": True}, "identify nobody"),
        ({"user_id": 2**63}, "no bigint can be"),
        ({"user_id": USER}, "valid integer"),
        ({"embedding": [1.0] * 1536}, "must have 3 numbers, but this one has 1536"),
        ({"embedding": [65505.0, 0, 0]}, "within ±65504"),
        ({"embedding": [1e-9, 0, 0]}, "all zeros, as a halfvec keeps it"),
    ):
        with pytest.raises(ValidationError, match=message):
            Small.model_validate(VALID | {"user_id": 7} | wrong)


@pytest.mark.parametrize(("value", "message"), [("", "empty"), ("a\0b", "NUL"), (7, "valid string")])
def test_a_text_that_identifies_nobody_is_refused(value: Any, message: str) -> None:
    assert MemoryQuery[str](user_id="user_2abc").user_id == "user_2abc"
    with pytest.raises(ValidationError, match=message):
        MemoryQuery[str](user_id=value)


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_the_json_schema_has_the_type_of_ids_and_the_length_of_embeddings(mode: JsonSchemaMode) -> None:
    def shown(schema: type[BaseModel]) -> tuple[Any, Any]:
        properties = schema.model_json_schema(mode=mode)["properties"]
        kinds = properties["embedding"].get("anyOf", [properties["embedding"]])
        return properties["user_id"]["type"], (kinds[0]["minItems"], kinds[0]["maxItems"], len(kinds))

    assert shown(MemoryCreate) == ("string", (1536, 1536, 2))
    assert shown(Small) == ("integer", (3, 3, 2))
    assert shown(MemorySimilarityQuery[str]) == ("string", (1536, 1536, 1))
    assert MemoryQuery[str].model_json_schema()["properties"]["user_id"]["minLength"] == 1


def test_an_embedding_type_that_is_none_is_refused_where_it_is_written() -> None:
    with pytest.raises(UsageError, match="cannot have the type 'float8'"):
        type("Odd", (MemoryCreate,), {"embedding_type": "float8"})
