"""What a mend of an object that is there starts from."""

from collections.abc import Collection
from dataclasses import dataclass, field

from memdb.catalog import Attributes, Key, Objects
from memdb.verification.mending.surroundings import Surroundings


@dataclass(frozen=True, slots=True)
class Differing:
    """An object as it should be and as it is, the attributes that differ, and what is around it."""

    key: Key
    expected: Attributes
    found: Attributes
    attributes: Collection[str]
    place: Surroundings = field(default_factory=Surroundings)
    all_expected: Objects = field(default_factory=dict)
    all_found: Objects = field(default_factory=dict)
