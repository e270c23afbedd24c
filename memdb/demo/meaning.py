"""Real sentences, embedded by a model on this machine, and found by what they mean."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from memdb import embedded, project, scratch, target
from memdb.demo import Chapter, fresh_database
from memdb.demo.sentences import QUESTIONS, SENTENCES
from memdb.door import Database
from memdb.embedders import Embedder
from memdb.ledger.sqlfiles import CORE
from memdb.search.question import Question

SETS = ("embeddings",)


@contextmanager
def database_for(
    embedder: Embedder, server: embedded.Server, on_start: project.OnStart = lambda *_: None
) -> Iterator[Database]:
    """The demo's own database, with SQL for embeddings such as this embedder makes.

    That of other sets is not written: each would be tried for the snapshot, which takes long.
    """
    (embedding,) = embedder.embed(["How many numbers are there?"])
    shape = project.choose(project.Wanted(dimensions=len(embedding)))
    with tempfile.TemporaryDirectory() as folder:
        trial = scratch.Options(server.url())
        made = project.init(Path(folder), shape, only=frozenset({CORE, *SETS}), trial=trial, on_start=on_start)
        with fresh_database(server, made.sql_dir, SETS) as db:
            yield db


def run(db: Database, embedder: Embedder) -> Iterator[Chapter]:
    """The chapters, as they happen, on an empty database."""
    yield Chapter(
        "memdb migrate --with embeddings",
        "Plain SQL files, written by memdb init for the embeddings of this model, make the schema.",
        db.migrate(),
    )
    yield Chapter(
        "memdb verify-schema",
        "Is it really there? Every column, key, index, parameter and comment is compared with the snapshot.",
        db.verify(),
    )
    user = _remember(db)
    yield Chapter(
        f"memdb embed --local {embedder.model}",
        "What somebody told a companion is embedded here: no key is needed, and no text leaves the machine.",
        db.embed(embedder),
    )
    for question in QUESTIONS:
        yield Chapter(
            f"memdb search '{question}' --user ID --local {embedder.model}",
            "The question is embedded as well. What is nearest in meaning comes first, whatever its words.",
            db.search(Question(question, user=user, embedder=embedder, k=2)),
        )


def _remember(db: Database) -> str:
    """Stores the sentences without embeddings; returns whose they are."""
    told = [(tier, content) for tier, contents in SENTENCES.items() for content in contents]
    given = {"tiers": [tier for tier, _ in told], "contents": [content for _, content in told]}
    with db.connected("demo") as connection, connection.transaction():
        found = target.enter(connection)
        return str(connection.value(found.query("demo", "remember").encode(), given))
