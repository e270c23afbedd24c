"""What words add to meaning in real dialogues: how often a search finds the memory that holds the answer.

`python -m bench.dialogues DATA MODEL [URL]` prints a table. DATA is a folder with what there is of MemoryBank's
`eval_data/en` and `eval_data/cn` (MIT) and of LoCoMo's `locomo10.json` (CC BY-NC: to measure with, and no more). MODEL
is a folder with `model.onnx` and `tokenizer.json` of all-MiniLM-L6-v2; onnxruntime and tokenizers have to be
installed. URL is an empty database, of a server with pg_trgm to try that as well; without it, a temporary server.
"""

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, LiteralString, TypeAlias
from uuid import UUID

import numpy as np
from pgvector import Vector
from pgvector.psycopg import register_vector

import memdb
from bench.search_rows import Vectors, user
from memdb import database, embedded, files
from memdb.database import Connection
from memdb.project import shipping
from memdb.shape import Shape

Embed: TypeAlias = Callable[[list[str]], Vectors]

_SHAPE = Shape(dimensions=384)
_SETS = ("drop_hnsw", "fast_search", "hybrid_search")
_PLACES = (1, 5, 10)

_EAST = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_PAIRS = rf"regexp_replace({{}}, '([{_EAST}]{{{{2}}}})', ' \1 ', 'g')"
_SIGNS = "'-_/.@:#+<>&', '           '"
_WORDS = {
    "simple": f"to_tsvector('simple', translate(left(content, 100000), {_SIGNS}))",
    "english": f"to_tsvector('english', translate(left(content, 100000), {_SIGNS}))",
    "pairs": "to_tsvector('simple', {} || ' ' || {})".format(
        _PAIRS.format(f"translate(left(content, 50000), {_SIGNS})"),
        _PAIRS.format(
            rf"regexp_replace(translate(left(content, 50000), {_SIGNS}), '(^|[^{_EAST}])([{_EAST}])', '\1\2 ', 'g')"
        ),
    ),
    "trigrams": "array_to_tsvector(show_trgm(left(content, 10000)))",
}
_REPLACE = (
    "create or replace function memory_words(content text) returns tsvector "
    "language sql immutable strict parallel safe return {}"
)
_SEARCHES: dict[str, LiteralString] = {
    "meaning": "select id from search_memories(%(user)s, %(embedding)s, 10)",
    "words": "select id from search_memories_by_words(%(user)s, %(question)s, 10)",
    "both": "select id from search_memories_hybrid(%(user)s, %(question)s, %(embedding)s, 10)",
}

# Where MemoryBank's questions are answered, by whom they are asked of, in the order of the files: the numbers of the
# exchanges that hold the answer. Read by hand; the Chinese dialogues tell the same in the same places.
_ANSWERS: dict[int, list[set[int]]] = {
    0: [{17}, {20}, {32}, {5}, {16}, {26}, {35}],
    1: [{2}, {15}, {18}, {47, 48}, {50}, {25}, {9}],
    4: [{7}, {13}, {7}, {4}, {20}, {26}, {32}],
    7: [set(), {33, 34}, {24}, {8}, {3}, {30}, {24}],
    8: [{1}, {11}, {12}, {24}, {31}, {6}, {17}],
    9: [{6}, {22}, set(), {23}, set(), {10}, {19}],
}


@dataclass(frozen=True, slots=True)
class Dialogue:
    """The memories of one user, and questions with the numbers of the memories that hold the answer."""

    memories: list[str]
    questions: list[tuple[str, set[int]]]


@dataclass(frozen=True, slots=True)
class Question:
    """The parameters of a search, and the ids of the memories that hold the answer."""

    asked: dict[str, object]
    answers: set[UUID]


class Model:
    """all-MiniLM-L6-v2: the mean of its last states, brought to length 1."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(256)
        self._tokenizer.enable_padding()
        self._session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
        self._names = {given.name for given in self._session.get_inputs()}

    def embeddings(self, texts: list[str]) -> Vectors:
        """(texts, 384)"""
        return np.concatenate([self._batch(texts[start : start + 64]) for start in range(0, len(texts), 64)])

    def _batch(self, texts: list[str]) -> Vectors:
        encoded = self._tokenizer.encode_batch(texts)
        mask = np.array([one.attention_mask for one in encoded], np.int64)
        given = {
            "input_ids": np.array([one.ids for one in encoded], np.int64),
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(mask),
        }
        states = self._session.run(None, {name: given[name] for name in self._names})[0]
        sums = (states * mask[:, :, None]).sum(axis=1)
        return np.asarray(sums / np.linalg.norm(sums, axis=1, keepdims=True), np.float32)


def main(data: str, model: str, url: str | None = None) -> None:
    """Prints the table."""
    embed = Model(Path(model)).embeddings
    columns = ["dialogues", "memories", "questions", "words", "way", *(f"recall@{k}" for k in _PLACES)]
    print("", *columns, "", sep=" | ")
    print("", *("---" for _ in columns), "", sep=" | ")
    with ExitStack() as stack:
        conninfo = database.conninfo(url or stack.enter_context(embedded.temporary()).url())
        _migrate(conninfo)
        connection = stack.enter_context(database.connect(conninfo, purpose="bench"))
        register_vector(connection)
        for name, dialogues, kinds in _read(Path(data)):
            memories = _fill(connection, dialogues, embed)
            questions = _questions(dialogues, memories, embed)
            of = [name, sum(map(len, memories)), len(questions)]
            _row(*of, "", "meaning", *_recall(connection, "meaning", questions))
            for kind in kinds:
                if not _chosen(connection, kind):
                    continue
                for way in ("words", "both"):
                    _row(*of, kind, way, *_recall(connection, way, questions))


def _row(*cells: object) -> None:
    print("", *(f"{cell:.3f}" if isinstance(cell, float) else cell for cell in cells), "", sep=" | ", flush=True)


def _migrate(conninfo: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files.create({Path(folder, path): text for path, text in shipping.texts(_SHAPE).items()})
        with memdb.open(conninfo, sql_dir=Path(folder), sets=_SETS) as db:
            db.migrate()


def _read(data: Path) -> Iterator[tuple[str, list[Dialogue], list[str]]]:
    """What there is: its name, its dialogues, and what a word may be in them."""
    for language, kinds in (("en", ["simple", "english"]), ("cn", ["simple", "pairs", "trigrams"])):
        if (folder := data / language).is_dir():
            yield f"MemoryBank, {language}", _memory_bank(folder, language), kinds
    if (file := data / "locomo10.json").is_file():
        yield "LoCoMo", [_locomo(one) for one in json.loads(file.read_text())], ["simple", "english"]


def _memory_bank(folder: Path, language: str) -> list[Dialogue]:
    """An exchange is a memory. Its day is not part of the text, as it is not in an application's either."""
    users = list(json.loads((folder / f"memory_bank_{language}.json").read_text()).values())
    asked = [
        json.loads(line) for line in (folder / f"probing_questions_{language}.jsonl").read_text().splitlines() if line
    ]
    return [
        Dialogue(
            [f"{one['query']}\n{one['response']}" for day in users[place]["history"].values() for one in day],
            [pair for pair in zip(next(iter(asked[place].values())), answers, strict=True) if pair[1]],
        )
        for place, answers in _ANSWERS.items()
    ]


def _locomo(one: dict[str, Any]) -> Dialogue:
    """A turn is a memory, with what its picture shows. Questions of category 5 have no answer."""
    sessions = [turns for name, turns in one["conversation"].items() if isinstance(turns, list)]
    turns = [turn for session in sessions for turn in session]
    places = {turn["dia_id"]: place for place, turn in enumerate(turns)}
    memories = [f"{turn['speaker']}: {turn['text']} {turn.get('blip_caption', '')}".strip() for turn in turns]
    answers = ((asked["question"], asked["evidence"]) for asked in one["qa"] if asked["category"] != 5)
    known = ((question, {places[place] for place in given if place in places}) for question, given in answers)
    return Dialogue(memories, [pair for pair in known if pair[1]])


def _fill(connection: Connection, dialogues: list[Dialogue], embed: Embed) -> list[list[UUID]]:
    """The ids of each dialogue's memories, in place of what was there."""
    connection.execute("truncate users cascade")
    ids = [
        [UUID(int=user(number).int + place) for place, _ in enumerate(one.memories)]
        for number, one in enumerate(dialogues)
    ]
    for number, one in enumerate(dialogues):
        connection.execute("insert into users (id) values (%s)", [user(number)])
        connection.cursor().executemany(
            "insert into memories (id, user_id, memory_type, content, embedding) values (%s, %s, 'task', %s, %s)",
            [
                [id, user(number), text, Vector(vector)]
                for id, text, vector in zip(ids[number], one.memories, embed(one.memories), strict=True)
            ],
        )
    return ids


def _questions(dialogues: list[Dialogue], memories: list[list[UUID]], embed: Embed) -> list[Question]:
    return [
        Question(
            {"user": user(number), "question": text, "embedding": Vector(vector)}, {ids[place] for place in places}
        )
        for number, (one, ids) in enumerate(zip(dialogues, memories, strict=True))
        for (text, places), vector in zip(one.questions, embed([text for text, _ in one.questions]), strict=True)
    ]


def _chosen(connection: Connection, kind: str) -> bool:
    """Whether words are of this kind now."""
    if kind == "trigrams":
        if not connection.value("select exists (select from pg_available_extensions where name = 'pg_trgm')"):
            return False
        connection.execute("create extension if not exists pg_trgm")
    connection.execute(_REPLACE.format(_WORDS[kind]).encode())
    connection.execute("reindex index concurrently ix_memories_words")  # the other form may use what a session knows
    return True


def _recall(connection: Connection, way: str, questions: list[Question]) -> list[float]:
    """Of the memories that hold an answer, the share that is among the first, as a mean over the questions."""
    found = [[row[0] for row in connection.execute(_SEARCHES[way], one.asked).fetchall()] for one in questions]
    return [
        fmean(len(one.answers & set(ids[:k])) / len(one.answers) for one, ids in zip(questions, found, strict=True))
        for k in _PLACES
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
