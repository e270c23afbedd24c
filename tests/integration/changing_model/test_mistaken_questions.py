"""Questions of a model that does not answer, and has as many dimensions as the one that does."""

from pathlib import Path

import pytest

import memdb
from memdb import project
from memdb.search.question import Question
from tests.conftest import new_database
from tests.integration.changing_model.conftest import ANN, NEW, SETS, SMALL, Model

pytestmark = pytest.mark.once


def test_a_question_of_the_model_that_does_not_answer_is_said_to_be_compared_with_that_which_does(
    server: str, fresh: Path
) -> None:
    project.begin(fresh, NEW, 1536)
    with new_database(server) as conninfo:
        db = memdb.open(conninfo, sql_dir=fresh, sets=SETS)
        db.migrate()
        with db.connected("test") as connection:
            connection.execute("insert into users (id) values (%s)", [ANN])
            connection.execute(
                "insert into memories (user_id, memory_type, content) values (%s, 'task', 'a text')", [ANN]
            )
        asked, former = (db.search(Question("text", user=ANN, embedder=Model(name, 1536))) for name in (NEW, "former"))
        note = f"{NEW} has not taken over yet: the question was compared with embeddings of the model before it."
        assert note in asked.notes
        assert note.replace(NEW, "former") not in former.notes
        db.embed(Model(NEW, 1536), batching=SMALL)
        project.switch(fresh, NEW)
        db.migrate()
        asked, former = (db.search(Question("text", user=ANN, embedder=Model(name, 1536))) for name in (NEW, "former"))
        answered = f"Questions of 1536 dimensions are answered by {NEW}, and this one is of former."
        assert answered in former.notes
        assert not [note for note in asked.notes if "dimensions" in note or "taken over" in note]
