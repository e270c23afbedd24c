"""What is asked, and the embedding that it is asked with."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from memdb import files, values
from memdb.embedders import Embedder
from memdb.embedders.protocol import checked
from memdb.errors import DataError, EmbedderFailed, UsageError
from memdb.reading import readers, vectors
from memdb.shape import Shape, UserKey
from memdb.values import Where


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the memories of one user: by words, by meaning, or by both.

    `text` is compared by its words, with an `embedder` only where the set hybrid_search is applied. The meaning is that
    of an `embedding`, a list of numbers or a file that has one, of the memory that others are to be `like`, or of the
    text, which the `embedder` is asked for. `tiers`, `metadata` (entries that a memory's own contain), `where`
    (conditions on them) and `max_distance` (cosine distance, 0 to 2; for meaning alone) narrow what is found, and `k`,
    1 to 1,000, is how many memories that is.

    Raises UsageError where nothing is asked, or two embeddings.
    """

    text: str = ""
    _: KW_ONLY
    user: UserKey
    embedding: Sequence[float] | Path | None = None
    like: UUID | None = None
    embedder: Embedder | None = None
    tiers: Sequence[str] = ()
    metadata: Mapping[str, Any] | None = None
    where: Sequence[Where] = ()
    max_distance: float | None = None
    k: int = 10

    def __post_init__(self) -> None:
        if not self.text.strip() and self.embedding is None and self.like is None:
            raise UsageError("nothing is asked", hint="Give a text, an embedding, or a memory that others are like.")
        if self.embedder is not None and not self.text.strip():
            raise UsageError("there is no text whose meaning a model could tell", hint="Give a text, or no model.")
        if sum(given is not None for given in (self.embedding, self.like, self.embedder)) > 1:
            raise UsageError(
                "two embeddings are given, and a search has one", hint="Leave out --embedding, --like, or the model."
            )


def made(question: Question) -> Any:
    """The embedding of its text, as the embedder gives it. Raises EmbedderFailed where it gives none."""
    if question.embedder is None:
        return None
    ask = getattr(question.embedder, "embed_question", None)
    return [ask(question.text)] if ask else question.embedder.embed([question.text])


def understood(given: Any, shape: Shape) -> list[float]:
    """What was made, for memories of this shape. Raises EmbedderFailed where it is none of theirs."""
    answer = checked(given, 1, shape)
    if answer.refused:
        raise EmbedderFailed(f"the embedding of the text is none: {answer.refused[0]}", hint="Look at the embedder.")
    return [float(number) for number in answer.vectors[0]]


def numbers(given: Sequence[float] | Path, shape: Shape) -> list[float]:
    """An embedding of this shape. Raises DataError for a file that has none, InvalidMemory for what is none."""
    embedding = _read(given, shape) if isinstance(given, Path) else values.embedding(given, shape)
    return [float(number) for number in embedding]


def _read(path: Path, shape: Shape) -> Any:
    """That of the only row; a .json file has a list of numbers, or an object with it as `embedding`."""
    if path.suffix.lower() != ".json":
        found = next(readers.reader(path, required=["embedding"]).batches(), None)
        rows, given = ([], None) if found is None else (found.rows, found.fields["embedding"])
    else:
        content = _json(path)
        rows, given = [1], [content.get("embedding") if isinstance(content, dict) else content]
    if len(rows) != 1:
        raise DataError(f"{path} has {len(rows) or 'no'} rows", hint="A search asks with one embedding.")
    return vectors.checked(path, rows, given, shape)[0]


def _json(path: Path) -> Any:
    try:
        return files.read_json(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint="Check its name and permissions.") from None
    except ValueError:
        raise DataError(f"{path} is not JSON", hint="Write a list of numbers: [0.1, …]") from None
