"""Objects, and what changes them: JSON merge patches (RFC 7396)."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from memdb.catalog.keys import Key

Attributes: TypeAlias = dict[str, Any]
"""What is known of an object, as JSON values. None of something (no default, no comment) is no key."""

Objects: TypeAlias = dict[Key, Attributes]

Patch: TypeAlias = dict[Key, dict[str, Any] | None]
"""What a migration does to the objects, as a JSON merge patch (RFC 7396): None removes."""


def patch(before: Objects, after: Objects) -> Patch:
    """The merge patch that makes `after` of `before`, sorted."""
    changes: Patch = {}
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if new is None:
            changes[key] = None
        elif old is None or old != new:
            changes[key] = _attribute_changes(old or {}, new)
    return changes


def _attribute_changes(old: Attributes, new: Attributes) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name in sorted(old.keys() | new.keys()):
        if isinstance(old.get(name), dict) and isinstance(new.get(name), dict):
            changes |= {name: inner} if (inner := _attribute_changes(old[name], new[name])) else {}
        elif old.get(name) != new.get(name):
            changes[name] = new.get(name)
    return changes


def merge(target: Any, change: Any) -> Any:
    """RFC 7396, section 2."""
    if not isinstance(change, Mapping):
        return change
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def fold(patches: Iterable[Patch]) -> Objects:
    """The objects that a series of migrations leaves."""
    objects: Objects = {}
    for change in patches:
        objects = merge(objects, change)
    return objects
