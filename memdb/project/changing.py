"""The migrations by which another model takes over: begun beside the former one, switched to, and left alone.

They are written from the templates in sql/changing_model, which are SQL for the shape that memdb ships and a model
called new_model, and from the functions of the set fast_search, as they are for the shape of the new model.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from memdb import shape, shipped, statements
from memdb.errors import UsageError
from memdb.ledger import sqlfiles
from memdb.ledger.sqlfiles import ROLLBACK_SUFFIX
from memdb.project import adding, folder, shipping
from memdb.project.adding import NewMigrations, Pair
from memdb.shape import Shape
from memdb.successor import Successor

_SEARCH = "search_memories_where"
_RETURNED = "returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)"
_CONTENT = re.compile(r"\n +(\w)\.content,\n +\1\.memory_type,\n +\1\.metadata,")
_INLINE = re.compile(r"-- As in fast_search: embeddings and signatures.*?;\n", re.DOTALL)
_NOT_INLINE = """\
-- What is new is soon seen without reading the rows.
alter table memory_embeddings_new_model
alter signature set storage plain,
set (autovacuum_vacuum_insert_scale_factor = 0.02);
"""
_BESIDE = 100  # bytes of a row besides the embedding and its signature
_BY_SIGNATURE = (
    ("search_memories_by_signature", "1015_hide_from_signature_search"),
    ("search_memories_in_widths", "1015_hide_from_signature_search"),
    ("search_memories_filtered", "1016_hide_from_filtered_search"),
)
_SIGNATURES = ("1001_create_memory_signature", "1005_create_memory_signature_doubts")
_ARGUMENTS = "\n            user_id, embedding{cast}, condition, k, tiers, max_distance, metadata, candidates\n        "
_BRANCH = """\
    select
        s.id,
        s.content,
        s.memory_type,
        s.metadata,
        s.distance
    from
        {function}({arguments}) as s
"""


def begin(
    sql_dir: Path, model: str, dimensions: int, embedding_type: str | None = None, *, set_name: str | None = None
) -> NewMigrations:
    """Writes what keeps and searches embeddings of another model beside the former ones, which go on serving.

    Raises UsageError for a model that has been begun, or memdb's own SQL; SqlFilesError where the folder's shape cannot
    be told.
    """
    successor, users = Successor(model), folder.shape_of(sql_dir).users
    if _begun(sql_dir, successor) is not None:
        raise UsageError(f"the embeddings of {model} are there already", hint="Go on: memdb embed, then --switch-model.")
    known = Shape(users, _type(dimensions, embedding_type), shape.dimensions(dimensions))
    return _write(sql_dir, set_name, [*_templates("begin", successor, known)])


def switch(sql_dir: Path, model: str, *, set_name: str | None = None) -> NewMigrations:
    """Writes what has questions answered by another model, and those of the former one by that.

    Where both have equally many numbers, the former one is asked by the name of its function. Raises UsageError for a
    model that was not begun.
    """
    successor, known = Successor(model), folder.shape_of(sql_dir)
    new = _require_begun(sql_dir, successor, known)
    former = _last(sql_dir, _SEARCH)
    kept = _renamed(former, _SEARCH, successor.former).replace("create or replace ", "create ", 1)
    kept = kept.replace(" rows 10\n", " rows 10\nset jit = off\n", 1)  # planned only if it is asked
    taken = _both(former, successor, new) if new.dimensions != known.dimensions else _only(former, successor, new)
    pairs = [
        *_templates("switch", successor, new),
        (
            f"keep_former_search {successor.slug}",
            f"-- Has questions of the former model answered while both are asked, as until now.\n{kept};\n"
            f"{_comment(successor.former, known)}{_fixed(successor.former, known)}",
            f"drop function {_signature(successor.former, known)};\n",
        ),
        (
            f"switch_search {successor.slug}",
            _SWITCHED.format(model=model, check=_checked(successor), search=taken) + _fixed(_SEARCH, known),
            f"-- The former model answers all questions again.\n{_replacing(former)};\n{_fixed(_SEARCH, known)}",
        ),
    ]
    return _write(sql_dir, set_name, pairs)


def retire(sql_dir: Path, model: str, *, set_name: str | None = None) -> NewMigrations:
    """Writes what ends the former model's service, and drops the index of its signatures.

    Raises UsageError for a model that was not switched to.
    """
    successor, known = Successor(model), folder.shape_of(sql_dir)
    new = _require_begun(sql_dir, successor, known)
    switched = _last(sql_dir, _SEARCH)
    kept = _last(sql_dir, successor.former, without=f"switch to {model} first: memdb new --switch-model")
    index = _last(sql_dir, "ix_memories_signature", kind="index concurrently")
    pairs = [
        (
            f"retire_former_search {successor.slug}",
            f"-- The former model answers no more questions: only embeddings of {model} are compared.\n"
            f"{_only(switched, successor, new)};\n{_fixed(_SEARCH, known)}\n"
            f"drop function {_signature(successor.former, known)};\n\n"
            "-- The next migration drops it.\ncomment on index ix_memories_signature is null;\n",
            f"{_last_comment(sql_dir)};\n\n{kept};\n"
            f"{_comment(successor.former, known)}{_fixed(successor.former, known)}\n"
            f"{_replacing(switched)};\n{_fixed(_SEARCH, known)}",
        ),
        (
            f"drop_former_signature_index {successor.slug}",
            "-- The signatures of the former model, which nobody compares any more.\n-- transactional: false\n"
            "drop index concurrently ix_memories_signature;\n",
            f"-- transactional: false\n{index};\n",
        ),
    ]
    return _write(sql_dir, set_name, pairs)


_SWITCHED = """\
-- Has questions answered by the embeddings of {model}.
--
-- One function is replaced, on which all searches are built. That locks no table, and takes back as quickly.
{check}
{search};
"""
_CHECK = """\
do $$
declare
    missing constant bigint := (
        select count(*)
        from memories as m
        where not exists (select from {table} as e where e.memory_id = m.id)
    );
begin
    if missing > 0.01 * (select count(*) from memories) then
        raise exception '% memories have no embedding of the new model yet, and would not be found', missing
            using errcode = 'object_not_in_prerequisite_state',
                hint = 'Make them first, with memdb embed, and compare the models; then migrate again.';
    end if;
end
$$;
"""
_FIXED = """\

-- Replacing a function takes its settings off. Where 1010 is applied, it has fixed the search_path of all alike.
do $$
begin
    if exists (
        select
        from pg_proc
        where
            oid = 'memory_signature({type})'::regprocedure
            and 'search_path=""' = any(proconfig)
    ) then
        alter function {signature} set search_path = '';
    end if;
end
$$;
"""


def _checked(successor: Successor) -> str:
    return _CHECK.format(table=successor.table)


def _fixed(function: str, known: Shape) -> str:
    return _FIXED.format(type=known.embedding_type, signature=_signature(function, known))


def _comment(function: str, known: Shape) -> str:
    return f"\ncomment on function {_signature(function, known)} is\n'search_memories_where for a question of the former model.';\n"


def _signature(function: str, known: Shape) -> str:
    arguments = "jsonpath, integer, memory_type[], double precision, jsonb, integer"
    return f"{function}({known.users.base_type}, {known.embedding_type}, {arguments})"


def _both(former: str, successor: Successor, new: Shape) -> str:
    one = _branch(successor.search, f"::{new.embedding_type}") + f"    where vector_dims(embedding) = {new.dimensions}\n"
    other = _branch(successor.former, "") + f"    where vector_dims(embedding) is distinct from {new.dimensions}\n"
    return _with_body(former, f"{one}    union all\n{other}    order by distance, id;")


def _only(former: str, successor: Successor, new: Shape) -> str:
    return _with_body(former, _branch(successor.search, f"::{new.embedding_type}").rstrip("\n") + ";")


def _branch(function: str, cast: str) -> str:
    return _BRANCH.format(function=function, arguments=_ARGUMENTS.format(cast=cast))


def _with_body(function: str, body: str) -> str:
    """A function with the same parameters that does something else."""
    head = function[: function.index("begin atomic")]
    return f"{_replacing(head)}begin atomic\n\n{body}\n\nend"


def _replacing(function: str) -> str:
    return re.sub(r"\Acreate (or replace )?", "create or replace ", function)


def _templates(stage: str, successor: Successor, known: Shape) -> Iterator[Pair]:
    directory = shipped.sql_directory() / "changing_model" / stage
    pairs = {path.name: path.read_text(encoding="utf-8") for path in sorted(directory.glob("*.sql"))}
    if stage == "begin":
        pairs |= _of_signatures(known)
    for name in sorted(name for name in pairs if not name.endswith(ROLLBACK_SUFFIX)):
        rollback = pairs[name.removesuffix(".sql") + ROLLBACK_SUFFIX]
        title = name.partition("_")[2].removesuffix(".sql")
        yield f"{title} {successor.slug}", _filled(pairs[name], successor, known), _filled(rollback, successor, known)


def _filled(text: str, successor: Successor, known: Shape) -> str:
    """A template for this shape and model."""
    if not shipping.is_inline(known, beside=_BESIDE):
        text = _INLINE.sub(_NOT_INLINE, text)
    text = shipping.written(PurePosixPath("fast_search/model.sql"), text, known)
    text = re.sub(r"\bvector\[\]", f"{known.embedding_type}[]", text)
    return text.replace("new_model_name", successor.model.replace("'", "''")).replace("new_model", successor.slug)


def _of_signatures(known: Shape) -> dict[str, str]:
    """What fast_search has for signatures, with other names."""
    texts = shipping.texts(known)
    parts = [texts[PurePosixPath("fast_search", f"{name}.sql")] for name in _SIGNATURES]
    searches = [_of_model(_found(texts[PurePosixPath("fast_search", f"{file}.sql")], name)) for name, file in _BY_SIGNATURE]
    kinds = ("user_id {u}, embedding {e}, k integer, tiers memory_type[]", "{u}, {e}, integer, memory_type[], integer",
             "{u}, {e}, integer, memory_type[], integer, jsonb, jsonpath")
    u, e = known.users.base_type, known.embedding_type
    taken = [kind.format(u=u, e=e) for kind in kinds]
    taken[0] = f"{u}, {e}, integer, memory_type[]"
    heads = [f"{name}_new_model({arguments})" for (name, _), arguments in zip(_BY_SIGNATURE, taken, strict=True)]
    comments = [
        f"comment on function {head} is\n'Part of search_memories_where_new_model, as in fast_search.';" for head in heads
    ]
    return {
        "01_create_memory_signature.sql": "-- depends: 1016_hide_from_filtered_search\n" + _suffixed("\n".join(re.sub(r"-- formerly[^\n]*\n", "", part) for part in parts)),
        "01_create_memory_signature.rollback.sql": f"drop function memory_signature_doubts_new_model({e});\n"
        f"drop function memory_signature_new_model({e});\n",
        "07_create_signature_search.sql": "-- What is near by signature among the embeddings of new_model_name, as in "
        "fast_search.\n" + "\n".join(f"{search};\n\n{comment}\n" for search, comment in zip(searches, comments, strict=True)),
        "07_create_signature_search.rollback.sql": "".join(f"drop function {head};\n" for head in reversed(heads)),
    }


def _of_model(function: str) -> str:
    """One of the functions by signature, of the view; it gives no content, as few of those that are compared are shown."""
    text = _CONTENT.sub("", function.replace(_RETURNED, "returns table (id uuid, distance double precision)"))
    text = re.sub(r"\bmemories as m\b", "memories_of_new_model as m", text)
    return _suffixed(text.replace("create or replace ", "create ", 1))


def _suffixed(text: str) -> str:
    names = "|".join(["memory_signature_doubts", "memory_signature", *(name for name, _ in _BY_SIGNATURE)])
    return re.sub(rf"\b({names})\b", r"\1_new_model", text)


def _renamed(text: str, name: str, other: str) -> str:
    return re.sub(rf"\b{name}\b", other, text)


def _found(text: str, name: str, kind: str = "function") -> str:
    (found,) = (one.text for one in statements.split(text) if _creates(one.text, name, kind))
    return found


def _creates(text: str, name: str, kind: str) -> bool:
    return re.match(rf"create (or replace )?{kind} {name}\b", text) is not None


def _last(sql_dir: Path, name: str, *, kind: str = "function", without: str = "") -> str:
    """The text by which a folder's migrations make something, the last time that they do."""
    found = _all_of(sql_dir, lambda text: _creates(text, name, kind))
    if not found:
        raise UsageError(
            f"no migration in {sql_dir} makes {name}",
            hint=without or "Changing the model needs the set fast_search: memdb upgrade, then migrate --with fast_search",
        )
    return found[-1]


def _last_comment(sql_dir: Path) -> str:
    return _all_of(sql_dir, lambda text: re.match(r"comment on index ix_memories_signature is\s+'", text) is not None)[-1]


def _all_of(sql_dir: Path, is_meant: Callable[[str], bool]) -> list[str]:
    return [
        one.text
        for migration in sqlfiles.read_sets(sql_dir).migrations
        for one in statements.split(migration.sql)
        if is_meant(one.text)
    ]


def _type(dimensions: int, embedding_type: str | None) -> shape.EmbeddingType:
    return shape.embedding_type(embedding_type or ("vector" if dimensions <= shape.INDEXED_DIMENSIONS["vector"] else "halfvec"))


def _begun(sql_dir: Path, successor: Successor) -> str | None:
    """The type of the embeddings of a model, as a migration makes it."""
    for migration in sqlfiles.read_sets(sql_dir).migrations:
        table = re.search(rf"^create table {successor.table} \(.*?^    embedding (\w+\(\d+\))", migration.sql, re.M | re.S)
        if table is not None:
            return table[1]
    return None


def _require_begun(sql_dir: Path, successor: Successor, known: Shape) -> Shape:
    written = _begun(sql_dir, successor)
    if written is None:
        raise UsageError(
            f"no migration keeps embeddings of {successor.model}",
            hint="Begin with: memdb new --change-model NAME --dimensions N",
        )
    return known.with_embedding(written)


def _write(sql_dir: Path, set_name: str | None, pairs: list[Pair]) -> NewMigrations:
    return NewMigrations(tuple(adding.write_pairs(sql_dir, set_name, pairs)))
