"""A model that runs here: real sentences are embedded, stored and found by what they mean."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

import memdb
from memdb.cli import main
from memdb.shape import Shape
from tests import local_model
from tests.conftest import new_database
from tests.integration.orm import shapes

pytestmark = pytest.mark.once

ANN = UUID(int=1 << 96)
SENTENCES = (
    "I cannot start the day without a double espresso.",
    "My sister moved to Lisbon with her two kids.",
    "The landlord wants more money every month from May on.",
    "Running along the river clears my head.",
    "I am allergic to peanuts, so I always read the label.",
    "The board presentation was moved to Thursday.",
    "I still miss the dog we had when I was a child.",
    "My guitar teacher says that I should practise scales.",
)
QUESTIONS = {
    "which hot drink in the morning": 0,
    "where does my family live": 1,
    "is the rent going up": 2,
    "which sport helps against stress": 3,
    "what food is dangerous for me": 4,
    "upcoming appointment at work": 5,
    "a pet from long ago": 6,
    "learning an instrument": 7,
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return local_model.assemble(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def filled(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A database for 384 dimensions with Ann's sentences, and the folder with its SQL."""
    directory = tmp_path_factory.mktemp("sql")
    shapes.write(directory, Shape(dimensions=384))
    with new_database(server) as conninfo:
        with memdb.open(conninfo, sql_dir=directory, sets=("drop_hnsw", "embeddings")) as db:
            db.migrate()
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("insert into users (id) values (%s)", [ANN])
            connection.cursor().executemany(
                "insert into memories (id, user_id, memory_type, content) values (%s, %s, 'personal', %s)",
                [(UUID(int=place + 1), ANN, content) for place, content in enumerate(SENTENCES)],
            )
        yield conninfo, str(directory)


def test_sentences_are_embedded_here_and_found_by_what_they_mean(
    filled: tuple[str, str], model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    conninfo, _ = filled
    place = ["--database-url", conninfo]
    assert main(["embed", "--local", str(model), "--dry-run", *place]) == 0
    assert f"8 memories to be embedded by {local_model.NAME}: 8 missing." in capfd.readouterr().out
    assert main(["embed", "--local", str(model), *place]) == 0  # which asks nobody, since nothing is sent
    assert f"Stored 8 embeddings of {local_model.NAME}" in capfd.readouterr().out
    assert main(["embed", "--check", "--local", str(model), *place]) == 0
    capfd.readouterr()
    for question, place_of_answer in QUESTIONS.items():
        assert main(["search", question, "--user", str(ANN), "--local", str(model), "--format", "json", *place]) == 0
        found = json.loads(capfd.readouterr().out)
        assert found["matches"][0]["content"] == SENTENCES[place_of_answer], question
        assert found["notes"] == []


def test_words_and_meaning_are_merged_and_a_memory_is_explained(
    filled: tuple[str, str], model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    conninfo, directory = filled
    with memdb.open(conninfo, sql_dir=directory, sets=("hybrid_search",)) as db:
        db.migrate()
    given = ["search", "espresso", "--user", str(ANN), "--local", str(model), "--database-url", conninfo]
    assert main(["embed", "--local", str(model), "--database-url", conninfo]) == 0
    capfd.readouterr()
    assert main([*given, "--format", "json"]) == 0
    first, *_ = json.loads(capfd.readouterr().out)["matches"]
    assert (first["content"], first["vector_rank"], first["word_rank"]) == (SENTENCES[0], 1, 1)
    assert main([*given, "--explain", str(UUID(int=2))]) == 0
    assert "distance" in capfd.readouterr().out
    assert main([*given, "--model", "another"]) == 0  # the same file under a name that nothing was embedded under
    said = capfd.readouterr().out
    assert f"No embedding of the user is known to be of another: {local_model.NAME} made them." in said


def test_a_model_of_other_dimensions_than_the_database_is_refused_with_the_way_out(
    migrated: str, model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with memdb.open(migrated, sets=("embeddings",)) as db:
        db.migrate()
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute("insert into users (id) values (%s)", [ANN])
        connection.execute("insert into memories (user_id, memory_type, content) values (%s, 'task', 'a')", [ANN])
    for command in (["embed"], ["search", "a", "--user", str(ANN)]):
        assert main([*command, "--local", str(model), "--database-url", migrated]) == 3
        said = capfd.readouterr().err
        assert "an embedding has 384 dimensions, and the column is vector(1536)" in said
        assert "memdb init . --dimensions 384" in said


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["search", "a", "--user", str(ANN), "--local", "{model}", "--like", str(ANN)], "two embeddings are given"),
        (["search", "--like", str(ANN), "--user", str(ANN), "--local", "{model}"], "there is no text"),
        (["search", "a", "--user", str(ANN), "--base-url", "http://127.0.0.1:1/v1"], "not said which model"),
        (["embed", "--local", "{model}", "--base-url", "http://127.0.0.1:1/v1"], "a model in a folder and an endpoint"),
        (["embed", "--local", "{model}", "--model", "m", "--from", "v.npz"], "a file and a model are given"),
    ],
)
def test_what_does_not_go_together_is_refused(
    filled: tuple[str, str], model: Path, capfd: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    arguments = [one.replace("{model}", str(model)) for one in given]
    assert main([*arguments, "--database-url", filled[0]]) == 2
    assert said in capfd.readouterr().err
