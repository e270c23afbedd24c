"""Files that mem0, Letta and LangGraph's store gave: tests/integration/others/README.md says how each was made."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import memdb
from memdb import cli, database
from memdb.errors import DataError, UsageError

OTHERS = Path(__file__).with_name("others")
ANN, BOB = UUID(int=1 << 96), UUID(int=2 << 96)
USERS = {"ann": ANN, "bob": BOB}


def imported(conninfo: str, file: str | Path, **how: Any) -> Any:
    with memdb.open(conninfo) as db:
        return db.import_(OTHERS / file, **how)


def memories(conninfo: str) -> dict[str, tuple[Any, ...]]:
    """By their texts: id, user, tier, metadata, and when they were made."""
    with database.connect(conninfo, purpose="test") as connection:
        rows = connection.execute(
            "select content, id::text, user_id, memory_type::text, metadata, created_at::date::text "
            "from memories where embedding is null"
        ).fetchall()
    return {content: tuple(rest) for content, *rest in rows}


def test_memories_of_mem0_keep_their_users_ids_and_metadata(migrated: str) -> None:
    with pytest.raises(DataError, match=r"a user of .* has no key"):
        imported(migrated, "mem0.json")
    found, again = (imported(migrated, "mem0.json", map_users=USERS) for _ in range(2))
    assert (found.memories, found.users, again.memories, again.already_there) == (4, 2, 0, 4)
    assert found.notes[0] == "They are mem0's."
    there = memories(migrated)
    id, user, tier, metadata, made = there['My cat is called Mia 🐈 "the cat"']
    assert (id, user, tier, made) == ("c4534064-bd21-4eff-a063-eb5ccda0e877", ANN, "personal", "2026-11-27")
    assert (metadata["mem0"]["agent_id"], metadata["mem0"]["role"]) == ("companion", "user")
    _, _, tier, metadata, _ = there["I prefer working in the morning"]
    assert (tier, metadata["topic"]) == ("project", "work")  # mem0's metadata says the tier
    assert there["I have two sisters"][1] == BOB


def test_all_of_a_file_can_become_one_users(migrated: str, tmp_path: Path) -> None:
    found = imported(migrated, "mem0.json", user=str(ANN), tier="task")
    assert (found.memories, found.users, found.users_created) == (4, 1, 1)
    assert {(user, tier) for _, user, tier, *_ in memories(migrated).values()} == {(ANN, "task"), (ANN, "project")}
    with memdb.open(migrated) as db:  # a file of memdb's, too
        file = db.export(tmp_path / "ann.jsonl").path
    assert imported(migrated, file, user=BOB, on_conflict="new-ids").memories == 4
    with pytest.raises(UsageError, match="one user is to get all"):
        imported(migrated, "mem0.json", user=ANN, map_users=USERS)


def test_passages_and_blocks_of_letta_become_memories(migrated: str) -> None:
    for file in ("letta-passages.json", "letta-agent.af"):
        with pytest.raises(DataError, match="does not say whose memories these of Letta are"):
            imported(migrated, file)
        first, again = (imported(migrated, file, user=ANN) for _ in range(2))
        assert (first.memories, again.memories, again.already_there) == (2, 0, 2)
    there = memories(migrated)
    passage, block = there["Ann's sister lives in Oslo"], there["Name: Ann. She likes tea."]
    assert passage[3]["letta"]["tags"] == ["family"]
    assert block[3]["letta"]["label"] == "human"


BROKEN = {
    "cut off": '{"results": [{"id": "1", "memory": "a"}',
    "of others": '[{"id": "1", "text": "a"}]',
    "empty": "",
    "nothing at all": "[]",
    "one that is none": '{"results": [{"id": "1", "memory": "a"}, {"id": "2"}]}',
    "a number": "1",
}


@pytest.mark.once
def test_what_no_known_system_wrote_is_refused_before_the_database_is_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "memories.json"
    for what, text in BROKEN.items():
        file.write_text(text)
        command = ["import", str(file), "--user", str(ANN), "--database-url", "postgresql://nobody@127.0.0.1:1/x"]
        assert cli.main(command) == 3, what
        assert "is not a file with memories that memdb knows" in capsys.readouterr().err


def test_a_value_that_no_memory_can_have_leaves_nothing(migrated: str, tmp_path: Path) -> None:
    file = tmp_path / "memories.json"
    for odd in ({"memory": "\0"}, {"memory": "a", "created_at": "some day"}, {"memory": None, "metadata": [1]}):
        file.write_text(json.dumps([{"id": "1", "memory": "fine"}, {"id": "2"} | odd]))
        with pytest.raises(DataError):
            imported(migrated, file, user=ANN)
    assert memories(migrated) == {}


def test_a_time_without_an_offset_is_one_in_utc(migrated: str, tmp_path: Path) -> None:
    file = tmp_path / "memories.json"
    times = ("2026-01-31T23:30:00", "2026-01-31T23:30:00-01:00")
    file.write_text(json.dumps([{"id": str(n), "memory": time, "created_at": time} for n, time in enumerate(times)]))
    imported(migrated, file, user=ANN)
    days = {text: day for text, (*_, day) in memories(migrated).items()}
    assert days == dict(zip(times, ("2026-01-31", "2026-02-01"), strict=True))


def test_what_the_other_system_did_not_find_any_more_is_not_brought_back(migrated: str, tmp_path: Path) -> None:
    file = tmp_path / "file.json"
    gone, later = "2020-01-01", "2999-12-31"
    item = {"namespace": ["a"], "value": {}, "created_at": "2024-01-01T00:00:00Z"}
    passage = {"text": "a", "created_at": None}
    exports: dict[str, list[dict[str, Any]]] = {
        "mem0": [{"id": day, "memory": day, "expiration_date": day} for day in (gone, later, "no day")],
        "Letta": [passage | {"id": f"passage-{deleted}", "is_deleted": deleted} for deleted in (True, False)],
        "LangGraph": [item | {"key": day, "expires_at": f"{day}T00:00:00+00:00"} for day in (gone, later)],
    }
    told = {}
    for system, records in exports.items():
        file.write_text(json.dumps(records))
        found = imported(migrated, file, user=ANN)
        assert found.memories == len(records) - 1, system
        told[system] = " ".join(found.notes)
        assert "Left out, as they had expired there, were deleted, or say nothing: 1." in told[system]
    assert ["Would expire there" in notes for notes in told.values()] == [True, False, True]
    assert gone not in memories(migrated)


@pytest.mark.once
def test_a_part_of_what_mem0_has_is_told_to_be_one(migrated: str, tmp_path: Path) -> None:
    """Its platform gives pages, and its package the first 20 unless more are asked for."""
    file = tmp_path / "page.json"
    results = [{"id": str(number), "memory": "a"} for number in range(20)]
    file.write_text(json.dumps({"count": 500, "next": "https://api.example/?page=2", "results": results[:3]}))
    assert "one page of 500 memories" in " ".join(imported(migrated, file, user=ANN).notes)
    file.write_text(json.dumps({"results": results}))
    assert "see whether there are more" in " ".join(imported(migrated, file, user=ANN).notes)
    file.write_text(json.dumps({"results": []}))
    with pytest.raises(DataError, match="is one of mem0, and has no memories"):
        imported(migrated, file, user=ANN)


@pytest.mark.once
def test_two_that_have_one_id_are_not_taken_for_one(migrated: str, tmp_path: Path) -> None:
    file = tmp_path / "twice.json"
    same = [{"id": "1", "memory": "a"}] * 2
    file.write_text(json.dumps([*same, {"id": "1", "memory": "b"}]))
    with pytest.raises(DataError, match="has two memories with the id"):
        imported(migrated, file, user=ANN)
    file.write_text(json.dumps(same))
    assert imported(migrated, file, user=ANN).memories == 1


@pytest.mark.once
def test_a_user_who_is_mapped_to_two_is_nobodys_guess(migrated: str, tmp_path: Path) -> None:
    mapping = tmp_path / "users.json"
    mapping.write_text(f'{{"ann": "{ANN}", "bob": "{BOB}", "ann": "{BOB}"}}')
    with pytest.raises(UsageError, match='gives the memories of "ann" to two users'):
        imported(migrated, "mem0.json", map_users=mapping)
    assert memories(migrated) == {}
