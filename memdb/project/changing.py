"""The migrations by which another model takes over: it is begun beside the former one, switched to, and left alone."""

import re
from pathlib import Path

from memdb.errors import UsageError
from memdb.ledger.sqlfiles import CORE, OWN
from memdb.project import adding, folder, following, models, stages
from memdb.project.adding import NewMigrations, Pair
from memdb.shape import Shape
from memdb.successor import Successor
from memdb.words import argument

_SEARCH = "search_memories_where"
_INDEX = "ix_memories_signature"


def begin(
    sql_dir: Path, model: str, dimensions: int, embedding_type: str | None = None, *, set_name: str | None = None
) -> NewMigrations:
    """Writes what keeps and searches embeddings of another model beside the former ones, which go on serving.

    Raises UsageError for a model that has been begun, without the set fast_search, or for memdb's own SQL;
    SqlFilesError where the folder's shape cannot be told.
    """
    successor, former = Successor(model), folder.shape_of(sql_dir)
    known = models.shape_for(former, dimensions, embedding_type)
    models.last(sql_dir, _SEARCH)
    if models.begun(sql_dir, successor) is not None:
        _require_name(sql_dir, successor)
        name = argument(model)
        raise UsageError(
            f"{successor.table} is there already",
            hint=f"Go on: memdb embed --model {name}, then memdb new --switch-model {name}",
        )
    followers = following.begun(sql_dir, successor, former, known)
    return _write(sql_dir, set_name, [*models.templates("begin", successor, known), *followers])


def switch(sql_dir: Path, model: str, *, set_name: str | None = None) -> NewMigrations:
    """Writes what has questions answered by another model, and those of the former one by that.

    Where both have equally many numbers, the former one has to be asked by the name of its function. Raises UsageError
    for a
    model that was not begun, or was switched to.
    """
    successor, known = Successor(model), folder.shape_of(sql_dir)
    new, former = _shape_of(sql_dir, successor, known), models.last(sql_dir, _SEARCH)
    if successor.former in former:
        raise UsageError(f"{model} was switched to already", hint="Apply what was written: memdb migrate")
    kept = re.sub(rf"\b{_SEARCH}\b", successor.former, _creating(former))
    kept = kept.replace(" rows 10\n", " rows 10\nset jit = off\n", 1)  # a statement of its own: planned only if asked
    search, back = _both(former, successor, new), models.replacing(former)
    signature, fixed = _signature(successor.former, known), _fixed(_SEARCH, known)
    callers = _callers(signature, known)
    pairs = [
        *models.templates("switch", successor, new),
        (
            f"keep_former_search {successor.slug}",
            stages.KEPT.format(model=model, table=successor.table, kept=kept, signature=signature, callers=callers),
            f"drop function {signature};\n",
        ),
        (
            f"fix_search_path_of_former_search {successor.slug}",
            stages.KEPT_SAFE.format(signature=signature),
            f"alter function {signature}\nreset search_path;\n",
        ),
        (
            f"switch_search {successor.slug}",
            stages.SWITCHED.format(model=model, search=search, fixed=fixed, answers=following.answers(successor, new)),
            stages.TAKEN_BACK.format(search=back, fixed=fixed, answers=following.answers(successor, None)),
        ),
    ]
    return _write(sql_dir, set_name, pairs)


def retire(sql_dir: Path, model: str, *, set_name: str | None = None) -> NewMigrations:
    """Writes what ends the service of the model before this one, and drops the signatures' index of the first of all.

    Raises UsageError for a model that was not switched to.
    """
    successor, known = Successor(model), folder.shape_of(sql_dir)
    new, switched = _shape_of(sql_dir, successor, known), models.last(sql_dir, _SEARCH)
    kept = models.last(sql_dir, successor.former, hint=f"Switch to it first: memdb new --switch-model {model}")
    former, fixed = _signature(successor.former, known), _fixed(_SEARCH, known)
    only, alone = _only(switched, successor, new), following.answers(successor, new, alone=True)
    retired = stages.RETIRED.format(model=model, search=only, fixed=fixed, answers=alone, former=former)
    serving_again = stages.SERVING_AGAIN.format(
        kept=kept,
        former=former,
        callers=_callers(former, known),
        fixed_former=_fixed(successor.former, known),
        search=models.replacing(switched),
        fixed=fixed,
        answers=following.answers(successor, new),
    )
    name, others = f"retire_former_search {successor.slug}", following.retired(sql_dir, successor, known, new)
    if models.statements_of(sql_dir, lambda text: text == f"drop index concurrently {_INDEX}"):
        return _write(
            sql_dir, set_name, [(name, retired, serving_again), *others]
        )  # with the model before the former one
    index = models.last(sql_dir, _INDEX, kind="index concurrently")
    comments = models.statements_of(sql_dir, lambda text: text.startswith(f"comment on index {_INDEX} is\n"))
    pairs = [
        (name, retired + stages.UNCOMMENTED, f"{comments[-1]};\n\n{serving_again}"),
        (f"drop_former_signatures {successor.slug}", stages.DROPPED, f"-- transactional: false\n{index};\n"),
        *others,
    ]
    return _write(sql_dir, set_name, pairs)


def _shape_of(sql_dir: Path, successor: Successor, known: Shape) -> Shape:
    written = models.begun(sql_dir, successor)
    if written is None:
        raise UsageError(
            f"no migration in {sql_dir} keeps embeddings of {successor.model}",
            hint="Begin with: memdb new --change-model NAME --dimensions N",
        )
    _require_name(sql_dir, successor)
    return known.with_embedding(written)


def _require_name(sql_dir: Path, successor: Successor) -> None:
    """Raises UsageError where the table of that name has embeddings of another model."""
    if (other := models.kept_in(sql_dir, successor)) != successor.model:
        raise UsageError(
            f"{successor.table} is that of {other}",
            hint="Names are shortened to the same: give the new model another, and memdb embed the same with --model.",
        )


def _fixed(function: str, known: Shape) -> str:
    return stages.FIXED.format(type=known.embedding_type, signature=_signature(function, known))


def _callers(former: str, known: Shape) -> str:
    return stages.CALLERS.format(former=former, search=_signature(_SEARCH, known))


def _signature(function: str, known: Shape) -> str:
    more = "jsonpath, integer, memory_type[], double precision, jsonb, integer"
    return f"{function}({known.users.base_type}, {known.embedding_type}, {more})"


def _both(former: str, successor: Successor, new: Shape) -> str:
    one, other = _branch(successor.search, new), _branch(successor.former)
    return models.with_body(
        former,
        f"{one}    where vector_dims(embedding) = {new.dimensions}\n    union all\n"
        f"{other}    where vector_dims(embedding) is distinct from {new.dimensions}\n    order by distance, id;",
    )


def _only(former: str, successor: Successor, new: Shape) -> str:
    return models.with_body(former, _branch(successor.search, new).rstrip("\n") + ";")


def _branch(function: str, new: Shape | None = None) -> str:
    return stages.BRANCH.format(function=function, cast="" if new is None else f"::{new.embedding_type}")


def _creating(function: str) -> str:
    return re.sub(r"\Acreate (or replace )?", "create ", function)


def _write(sql_dir: Path, set_name: str | None, pairs: list[Pair]) -> NewMigrations:
    if set_name == CORE:
        raise UsageError("core comes before the set fast_search, on which this builds", hint="Leave out --set.")
    return NewMigrations(tuple(adding.write_pairs(sql_dir, set_name or OWN, pairs)))
