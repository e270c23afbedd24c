"""Whether a file fits into a database: tables, columns, embeddings."""

from memdb.errors import DataError, UsageError
from memdb.moving.file import File
from memdb.moving.tables import MEMORIES, Place
from memdb.shape import Shape
from memdb.successor import TABLES
from memdb.words import count, listed

_NOTHING = "Nothing was imported."
_WITHOUT = "Import without embeddings, and have them made by the model used here: --without-embeddings."


def require(place: Place, file: File, *, embeddings: bool) -> None:
    """Raises DataError, which says what does not fit."""
    there = {table.name: table for table in place.tables}
    for name, held in file.header.tables.items():
        if not embeddings and name.startswith(TABLES):
            continue
        if held.rows and name not in there:
            mend = (
                _WITHOUT if name.startswith(TABLES) else "Apply the set that has this table: memdb migrate --with SET."
            )
            file.refuse(
                f"has {count(held.rows, 'row')} of {name}, which is not in the schema {place.target.schema}",
                f"{_NOTHING} {mend}",
            )
        missing = set(held.columns) - set(there[name].columns) if name in there else ()
        if held.rows and missing:
            file.refuse(
                f"has values for {listed(sorted(missing))}, which {name} does not have here",
                f"{_NOTHING} Add these columns first.",
            )
    if MEMORIES not in file.header.tables:
        file.refuse("has no memories", _NOTHING)
    if embeddings and file.header.embedding is not None:
        _require_dimensions(file, file.header.embedding, place.target.shape)


def _require_dimensions(file: File, embedding: str, here: Shape) -> None:
    try:
        dimensions = Shape().with_embedding(embedding).dimensions
    except UsageError:
        file.refuse(f"was altered: no embedding has the type {embedding!r}")
    if dimensions != here.dimensions:
        raise DataError(
            f"{file.path} has embeddings of the type {embedding}, and the column here is {here.embedding}",
            hint=f"{_NOTHING} {_WITHOUT}",
        )


def notes(model: str | None, file: File) -> tuple[str, ...]:
    """What the file says of its embeddings, where the database says something else."""
    said = file.header.model
    if file.header.embedding is None or None in (model, said) or model == said:
        return ()
    return (f"The file says of its embeddings: {said} Here it is: {model} Searches compare only those of one model.",)
