"""What the database really holds, read from pg_catalog, and how what it should hold is put together.

An object is known by its kind and its name: `table memories`, `column memories.embedding`, `index
ix_memories_embedding`. Outside of the target schema the name has its schema before it: `table audit.entry`.
"""

from memdb.catalog.forms import misshapen, missing
from memdb.catalog.keys import KINDS, STANDALONE, Key, table_of
from memdb.catalog.lookalikes import LookAlike
from memdb.catalog.patches import Attributes, Objects, Patch, fold, merge, patch
from memdb.catalog.reading import Catalog, read
from memdb.catalog.shapes import shape_of

__all__ = [
    "KINDS",
    "STANDALONE",
    "Attributes",
    "Catalog",
    "Key",
    "LookAlike",
    "Objects",
    "Patch",
    "fold",
    "merge",
    "misshapen",
    "missing",
    "patch",
    "read",
    "shape_of",
    "table_of",
]
