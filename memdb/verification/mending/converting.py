"""Which values stay the same in a column of another type."""

import re

_WIDER = {
    "smallint": {"integer", "bigint", "numeric", "real", "double precision"},
    "integer": {"bigint", "numeric", "double precision"},
    "bigint": {"numeric"},
    "real": {"double precision"},
}
_TYPE = re.compile(r"([^(]+)(?:\((\d+)(?:,(\d+))?\))?")


def keeps_values(before: str, after: str) -> bool:
    """Whether each value of a type is the same as one of another, so that a column can change to this one."""
    if after in ("text", "character varying"):
        return not before.startswith(("character(", '"char"'))
    old, new = _TYPE.fullmatch(before), _TYPE.fullmatch(after)
    if old is None or new is None:
        return False
    if old[1] != new[1]:
        return new[2] is None and new[1] in _WIDER.get(old[1], ())
    if new[2] is None:
        return True  # the same without a limit
    if old[1] == "numeric" and old[2]:
        return _digits(new)[0] >= _digits(old)[0] and _digits(new)[1] >= _digits(old)[1]
    return old[1] in ("character varying", "bit varying") and old[2] is not None and int(new[2]) >= int(old[2])


def _digits(type_: re.Match[str]) -> tuple[int, int]:
    """Before and after the point."""
    return int(type_[2]) - int(type_[3] or 0), int(type_[3] or 0)
