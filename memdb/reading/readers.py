"""Files with real embeddings: .npz, .jsonl and .parquet, read in batches. What is in the fields is not checked here."""

from collections.abc import Callable, Sequence
from pathlib import Path

from memdb.errors import DataError
from memdb.reading import fields
from memdb.reading.fields import Reader
from memdb.reading.jsonl import Jsonl
from memdb.reading.npz import Npz

# What to do about files that hold memories, and are of no kind that is read.
_TURNED = {
    ".csv": 'In pandas: read_csv, embedding as a list of numbers (json.loads), then to_parquet("memories.parquet").',
    ".tsv": 'In pandas: read_csv(sep="\\t"), embedding as a list of numbers (json.loads), then to_parquet.',
    ".json": "Write one object per line: jq -c '.[]' FILE > FILE.jsonl",
    ".ndjson": "Name it .jsonl.",
    ".npy": "Save each field by its name: np.savez(path, embedding=…, user=…, content=…).",
    ".gz": "Unpack it first.",
    ".zst": "Unpack it first.",
}


def _parquet(path: Path, required: Sequence[str]) -> Reader:
    try:
        from memdb.reading.parquet import Parquet  # with pyarrow, which is an extra
    except ImportError:
        raise DataError(
            f"{path} cannot be read: pyarrow is not installed", hint="pip install 'memdb-pg[parquet]'"
        ) from None
    return Parquet(path, required)


_KINDS: dict[str, Callable[[Path, Sequence[str]], Reader]] = {".npz": Npz, ".jsonl": Jsonl, ".parquet": _parquet}


def reader(path: Path, required: Sequence[str] = fields.REQUIRED) -> Reader:
    """The reader for a file, by the end of its name. Raises DataError where there is no such file or no such kind."""
    suffix = path.suffix.lower()
    kind = _KINDS.get(suffix)
    if kind is None:
        hint = f"It reads {', '.join(_KINDS)} files. {_TURNED.get(suffix, '')}".strip()
        raise DataError(f"{path} is not a kind of file that memdb reads", hint=hint)
    try:
        is_file = path.is_file()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", hint="Check its name and permissions.") from None
    if not is_file:
        raise DataError(f"there is no file {path}", hint="Correct its name; pipes and folders are not read.")
    return kind(path, required)
