"""A model in a folder, as sentence-transformers writes them: which files there are, and what they say of themselves.

`modules.json`, `1_Pooling/config.json`, `sentence_bert_config.json` and `config_sentence_transformers.json` are its own
(https://sbert.net/docs/sentence_transformer/usage/custom_models.html), the other `.json` those of transformers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from memdb import files
from memdb.errors import EmbedderFailed, UsageError

Pooling: TypeAlias = Literal["mean", "cls"]

GET_ONE = (
    "To get one: hf download sentence-transformers/all-MiniLM-L6-v2 --include '*.json' --include onnx/model.onnx "
    "--local-dir all-MiniLM-L6-v2"
)
_MODELS = ("model.onnx", "onnx/model.onnx")
_KNOWN_MODULES = {"Transformer", "Pooling", "Normalize"}
_OFTEN = 512  # tokens, where a model says nothing of its limit: that of BERT, whose children most of them are
_BEYOND_ANY = 1_000_000  # what stands for "no limit" in tokenizer_config.json is 10 to the 30th
_QUESTION, _TEXT = ("query",), ("document", "passage", "corpus")


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """What is known of a model before it is loaded. `longest` is in tokens; prompts go before what is embedded."""

    name: str
    model: Path
    tokenizer: Path
    longest: int
    pooling: Pooling
    text_prompt: str
    question_prompt: str


def look(folder: Path) -> ModelFolder:
    """Raises UsageError for a folder that lacks something, or has a model of a kind that memdb cannot run.

    Raises EmbedderFailed for a file that cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", hint=GET_ONE)
    model = next((folder / name for name in _MODELS if (folder / name).is_file()), None)
    if model is None:
        raise UsageError(f"{folder} has no model.onnx, nor onnx/model.onnx", hint=GET_ONE)
    tokenizer = folder / "tokenizer.json"
    if not tokenizer.is_file():
        raise UsageError(f"{folder} has no tokenizer.json, which belongs to the model", hint=GET_ONE)
    prompts = _object(folder / "config_sentence_transformers.json").get("prompts") or {}
    _require_known_modules(folder)
    return ModelFolder(
        _name(folder.resolve()),
        model,
        tokenizer,
        _longest(folder),
        _pooling(folder),
        _prompt(prompts, _TEXT),
        _prompt(prompts, _QUESTION),
    )


def _name(folder: Path) -> str:
    """That of the folder; in the cache of Hugging Face, folders are called for commits, and those above for models."""
    if folder.parent.name == "snapshots" and folder.parent.parent.name.startswith("models--"):
        return folder.parent.parent.name.rpartition("--")[2]
    return folder.name


def _require_known_modules(folder: Path) -> None:
    modules = _read(folder / "modules.json", default=[])
    listed = modules if isinstance(modules, list) else []
    kinds = {str(one.get("type")).rpartition(".")[2] for one in listed if isinstance(one, dict)}
    if others := sorted(kinds - _KNOWN_MODULES):
        raise UsageError(
            f"the model in {folder} has a module {others[0]}, which memdb does not run",
            hint="Serve it, for example with text-embeddings-inference, and give its --base-url.",
        )


def _longest(folder: Path) -> int:
    """As sentence-transformers has it: its own setting, or the least of what the model and the tokenizer say."""
    own = _object(folder / "sentence_bert_config.json").get("max_seq_length")
    if isinstance(own, int) and own > 0:
        return own
    said = (
        _object(folder / "config.json").get("max_position_embeddings"),
        _object(folder / "tokenizer_config.json").get("model_max_length"),
    )
    return min((limit for limit in said if isinstance(limit, int) and 0 < limit < _BEYOND_ANY), default=_OFTEN)


def _pooling(folder: Path) -> Pooling:
    config = _object(folder / "1_Pooling" / "config.json")
    modes = {name.removeprefix("pooling_mode_") for name, on in config.items() if "_mode_" in name and on is True}
    if isinstance(config.get("pooling_mode"), str):  # as later versions write it
        modes = {config["pooling_mode"]}
    if modes <= {"mean_tokens", "mean"}:
        return "mean"
    if modes <= {"cls_token", "cls"}:
        return "cls"
    raise UsageError(
        f"the model in {folder} pools by {', '.join(sorted(modes))}, which memdb does not",
        hint="Serve it, for example with text-embeddings-inference, and give its --base-url.",
    )


def _prompt(prompts: Any, names: tuple[str, ...]) -> str:
    given = prompts if isinstance(prompts, dict) else {}
    return next((text for name in names if isinstance(text := given.get(name), str)), "")


def _object(path: Path) -> Mapping[str, Any]:
    found = _read(path, default={})
    return found if isinstance(found, dict) else {}


def _read(path: Path, *, default: Any) -> Any:
    """What is in a file of the folder, or the default where there is none."""
    try:
        return files.read_json(path)
    except FileNotFoundError:
        return default
    except (OSError, ValueError):
        raise EmbedderFailed(f"{path} cannot be read", hint=f"Get the folder anew. {GET_ONE}") from None
