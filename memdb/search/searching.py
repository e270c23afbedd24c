"""The search itself, in a transaction that only reads."""

import functools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from memdb import retrieval, target, trust, users, values
from memdb.database import Connection, query
from memdb.errors import DataError, MemdbError
from memdb.retrieval import Asked, Surroundings
from memdb.search import models
from memdb.search.question import Question, made, numbers, understood
from memdb.shape import Shape, UserKey
from memdb.target import Target

_SENT = ("pg_catalog", "_float4")


@dataclass(frozen=True, slots=True)
class Match:
    """A memory that was found by meaning (`distance`, `vector_rank`), by words (`word_score`, `word_rank`), or both.

    Ranks count from 1. What found it not is None. `score` is what the order goes by.
    """

    id: UUID
    memory_type: str
    content: str
    metadata: dict[str, Any] | None
    created_at: datetime
    accessed_at: datetime
    distance: float | None = None
    score: float = 0
    vector_rank: int | None = None
    word_score: float | None = None
    word_rank: int | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The matches, best first. `functions` are those of sets that found them; without any, all memories were read."""

    user: UserKey
    k: int
    matches: tuple[Match, ...]
    functions: tuple[str, ...]
    notes: tuple[str, ...]


def search(connection: Connection, question: Question) -> Answer:
    """The k memories that answer a question best.

    Raises DataError for a user without memories, and for a file or a memory that has no embedding, EmbedderFailed where
    an embedder gives none for the text, UsageError for an id that no user can have, DatabaseError where there are no
    memories, or reading them could run code of others.
    """
    with asking(connection, question) as search:
        return Answer(
            search.asked.user_id, question.k, search.matches(), tuple(sorted(search.functions)), search.notes()
        )


@contextmanager
def asking(connection: Connection, question: Question) -> Iterator["Search"]:
    """Around a search, in one snapshot, on behalf of the user. Raises as search does."""
    meaning = made(question)  # before the transaction, which would wait for it
    with connection.transaction(force_rollback=True):
        connection.execute("set transaction isolation level repeatable read, read only")
        found = target.enter(connection)
        trust.require_owners(connection, [found.memories])
        key = users.asking(question.user, found.shape.users)
        known, refused = _surroundings(connection, found)
        connection.execute(query("search", "speak_for"), {"user": str(key)})
        _require_memories(connection, found, key)
        asked = retrieval.asked(
            found.shape.users,
            key,
            _words(question, known),
            k=question.k,
            tiers=question.tiers or None,
            metadata=dict(question.metadata or {}),
            where=question.where,
            max_distance=question.max_distance,
        )
        yield Search(connection, found, question, asked, known, refused, meaning)


@dataclass
class Search:
    """A question that is being asked. `refused` are functions that this role had better not call.

    `meaning` is what the embedder has made of the text.
    """

    connection: Connection
    found: Target
    question: Question
    asked: Asked
    known: Surroundings
    refused: tuple[str, ...]
    meaning: Any = None
    embedding: list[float] | None = field(init=False)

    def __post_init__(self) -> None:
        self.embedding = self._embedding()
        if self.embedding is not None and self.asked.reads_embeddings(self.known):
            self.known.require_in_memories(len(self.embedding))

    @property
    def functions(self) -> frozenset[str]:
        """Those that are used."""
        if self.asked.metadata.path is not None:
            wanted = {retrieval.BY_CONDITION} if self.embedding is not None else set()
            return self.asked.functions(self.known) & wanted
        if retrieval.BY_BOTH in self.known.functions:
            return frozenset([retrieval.BY_BOTH])
        wanted = {retrieval.BY_MEANING} if self.embedding is not None else set()
        return self.known.functions & (wanted | ({retrieval.BY_WORDS} if self.asked.text else set()))

    def matches(self) -> tuple[Match, ...]:
        """The answer. The memory that others are to be like is no part of it."""
        like = self.question.like
        found = self.ask(replace(self.asked, k=self.asked.k + (like is not None)))
        return tuple(match for match in found if match.id != like)[: self.asked.k]

    def ask(self, asked: Asked) -> list[Match]:
        """Any question with the same embedding.

        An application may have put another function in place of search_memories_hybrid, which finds its tables by the
        path. No other name of that statement could mean what somebody else has put there.
        """
        if retrieval.BY_BOTH in self.functions:
            self.connection.execute("select pg_catalog.set_config('search_path', %s, true)", [self.found.search_path])
        text, parameters = asked.statement(self.known, (self.found.schema, "memories"), self.embedding, _SENT)
        with models.told(self.question.embedder, len(self.embedding or ()), self._answering):
            rows = psycopg.RawCursor(self.connection).execute(text.encode(), parameters).fetchall()
        return [_match(row) for row in rows]

    def memory(self, id: UUID) -> dict[str, Any] | None:
        """What there is to say of one memory, whoever has it."""
        contained, path = self.asked.metadata
        given = {"id": id, "user": self.asked.user_id, "path": path}
        given["contained"] = None if contained is None else json.dumps(contained)
        cursor = self.connection.cursor(row_factory=psycopg.rows.dict_row)
        facts = cursor.execute(self.found.query("search", "memory").encode(), given).fetchone()
        is_beside = self.embedding is not None and len(self.embedding) != self.known.former_dimensions
        if facts is not None and self._successor is not None and is_beside:
            facts["has_embedding"] = self._beside(self._successor, id) is not None
        return facts

    def has_expired(self, id: UUID) -> bool:
        """Whether a memory of the user is not found any more, though it is there until it is pruned."""
        if retrieval.EXPIRED not in self.known.functions:
            return False
        given = {"id": id, "user": self.asked.user_id}
        return bool(self.connection.value(self.found.query("search", "has_expired").encode(), given))

    def notes(self) -> tuple[str, ...]:
        """What is to be said of how memories were found."""
        notes = [f"{name} was not used: others could have it run their code with your rights." for name in self.refused]
        if self.asked.text and not any(map(str.isalnum, self.asked.text)):
            notes.append("The text has no letter and no digit, so it has no words, and nothing is found by them.")
        if self.asked.metadata.path is not None and (self.asked.text or not self.functions):
            notes.append("All memories of the user were read, because of the conditions on metadata.")
        elif self.asked.text and not self.functions & {retrieval.BY_BOTH, retrieval.BY_WORDS}:
            notes.append(
                "Without search_memories_by_words of the set hybrid_search, words are compared in every memory of the "
                "user, in the configuration 'simple'."
            )
        model = None if self.question.embedder is None else self.question.embedder.model
        if model is not None and (others := models.others(self.connection, self.found, self.asked.user_id, model)):
            notes.append(f"No embedding of the user is known to be of {model}: {others} made them.")
        if model is not None and self.embedding is not None:
            asked = len(self.embedding)
            if mistaken := models.mistaken(self.connection, self.found, model, asked, self._answering):
                notes.append(mistaken)
        return tuple(notes)

    def _embedding(self) -> list[float] | None:
        """By which a question is asked."""
        question = self.question
        if question.embedder is not None:
            return understood(self.meaning, self._shape_of(question.embedder.model))
        if question.embedding is not None:
            return self._numbers(question.embedding)
        return None if question.like is None else self._embedding_of(question.like)

    @property
    def _answering(self) -> models.Answering:
        return models.Answering(self.known.successor, (self._successor or self.found).dimensions)

    @functools.cached_property
    def _successor(self) -> Target | None:
        """The table of the model that has taken over, if one has, and its function is what answers."""
        answering = target.answering(self.connection, self.found)
        return None if answering.beside is None else answering

    def _numbers(self, given: Sequence[float] | Path) -> list[float]:
        """Of the former model, or of the one that has taken over. Raises as numbers does."""
        try:
            return numbers(given, self.found.shape)
        except MemdbError:
            if self._successor is None:
                raise
        return numbers(given, self._successor.shape)

    def _shape_of(self, model: str) -> Shape:
        """Of what a question of the model is compared with, where a function does that: it knows those beside, too."""
        shape = self.found.shape
        if self.asked.reads_embeddings(self.known):
            return shape
        return replace(shape, dimensions=models.beside(self.connection, self.found, model) or shape.dimensions)

    def _embedding_of(self, id: UUID) -> list[float]:
        given = {"id": id, "user": self.asked.user_id}
        row = self.connection.execute(self.found.query("search", "embedding").encode(), given).fetchone()
        if self._successor is not None:
            row = self._beside(self._successor, id) or row
        if row is None:
            raise DataError(f"user {self.asked.user_id} has no memory {id}", hint="Check both ids.")
        if row[0] is None:
            raise DataError(f"the memory {id} has no embedding, so none is like it", hint="Search for its words.")
        if not any(row[0]):
            raise DataError(
                f"the memory {id} has an embedding of zeros, so none is like it", hint="Search for its words."
            )
        return list(row[0])

    def _beside(self, successor: Target, id: UUID) -> tuple[Any, ...] | None:
        """The embedding of a memory of the user that the model has made which has taken over."""
        text = self.found.query("search", "embedding_beside", beside=[self.found.schema, str(successor.beside)])
        return self.connection.execute(text.encode(), {"id": id, "user": self.asked.user_id}).fetchone()


def _words(question: Question, known: Surroundings) -> str | None:
    """The text, if its words are to be compared: not those of a question in a sentence without the set for that, which
    knows how rare a word is; else `is` and `the` would count as much as what is asked for.
    """
    if question.embedder is not None and not known.functions & {retrieval.BY_BOTH, retrieval.BY_WORDS}:
        return None
    return question.text or None


def _surroundings(connection: Connection, found: Target) -> tuple[Surroundings, tuple[str, ...]]:
    """What is there, without those functions by which somebody else could have code of theirs run, and these."""
    place = f"{sql.Identifier(found.schema).as_string()}."
    given = {"table_name": f"{place}memories", "place": place}
    cursor = connection.cursor(row_factory=psycopg.rows.dict_row).execute(query("retrieval", "surroundings"), given)
    (row,) = cursor.fetchall()
    there = frozenset(row["functions"]) - {retrieval.WEIGHED}
    refused = there if trust.open_to_others(connection, found.schema) else there & _of_others(connection, found)
    return Surroundings(**{**row, "functions": there - refused}), tuple(sorted(refused))


def _of_others(connection: Connection, found: Target) -> frozenset[str]:
    given = {"memories": found.memories, "functions": list(retrieval.CALLED)}
    return frozenset(name for (name,) in connection.execute(query("search", "of_others"), given))


def _require_memories(connection: Connection, found: Target, user: UserKey) -> None:
    given = {"user": user, "memories": found.memories}
    ((has, by_policies),) = connection.execute(found.query("search", "has_memories").encode(), given)
    if not has:
        seen = " that row-level security lets this role see" if by_policies else ""
        raise DataError(f"user {user} has no memories{seen}", hint="Check the id: memdb search looks at one user only.")


def _match(row: tuple[Any, ...]) -> Match:
    id, _, tier, content, metadata, created_at, accessed_at, distance, score, rank, word_score, word_rank, words = row
    data, found = None if metadata is None else values.stored_metadata(metadata), tuple(words or ())
    return Match(id, tier, content, data, created_at, accessed_at, distance, score, rank, word_score, word_rank, found)
