"""A model that takes over from another: what its table and functions beside memories are called."""

import re
from dataclasses import dataclass

from memdb.errors import UsageError

TABLES = "memory_embeddings_"
"""What names of tables with embeddings beside memories begin with."""
_MOST = 28  # with what is put around it, a name has the 63 bytes that PostgreSQL keeps


@dataclass(frozen=True, slots=True)
class Successor:
    """Raises UsageError for a model whose name has no letter or digit to make names of."""

    model: str

    def __post_init__(self) -> None:
        if not self.slug or not self.model.isprintable() or "$$" in self.model:
            raise UsageError(
                f"{self.model!r} is not the name of a model", hint="Give the name that its endpoint knows."
            )

    @classmethod
    def of(cls, model: str) -> "Successor | None":
        """None for a name of which none can be made, so that there is no such table."""
        try:
            return cls(model)
        except UsageError:
            return None

    @property
    def slug(self) -> str:
        """What names end with: `text_embedding_3_large`, and `all_minilm_l6_v2` of what is in a folder of models."""
        return re.sub(r"[^a-z0-9]+", "_", self.model.rstrip("/").split("/")[-1].lower()).strip("_")[:_MOST].strip("_")

    @property
    def table(self) -> str:
        return f"{TABLES}{self.slug}"

    @property
    def view(self) -> str:
        return f"memories_of_{self.slug}"

    @property
    def store(self) -> str:
        """The function that stores embeddings."""
        return f"set_memory_embeddings_{self.slug}"

    @property
    def answers(self) -> str:
        """The function that says which questions the model answers."""
        return f"memory_answers_{self.slug}"

    @property
    def search(self) -> str:
        """The function that answers a question of the model."""
        return f"search_memories_where_{self.slug}"

    @property
    def former(self) -> str:
        """The function that answers a question of the model before it, once this one is switched to."""
        return f"search_memories_where_before_{self.slug}"
