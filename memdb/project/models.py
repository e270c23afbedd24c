"""What migrations for another model are made of: templates, and the functions of fast_search as that model needs them.

The templates in sql/changing_model are SQL for the shape that memdb ships and a model called new_model.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from memdb import shape, shipped, statements
from memdb.errors import UsageError
from memdb.ledger import sqlfiles
from memdb.ledger.sqlfiles import ROLLBACK_SUFFIX
from memdb.project import shipping
from memdb.project.adding import Pair
from memdb.shape import Shape
from memdb.successor import Successor

_SHIPPED = {
    path.name for path in shipped.sql_directory().iterdir() if path.is_dir() and path.name not in sqlfiles.NOT_SETS
}
_NEEDED = "1016_hide_from_filtered_search"
_SIGNATURES = ("1001_create_memory_signature", "1005_create_memory_signature_doubts")
_BY_SIGNATURE = {
    "search_memories_by_signature": ("1015_hide_from_signature_search", "integer, memory_type[]"),
    "search_memories_in_widths": ("1015_hide_from_signature_search", "integer, memory_type[], integer"),
    "search_memories_filtered": (_NEEDED, "integer, memory_type[], integer, jsonb, jsonpath"),
}
"""Where they were made last, and what they take besides a user and an embedding."""
_RETURNED = "returns table (id uuid, content text, memory_type memory_type, metadata jsonb, distance double precision)"
_CONTENT = re.compile(r"\n +(\w)\.content,\n +\1\.memory_type,\n +\1\.metadata,")
_FORMERLY = re.compile(r"-- formerly[^\n]*\n")

_BESIDE = 100  # bytes of a row besides the embedding and its signature
_INLINE = re.compile(r"-- As in fast_search: embeddings and signatures.*?;\n", re.DOTALL)
_NOT_INLINE = """\
-- What is new is soon seen without reading the rows.
alter table memory_embeddings_new_model
alter signature set storage plain,
set (autovacuum_vacuum_insert_scale_factor = 0.02);
"""


def templates(stage: str, successor: Successor, known: Shape) -> Iterator[Pair]:
    """The migrations of a stage that are the same for all models, for one of this shape."""
    directory = shipped.sql_directory() / "changing_model" / stage
    pairs = {path.name: _written(path, known) for path in directory.glob("*.sql")}
    if stage == "begin":
        pairs |= _of_signatures(known)
    for name in sorted(name for name in pairs if not name.endswith(ROLLBACK_SUFFIX)):
        rollback = pairs[name.removesuffix(".sql") + ROLLBACK_SUFFIX]
        title = name.partition("_")[2].removesuffix(".sql")
        yield f"{title} {successor.slug}", _named(pairs[name], successor), _named(rollback, successor)


def _written(path: Path, known: Shape) -> str:
    """A template for this shape. What is written for it already is not again: a number would be taken for another."""
    text = path.read_text(encoding="utf-8")
    if not shipping.is_inline(known, beside=_BESIDE):
        text = _INLINE.sub(_NOT_INLINE, text)
    user = known.users.base_type
    rules = "of_model_secure_it.sql" if "_secure_" in path.name else "of_model.sql"  # those for a file called so
    text = shipping.written(PurePosixPath("fast_search", rules), text, known)
    return re.sub(r"\(uuid(?=, uuid\[\])", f"({user}", re.sub(r"\bvector\[\]", f"{known.embedding_type}[]", text))


def _named(text: str, successor: Successor) -> str:
    names = {"new_model_name": successor.model.replace("'", "''"), "new_model": successor.slug}
    return re.sub("new_model_name|new_model", lambda found: names[found[0]], text)


def _of_signatures(known: Shape) -> dict[str, str]:
    """What fast_search has for signatures, with other names."""
    texts = {path.stem: text for path, text in shipping.texts(known).items() if path.parent.name == "fast_search"}
    made = "\n".join(_FORMERLY.sub("", texts[name]) for name in _SIGNATURES)
    taken = f"{known.users.base_type}, {known.embedding_type}"
    heads = {name: f"{name}_new_model({taken}, {more})" for name, (_, more) in _BY_SIGNATURE.items()}
    searches = "\n".join(
        f"{_of_model(_found(texts[file], name))};\n\ncomment on function {heads[name]} is\n"
        "'Part of search_memories_where_new_model, as in fast_search.';\n"
        for name, (file, _) in _BY_SIGNATURE.items()
    )
    why = "-- What is near by signature among the embeddings of new_model_name, as in fast_search.\n"
    return {
        "01_create_memory_signature.sql": f"-- depends: {_NEEDED}\n{_suffixed(made)}",
        "01_create_memory_signature.rollback.sql": (
            f"drop function memory_signature_doubts_new_model({known.embedding_type});\n"
            f"drop function memory_signature_new_model({known.embedding_type});\n"
        ),
        "07_create_signature_search.sql": why + searches,
        "07_create_signature_search.rollback.sql": "".join(
            f"drop function {head};\n" for head in reversed(heads.values())
        ),
    }


def _of_model(function: str) -> str:
    """One of the functions by signature, of the view. It gives no content: few of those that are compared are shown."""
    text = _CONTENT.sub("", function.replace(_RETURNED, "returns table (id uuid, distance double precision)"))
    text = re.sub(r"\bmemories as m\b", "memories_of_new_model as m", text)
    return _suffixed(text.replace("create or replace ", "create ", 1))


def _suffixed(text: str) -> str:
    names = "|".join(["memory_signature_doubts", "memory_signature", *_BY_SIGNATURE])
    return re.sub(rf"\b({names})\b", r"\1_new_model", text)


def _found(text: str, name: str) -> str:
    (found,) = (one.text for one in statements.split(text) if creates(one.text, name, "function"))
    return found


def creates(text: str, name: str, kind: str) -> bool:
    """Whether a statement makes it, or makes it anew."""
    return re.match(rf"create (or replace )?{kind} {name}\b", text) is not None


def replacing(function: str) -> str:
    """The statement that puts a function in place of the one of its name."""
    return re.sub(r"\Acreate (or replace )?", "create or replace ", function)


def with_body(function: str, body: str) -> str:
    """A function with the same parameters that does something else, in place of the one of its name."""
    return f"{replacing(function[: function.index('begin atomic')])}begin atomic\n\n{body}\n\nend"


def last(sql_dir: Path, name: str, *, kind: str = "function", hint: str = "") -> str:
    """The statement by which a folder's migrations make something, the last time that they do.

    Raises UsageError where none does.
    """
    found = statements_of(sql_dir, lambda text: creates(text, name, kind))
    if not found:
        needed = "Changing the model needs the set fast_search: memdb upgrade, then memdb migrate --with fast_search"
        raise UsageError(f"no migration in {sql_dir} makes {name}", hint=hint or needed)
    return found[-1]


def statements_of(sql_dir: Path, is_meant: Callable[[str], object], *more: str) -> list[str]:
    """Those of fast_search, of `more` sets and of the team's own migrations, in their order.

    What is alongside other sets is left out.
    """
    sets = sqlfiles.read_sets(sql_dir)
    return [
        one.text
        for migration in sets.of({sqlfiles.CORE, "fast_search", *more} | (sets.keys() - _SHIPPED))
        for one in statements.split(migration.sql)
        if is_meant(one.text)
    ]


def begun(sql_dir: Path, successor: Successor) -> str | None:
    """The type of the embeddings of a model, as a migration makes it; None where none does."""
    made = statements_of(sql_dir, lambda text: text.startswith(f"create table {successor.table} ("))
    typed = re.search(r"^ +embedding (\w+\(\d+\))", made[-1], re.MULTILINE) if made else None
    return typed[1] if typed else None


def kept_in(sql_dir: Path, successor: Successor) -> str | None:
    """The model whose embeddings are in the table of a name, as its comment says."""
    comment = re.compile(
        rf"comment on table {successor.table} is\s+'Embeddings of memories by the model (.*)\. Written by"
    )
    found = [match for text in statements_of(sql_dir, comment.match) if (match := comment.match(text))]
    return found[-1][1].replace("''", "'") if found else None


def shape_for(known: Shape, dimensions: int, embedding_type: str | None) -> Shape:
    """That of another model's embeddings of the same users. Raises UsageError for what pgvector does not store."""
    usual = "vector" if dimensions <= shape.INDEXED_DIMENSIONS["vector"] else "halfvec"
    return Shape(known.users, shape.embedding_type(embedding_type or usual), shape.dimensions(dimensions))
