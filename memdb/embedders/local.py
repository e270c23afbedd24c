"""Embeddings of a model in a folder, made here by onnxruntime: no key is needed, and no text leaves the machine."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from memdb.embedders.folder import GET_ONE, ModelFolder, look
from memdb.errors import EmbedderFailed
from memdb.values import Vectors

_TOKENS_AT_ONCE = 4_096  # a larger batch is no faster on a CPU, and takes more memory
_SENTENCES = "sentence_embedding"  # an output that is pooled already, as sentence-transformers exports it


class Local:
    """A model as sentence-transformers keep them, in a folder with `model.onnx` (or `onnx/model.onnx`) and
    `tokenizer.json`. Texts are cut off at the model's maximum. `model` is by default named for the folder.

    Raises UsageError for a folder that lacks something, EmbedderFailed for files that cannot be used.
    """

    host = ""  # no text is sent anywhere

    def __init__(self, folder: Path, model: str | None = None) -> None:
        self._folder = look(folder)
        self.model = model or self._folder.name
        with _told(self._folder.tokenizer):
            self._tokenizer = Tokenizer.from_file(str(self._folder.tokenizer))
            self._tokenizer.enable_truncation(self._folder.longest)
            self._tokenizer.no_padding()  # what the file says of it was for training
        with _told(self._folder.model):
            self._session = onnxruntime.InferenceSession(str(self._folder.model), _options())
            self._inputs = {given.name for given in self._session.get_inputs()}
            self._output = _output([made.name for made in self._session.get_outputs()])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def tokens(self, texts: Sequence[str]) -> int:
        """How many the model reads of these texts."""
        return sum(len(one.ids) for one in self._tokenizer.encode_batch_fast(list(texts)))

    def embed(self, texts: Sequence[str]) -> Sequence[Vectors]:
        """One for each text, each of length 1. Raises EmbedderFailed where the files do not fit together."""
        return [*self._embeddings([self._folder.text_prompt + text for text in texts])] if texts else []

    def embed_question(self, text: str) -> Any:
        """Some models have questions begin in another way than what answers them."""
        return self._embeddings([self._folder.question_prompt + text])[0]

    def _embeddings(self, texts: list[str]) -> Vectors:
        with _told(self._folder.model):
            ids = [one.ids for one in self._tokenizer.encode_batch_fast(texts)]
            places = sorted(range(len(ids)), key=lambda place: len(ids[place]))
            made = [self._of_tokens([ids[place] for place in few]) for few in _batches(places, ids)]
        return np.concatenate(made)[np.argsort(places)]

    def _of_tokens(self, ids: Sequence[Sequence[int]]) -> Vectors:
        longest = max(map(len, ids))
        filled = np.array([[*one, *[0] * (longest - len(one))] for one in ids], np.int64)
        mask = np.array([[1] * len(one) + [0] * (longest - len(one)) for one in ids], np.int64)
        given = {"input_ids": filled, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}
        (states,) = self._session.run([self._output], {name: given[name] for name in self._inputs})
        return _unit(_pooled(np.asarray(states, np.float32), mask, self._folder))


def _options() -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # its warnings are for who made the model, and its errors are told
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # else it waits at the cost of all others
    return options


def _output(names: list[str]) -> str:
    return _SENTENCES if _SENTENCES in names else names[0]


def _batches(places: list[int], ids: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Texts of like lengths, shortest first, so few tokens are there only to fill up."""
    batch = list[int]()
    for place in places:
        if batch and (len(batch) + 1) * len(ids[place]) > _TOKENS_AT_ONCE:
            yield batch
            batch = []
        batch.append(place)
    yield batch


def _pooled(states: Vectors, mask: Any, folder: ModelFolder) -> Vectors:
    """(texts, dimensions) of the states of tokens, (texts, tokens, dimensions), or of what is pooled already."""
    if states.ndim == 2:
        return states
    if folder.pooling == "cls":
        return np.asarray(states[:, 0])
    return np.asarray(np.einsum("tnd,tn->td", states, mask.astype(np.float32)))  # their sum: the length is lost anyway


def _unit(vectors: Vectors) -> Vectors:
    """Zeros and what is not finite stay so, and are refused by whoever stores them."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths != 0), np.float32)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Says which file cannot be used, and not in the library's words, which may quote texts."""
    try:
        yield
    except Exception:  # noqa: BLE001  # both libraries raise Exception itself, or kinds of their own that share no other
        raise EmbedderFailed(f"{path} cannot be used as a model", hint=f"Get its folder anew. {GET_ONE}") from None
