"""What compares embeddings besides searches, and follows the model that answers: functions of other sets.

Each such set has small functions that say which embedding of a memory is compared, and as what a question is taken.
The migrations that are written here replace their bodies. They are alongside the set: whoever applies it later gets
them, too.
"""

import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from memdb import statements
from memdb.errors import UsageError
from memdb.project import models, shipping
from memdb.project.adding import Pair
from memdb.shape import Shape
from memdb.successor import Successor

_BODY = re.compile(r"begin atomic\s*\n(?P<body>.*);\s*end\Z", re.DOTALL)
_QUESTION = """\
    select {function}.embedding::{former}({dimensions})"""
_EITHER_QUESTION = """\
    select
        case
            when {answers}(vector_dims({function}.embedding))
                then {function}.embedding::{former}({dimensions})
            else (
                {before}
            )
        end"""
_NOT_COMPARED = """\
    select null::{former}"""
_EITHER_COMPARED = """\
    select
        case
            when {answers}(vector_dims({function}.embedding)) is not true
                then (
                    {before}
                )
        end"""
_BESIDE = """\
    select e.embedding::{former} as compared
    from {table} as e
    where e.memory_id = {function}.memory_id"""
_ARCHIVED = """\
    select (beside #>> '{{{table}.memory_id,0,embedding}}')::{former} as compared
    where beside ? '{table}.memory_id'"""
_EITHER = """\
{new}
    union all
    select f.compared
    from (
        {before}
    ) as f
    where {answers}({asked}) is not true"""


@dataclass(frozen=True, slots=True)
class _Follower:
    """A function of a set, and its body for a model that answers alone, or beside the one before it."""

    set: str
    function: str
    alone: str
    either: str = _EITHER


_FOLLOWERS = (
    _Follower("collections", "memory_embedding_in_collections", _BESIDE),
    _Follower("collections", "memory_question_in_collections", _QUESTION, _EITHER_QUESTION),
    _Follower("deduplication", "memory_embedding_for_duplicates", _BESIDE),
    _Follower("archive", "memory_embedding_in_archive", _ARCHIVED),
    _Follower("archive", "memory_question_in_archive", _QUESTION, _EITHER_QUESTION),
    _Follower("importance", "memory_question_in_recall", _NOT_COMPARED, _EITHER_COMPARED),
)
_SETS = dict.fromkeys(follower.set for follower in _FOLLOWERS)
_ANSWERS = """\
-- And by what other sets compare.
create or replace function {function}(dimensions integer) returns boolean
language sql immutable parallel safe
begin atomic

    select {which};

end;
"""
_BEGUN = """\
-- Has the set {set} compare embeddings of {model}
-- for the questions that these answer. There are none before the switch.
-- alongside: {set}
{functions}"""
_RETIRED = """\
-- Has the set {set} know of no other embeddings than those of {model}.
-- alongside: {set}
{functions}"""


def begun(sql_dir: Path, successor: Successor, known: Shape, new: Shape) -> Iterator[Pair]:
    """What has these sets compare embeddings of the new model as soon as it answers.

    Raises UsageError where the folder has one as an older version of memdb had it.
    """
    for name in _SETS:
        yield _pair(sql_dir, successor, name, known, ("follow", _BEGUN), _Written(successor, known, new).either)


def retired(sql_dir: Path, successor: Successor, known: Shape, new: Shape) -> Iterator[Pair]:
    """What has them forget all other models, so that what belongs to these can be dropped. Raises as begun does."""
    for name in _SETS:
        yield _pair(sql_dir, successor, name, known, ("follow_only", _RETIRED), _Written(successor, known, new).alone)


def answers(successor: Successor, new: Shape | None, *, alone: bool = False) -> str:
    """What tells these sets in the switch that the model answers no question, some of them, or all."""
    some = "dimensions is null and false" if new is None else f"dimensions = {new.dimensions}"
    return _ANSWERS.format(function=successor.answers, which="dimensions is null or true" if alone else some)


@dataclass(frozen=True, slots=True)
class _Written:
    """Functions as they are for a model."""

    successor: Successor
    known: Shape
    new: Shape

    def alone(self, follower: _Follower, text: str) -> str:
        return _with(text, self._filled(follower, follower.alone))

    def either(self, follower: _Follower, text: str) -> str:
        asked = str(self.new.dimensions) if follower.set == "deduplication" else "dimensions"
        answers = f"where {self.successor.answers}({asked}) and "
        new = self._filled(follower, follower.alone).replace("where ", answers, 1)  # first, as it reads nothing
        written = self._filled(follower, follower.either, new=new, asked=asked, before="{before}")
        return _with(text, re.sub(r"( *)\{before\}", lambda found: textwrap.indent(_body(text), found[1]), written))

    def _filled(self, follower: _Follower, text: str, **more: str) -> str:
        return text.format(
            function=follower.function,
            table=self.successor.table,
            answers=self.successor.answers,
            former=self.known.embedding_type,
            dimensions=self.new.dimensions,
            **more,
        )


def _pair(
    sql_dir: Path,
    successor: Successor,
    set_name: str,
    known: Shape,
    titled: tuple[str, str],
    write: Callable[[_Follower, str], str],
) -> Pair:
    followers = [follower for follower in _FOLLOWERS if follower.set == set_name]
    former = [_last(sql_dir, follower, known) for follower in followers]
    made = [write(follower, text) for follower, text in zip(followers, former, strict=True)]
    functions, taken_back = (
        "\n\n".join(f"{text};" for text in texts) + "\n" for texts in (made, map(models.replacing, former))
    )
    title, file = titled
    migration = file.format(set=set_name, model=successor.model, functions=functions)
    return f"{title}_in_{set_name} {successor.slug}", migration, taken_back


def _with(text: str, body: str) -> str:
    return models.with_body(text, f"{body};")


def _body(text: str) -> str:
    """What a function does, without indentation."""
    found = _BODY.search(text)
    return textwrap.dedent(found["body"]).strip("\n") if found else ""


def _last(sql_dir: Path, follower: _Follower, known: Shape) -> str:
    """The statement that makes the function in this folder, or would if the set was added to it."""

    def makes(text: str) -> bool:
        return models.creates(text, follower.function, "function")

    found = models.statements_of(sql_dir, makes, follower.set)
    if not found and any((sql_dir / follower.set).glob("*.sql")):
        raise UsageError(
            f"no migration in {sql_dir} makes {follower.function}, by which the set {follower.set} follows the switch",
            hint="Bring the folder up to date: memdb upgrade, then memdb migrate",
        )
    if found:
        return found[-1]
    shipped = (text for path, text in shipping.texts(known).items() if path.parent.name == follower.set)
    return next(one.text for text in shipped for one in statements.split(text) if makes(one.text))
