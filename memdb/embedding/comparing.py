"""Whether another model's embeddings may take over: how their answers compare with those of the ones that serve."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from memdb import shipped, target, trust, users
from memdb.database import Connection, query
from memdb.embedding import needs
from memdb.errors import DatabaseError, DataError
from memdb.reading import readers, vectors
from memdb.successor import Successor
from memdb.target import Target

_TIMES = 4


@dataclass(frozen=True, slots=True)
class Least:
    """What the new model has to reach, as shares: of memories with an embedding, of what an exact search finds, and of
    the former model's answers. And at most so many times the former one's p95.
    """

    coverage: float = 0.99
    recall: float = 0.95
    agreement: float = 0.2
    slower: float = 1.5


@dataclass(frozen=True, slots=True)
class Side:
    """One of the models: how many memories have its embedding, in how many bytes, and how it answered.

    `recall` is of what an exact search finds; times are milliseconds, None where nothing was asked.
    """

    dimensions: int
    embedded: int
    bytes: int
    recall: float | None
    p50_ms: float | None
    p95_ms: float | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both models, asked the same `questions` for `k` memories each.

    `agreement` is the mean share of the former one's answers that the new one gives as well, `same_first` the share of
    questions with the same first answer. `stale` embeddings of the new model are of texts that have changed since.
    `failed` says what the new one does not reach, `has_taken_over` whether it answers already, beside the former one.
    """

    model: str
    memories: int
    stale: int
    questions: int
    k: int
    former: Side
    new: Side
    coverage: float
    agreement: float | None
    same_first: float | None
    failed: tuple[str, ...]
    has_taken_over: bool

    @property
    def ok(self) -> bool:
        return not self.failed


@dataclass(frozen=True, slots=True)
class Question:
    """The embeddings of a question by both models; the memory that it is made of, if it is one, is no answer."""

    user: Any
    former: Sequence[float]
    new: Sequence[float]
    memory: UUID | None = None


def compare(
    connection: Connection,
    model: str,
    given: tuple[Path, Path] | None = None,
    *,
    most: int = 200,
    k: int = 10,
    least: Least = Least(),
    on_question: Callable[[], None] = lambda: None,
) -> Comparison:
    """Asks both models. Reads only, in one snapshot.

    Questions are `most` of the memories that have both embeddings, or `given` ones: files with `user` and `embedding`,
    of the former model and of the new one, in the same order. Raises DatabaseError for a model that was not begun, and
    where memories are hidden from this role; DataError for files that do not fit.
    """
    with connection.transaction(force_rollback=True):
        connection.execute("set transaction isolation level repeatable read, read only")
        memories = target.enter(connection)
        found = needs.of_model(connection, memories, model)
        if found.beside is None:
            raise DatabaseError(
                f"no embeddings of {model} are kept beside memories",
                hint="Begin with: memdb new --change-model NAME --dimensions N",
            )
        needs.require_seen(connection, found)
        search = _functions(connection, memories, Successor(model))
        former = _serving(connection, memories, search[1])
        if former.beside == found.beside:
            raise DatabaseError(f"{model} answers alone already, and there is no other to compare it with")
        if former.beside is not None:
            needs.require_seen(connection, former)
        asked = _stored(connection, former, found, most) if given is None else _given(given, former, found, most)
        sides = _Asking(connection, former, search[1], k), _Asking(connection, found, search[0], k)
        for question in asked:
            for side, numbers in zip(sides, (question.former, question.new), strict=True):
                side.ask(question, numbers)
            on_question()
        return _summed(connection, model, sides, len(asked), least)


@dataclass
class _Asking:
    """A model that is asked: each question several times, of which the quickest counts, as others use the machine."""

    connection: Connection
    found: Target
    function: str
    k: int
    answers: list[list[UUID]] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def ask(self, question: Question, numbers: Sequence[float]) -> None:
        given = {"user": question.user, "numbers": list(numbers), "k": self.k + (question.memory is not None)}
        text = self._text("asked")
        taken = []
        for _ in range(_TIMES):
            begun = time.perf_counter()
            rows = self.connection.execute(text, given).fetchall()
            taken.append(time.perf_counter() - begun)
        self.seconds.append(min(taken))
        answer, right = (self._without(question, found) for found in (rows, self._exact(given)))
        self.answers.append(answer)
        if right:
            self.recalls.append(len({*answer} & {*right}) / len(right))

    def _exact(self, given: dict[str, Any]) -> list[tuple[Any, ...]]:
        return self.connection.execute(self._text("exact"), given).fetchall()

    def _without(self, question: Question, rows: Sequence[tuple[Any, ...]]) -> list[UUID]:
        return [id for (id,) in rows if id != question.memory][: self.k]

    def _text(self, block: str) -> Any:
        text, schema = shipped.queries("comparing")[block].replace("{key}", _key(self.found)), self.found.schema
        return self.found.filled_in(
            text, search=[schema, self.function], rows=[schema, self.found.beside or "memories"]
        )


def _serving(connection: Connection, found: Target, function: str) -> Target:
    """Where the embeddings are that a function compares."""
    table = target.serving(connection, found, function)
    if table is None:
        return found
    return replace(found, beside=table.name, embedding_type=table.embedding_type, dimensions=table.dimensions)


def _functions(connection: Connection, found: Target, successor: Successor) -> tuple[str, str]:
    """Those that answer questions of the new model, and of the former one."""
    names = [successor.search, successor.former, "search_memories_where"]
    given = {"memories": found.memories, "names": names}
    rows = connection.execute(query("comparing", "functions"), given).fetchall()
    known = {name: is_own for _, name, is_own in rows}
    former = next((name for name in names[1:] if name in known), None)
    if successor.search not in known or former is None:
        raise DatabaseError(
            f"there is no function {successor.search if former else names[2]} beside the table memories",
            hint="Apply what memdb new --change-model has written: memdb migrate",
        )
    if not (known[successor.search] and known[former]) or trust.open_to_others(connection, found.schema):
        raise DatabaseError(
            "the functions that search could be somebody else's, and would run with your rights",
            hint="Compare as a role with no more rights than the application, or see who may create functions there.",
        )
    return successor.search, former


def _of_both(block: str, former: Target, new: Target) -> Any:
    text = shipped.queries("comparing")[block].replace("{former_key}", _key(former))
    tables = {"former": former.beside or "memories", "beside": new.beside or "memories"}
    return new.filled_in(text, **{name: [new.schema, table] for name, table in tables.items()})


def _key(found: Target) -> str:
    return "id" if found.beside is None else "memory_id"


def _stored(connection: Connection, former: Target, new: Target, most: int) -> list[Question]:
    rows = connection.execute(_of_both("questions", former, new), {"most": most})
    return [Question(user, former, new, id) for id, user, former, new in rows]


def _given(paths: tuple[Path, Path], former: Target, new: Target, most: int) -> list[Question]:
    one, other = (_read(path, found, most) for path, found in zip(paths, (former, new), strict=True))
    if [user for user, _ in one] != [user for user, _ in other]:
        raise DataError(
            f"{paths[0]} and {paths[1]} are not of the same questions",
            hint="Both need the same users in the same order: one row for each question.",
        )
    return [Question(user, old, numbers) for (user, old), (_, numbers) in zip(one, other, strict=True)]


def _read(path: Path, found: Target, most: int) -> list[tuple[Any, list[float]]]:
    questions = list[tuple[Any, list[float]]]()
    for records in readers.reader(path, required=["embedding", "user"]).batches():
        batch = records.first(most - len(questions))
        if batch.rows:
            given = vectors.checked(path, batch.rows, batch.fields["embedding"], found.shape)
            asking = [users.asking(user, found.shape.users) for user in batch.of("user")]
            questions += zip(asking, given.tolist(), strict=True)
    return questions


def _summed(
    connection: Connection, model: str, sides: tuple[_Asking, _Asking], questions: int, least: Least
) -> Comparison:
    one, other = (side.found for side in sides)
    row = connection.execute(_of_both("coverage", one, other)).fetchone() or (0,) * 6
    memories, of_former, of_new, current, of_both, stale = row
    given = {
        "memories": other.memories,
        "of_former": of_former,
        "former": one.beside or "memories",
        "table": other.beside,
    }
    ((former_bytes, new_bytes),) = connection.execute(_of_both("sizes", one, other), given)
    former, new = _side(sides[0], of_former, int(former_bytes)), _side(sides[1], of_new, int(new_bytes))
    pairs = [(old, now) for old, now in zip(sides[0].answers, sides[1].answers, strict=True) if old]
    agreement = _mean([len({*old} & {*now}) / len(old) for old, now in pairs])
    same = _mean([float(old[:1] == now[:1]) for old, now in pairs])
    coverage = (of_both if of_former else current) / ((of_former or memories) or 1)
    failed = tuple(_failures(least, coverage if memories else 1.0, former, new, agreement))
    if memories and not sides[1].recalls:
        failed += ("no question was asked that it has an answer to",)
    switched = sides[0].function == Successor(model).former
    return Comparison(
        model, memories, stale, questions, sides[0].k, former, new, coverage, agreement, same, failed, switched
    )


def _side(asking: _Asking, embedded: int, size: int) -> Side:
    taken = [1000 * second for second in asking.seconds]
    p50, p95 = (float(np.quantile(taken, share)) if taken else None for share in (0.5, 0.95))
    return Side(asking.found.dimensions, embedded, size, _mean(asking.recalls), p50, p95)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _failures(least: Least, coverage: float, former: Side, new: Side, agreement: float | None) -> list[str]:
    failed = []
    if coverage < least.coverage:
        failed.append(f"{coverage:.1%} of the memories are covered, and {least.coverage:.1%} have to be")
    if new.recall is not None and new.recall < least.recall:
        failed.append(f"its recall is {new.recall:.3f}, and has to be {least.recall:.3f}")
    if agreement is not None and agreement < least.agreement:
        failed.append(f"{agreement:.1%} of the answers agree, and {least.agreement:.1%} have to")
    if former.p95_ms and new.p95_ms and new.p95_ms > least.slower * former.p95_ms:
        ratio = new.p95_ms / former.p95_ms
        failed.append(f"its p95 is {ratio:.2f} times the former one's, and may be {least.slower:g} times")
    return failed
