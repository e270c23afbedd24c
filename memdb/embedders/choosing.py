"""The embedder that somebody names."""

from pathlib import Path
from typing import TYPE_CHECKING

from memdb.errors import UsageError

if TYPE_CHECKING:
    from memdb.embedders.endpoint import Endpoint
    from memdb.embedders.local import Local


def endpoint(model: str, base_url: str | None = None, dimensions: int | None = None) -> "Endpoint":
    """A model behind a URL, by default OpenAI's. Raises UsageError where the client is not installed."""
    try:
        from memdb.embedders import endpoint as module  # with openai, which is an extra
    except ImportError:
        raise UsageError(
            "openai is not installed, which asks endpoints", hint="pip install 'memdb-pg[embed]'"
        ) from None
    return module.Endpoint(model, module.OPENAI if base_url is None else base_url, dimensions)


def local(folder: Path, model: str | None = None) -> "Local":
    """A model in a folder, by default called as that is. Raises UsageError where what runs it is not installed."""
    try:
        from memdb.embedders import local as module  # with onnxruntime and tokenizers, which are an extra
    except ImportError:
        raise UsageError(
            "onnxruntime and tokenizers are not installed, which run a model here",
            hint="pip install 'memdb-pg[local]'",
        ) from None
    return module.Local(folder, model)
