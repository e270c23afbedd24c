"""The embedder that somebody names."""

from typing import TYPE_CHECKING

from memdb.errors import UsageError

if TYPE_CHECKING:
    from memdb.embedders.endpoint import Endpoint


def endpoint(model: str, base_url: str | None = None, dimensions: int | None = None) -> "Endpoint":
    """A model behind a URL, by default OpenAI's. Raises UsageError where the client is not installed."""
    try:
        from memdb.embedders import endpoint as module  # with openai, which is an extra
    except ImportError:
        raise UsageError(
            "openai is not installed, which asks endpoints", hint="pip install 'memdb-pg[embed]'"
        ) from None
    return module.Endpoint(model, base_url or module.OPENAI, dimensions)
