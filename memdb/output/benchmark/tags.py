"""Where short texts go beside the dots of a chart, so that none covers a dot or another text."""

from collections.abc import Sequence

_HEIGHT, _LETTER = 12.0, 7.0  # of a text, in units of the chart
_DOT = 6.0  # half of what a dot takes

_Place = tuple[float, float, str]  # x, the baseline, and the anchor
_Box = tuple[float, float, float, float]


def arrange(
    wanted: Sequence[tuple[str, tuple[float, float]]], dots: Sequence[tuple[float, float]]
) -> list[_Place | None]:
    """For each text beside its dot a place above, below, right or left of it; None where all of these are taken."""
    taken = [(x - _DOT, y - _DOT, x + _DOT, y + _DOT) for x, y in dots]
    found: list[_Place | None] = []
    for text, (x, y) in wanted:
        width = _LETTER * len(text)
        places = ((x, y - 9, "middle"), (x, y + 18, "middle"), (x + 9, y + 4, "start"), (x - 9, y + 4, "end"))
        free = [place for place in places if not any(_overlap(_box(place, width), other) for other in taken)]
        found.append(free[0] if free else None)
        taken += [_box(place, width) for place in free[:1]]
    return found


def _box(place: _Place, width: float) -> _Box:
    x, baseline, anchor = place
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return left, baseline - _HEIGHT + 2, left + width, baseline + 2


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
