"""Line charts as inline SVG, without a script: colours come from the page's style sheet, so they follow its theme."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from memdb.output.benchmark import tags

WIDTH, HEIGHT = 560, 360
LEFT, RIGHT, TOP, BOTTOM = 68, 20, 42, 50
_APART = 3.2  # bars at the same height, which would hide each other

# One for each colour, as not everybody tells the colours apart: all of about the same area, around 0, 0.
_SHAPES = (
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",  # circle
    "M-5.5 4.5h11L0-6z",  # triangle
    "M-4 -4h8v8h-8z",  # square
    "M0-5.7L5.7 0L0 5.7L-5.7 0z",  # diamond
    "M-5.5-4.5h11L0 6z",  # triangle upside down
    "M0-5.5L5.2-1.7L3.2 4.5h-6.4L-5.2-1.7z",  # pentagon
)
COLORS = len(_SHAPES)


@dataclass(frozen=True, slots=True)
class Point:
    """`label` is shown when the pointer rests on its dot, `tag` beside it; a bare point is a bend of the line only.

    `interval` are two further points, between which the true one lies. `hollow` is for one that must not be taken at
    face value.
    """

    x: float
    y: float
    label: str = ""
    tag: str = ""
    hollow: bool = False
    bare: bool = False
    interval: tuple[tuple[float, float], tuple[float, float]] | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """`color` numbers a colour of the style sheet, and a shape."""

    name: str
    color: int
    points: tuple[Point, ...]
    dashed: bool = False

    @property
    def style(self) -> str:
        return f"s{self.color}{' dashed' if self.dashed else ''}"


@dataclass(frozen=True, slots=True)
class Guide:
    """A value to be held, drawn across the chart where it lies within the axis."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Axis:
    """`scale` says how far apart values lie, `show` writes one, and `marks` are those that are written."""

    title: str
    low: float
    high: float
    marks: tuple[float, ...]
    scale: Callable[[float], float]
    show: Callable[[float], str]
    guide: Guide | None = None

    def place(self, value: float) -> float:
        """Where a value lies between the ends, 0 to 1; one beyond them is put on the nearer end."""
        low, high, here = map(self.scale, (self.low, self.high, min(max(value, self.low), self.high)))
        return (here - low) / (high - low)


def logarithmic(title: str, values: Sequence[float], show: Callable[[float], str], guide: Guide | None = None) -> Axis:
    """From the 1, 2 or 5 times a power of ten below the values, which are above 0, to the one above them."""
    smallest, largest = max(min(values), 1e-6), max(*values, 1e-6)
    grid = [step * 10.0**power for power in range(-7, 10) for step in (1, 2, 5)]
    low = max(mark for mark in grid if mark <= smallest * 1.000001)
    high = min(mark for mark in grid if mark >= largest * 0.999999 and mark > low)
    marks = [mark for mark in grid if low <= mark <= high]
    if len(marks) > 7:
        marks = [mark for mark in marks if math.isclose(math.log10(mark) % 1, 0, abs_tol=1e-9)]
    return Axis(title, low, high, tuple(marks), math.log10, show, guide)


def towards_one(title: str, marks: Sequence[float], show: Callable[[float], str], *, rest: float) -> Axis:
    """Shares up to 1, the wider apart the nearer to it: what is missing counts; the less `rest`, the more so."""
    return Axis(title, marks[0], 1.0, tuple(marks), lambda value: -math.log10(1 - value + rest), show)


def chart(title: str, series: Sequence[Series], x: Axis, y: Axis, *, apart: float = 0.0) -> str:
    """An SVG element to be put into a page.

    `apart` moves the series sideways, so that none hides another; without it, only their intervals up and down.
    """
    size = {"viewBox": f"0 0 {WIDTH} {HEIGHT}"}
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-label": title} | size)
    _grid(root, x, y)
    _guides(root, x, y)
    drawn = []
    for place, one in enumerate(series):
        off = place - (len(series) - 1) / 2
        drawn.append((one, [(_across(x, point.x) + apart * off, _down(y, point.y)) for point in one.points]))
        _intervals(root, one, x, y, (apart * off, 0.0 if apart else _APART * off))
    for one, places in drawn:
        _draw(root, one, places)
    _tags(root, drawn)
    return tostring(root, encoding="unicode")


def swatch(series: Series) -> str:
    """Its line and its shape, for a legend."""
    size = {"viewBox": "-14 -7 28 14", "width": "28", "height": "14", "class": series.style, "aria-hidden": "true"}
    root = Element("svg", {"xmlns": "http://www.w3.org/2000/svg"} | size)
    SubElement(root, "polyline", {"points": "-14,0 14,0"})
    if not all(point.bare for point in series.points):
        SubElement(root, "path", {"d": _SHAPES[series.color]})
    return tostring(root, encoding="unicode")


def _across(axis: Axis, value: float) -> float:
    return LEFT + axis.place(value) * (WIDTH - LEFT - RIGHT)


def _down(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.place(value) * (HEIGHT - TOP - BOTTOM)


def _grid(root: Element, x: Axis, y: Axis) -> None:
    for mark in y.marks:
        at = _down(y, mark)
        _line(root, "grid", (LEFT, at), (WIDTH - RIGHT, at))
        _text(root, y.show(mark), LEFT - 8, at + 4, "end")
    for mark in x.marks:
        at = _across(x, mark)
        _line(root, "grid faint", (at, TOP), (at, HEIGHT - BOTTOM))
        _text(root, x.show(mark), at, HEIGHT - BOTTOM + 18, "middle")
    _line(root, "axis", (LEFT, HEIGHT - BOTTOM), (WIDTH - RIGHT, HEIGHT - BOTTOM))
    _text(root, x.title, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "middle", "title")
    _text(root, y.title, 2, 14, "start", "title")


def _guides(root: Element, x: Axis, y: Axis) -> None:
    if x.guide and x.low <= x.guide.value <= x.high:
        at = _across(x, x.guide.value)
        _line(root, "guide", (at, TOP), (at, HEIGHT - BOTTOM))
        side, anchor = (-5, "end") if x.place(x.guide.value) > 0.5 else (5, "start")
        _text(root, x.guide.text, at + side, HEIGHT - BOTTOM - 7, anchor, "guide")
    if y.guide and y.low <= y.guide.value <= y.high:
        at = _down(y, y.guide.value)
        _line(root, "guide", (LEFT, at), (WIDTH - RIGHT, at))
        _text(root, y.guide.text, WIDTH - RIGHT - 3, at - 5, "end", "guide")


def _intervals(root: Element, series: Series, x: Axis, y: Axis, moved: tuple[float, float]) -> None:
    group = SubElement(root, "g", {"class": f"s{series.color}"})
    for point in series.points:
        if point.interval is not None:
            start, end = ((_across(x, at) + moved[0], _down(y, to) + moved[1]) for at, to in point.interval)
            _line(group, "interval", start, end)


def _draw(root: Element, series: Series, places: Sequence[tuple[float, float]]) -> None:
    group = SubElement(root, "g", {"class": series.style})
    if len(places) > 1:
        SubElement(group, "polyline", {"points": " ".join(f"{across:.1f},{down:.1f}" for across, down in places)})
    for point, (across, down) in zip(series.points, places, strict=True):
        if not point.bare:
            shape = {"d": _SHAPES[series.color], "transform": f"translate({across:.1f} {down:.1f})"}
            dot = SubElement(group, "path", shape | ({"class": "hollow"} if point.hollow else {}))
            SubElement(dot, "title").text = point.label


def _tags(root: Element, drawn: Sequence[tuple[Series, Sequence[tuple[float, float]]]]) -> None:
    dots = [place for one, places in drawn for point, place in zip(one.points, places, strict=True) if not point.bare]
    wanted = list(_wanted(drawn))
    for (color, text, _), place in zip(wanted, tags.arrange([tag[1:] for tag in wanted], dots), strict=True):
        if place is not None:
            _text(root, text, *place, f"tag s{color}")


def _wanted(
    drawn: Sequence[tuple[Series, Sequence[tuple[float, float]]]],
) -> Iterator[tuple[int, str, tuple[float, float]]]:
    for one, places in drawn:
        for point, place in zip(one.points, places, strict=True):
            if point.tag:
                yield one.color, point.tag, place


def _line(root: Element, name: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    ends = dict(zip(("x1", "y1", "x2", "y2"), (*start, *end), strict=True))
    SubElement(root, "line", {"class": name} | {key: f"{value:.1f}" for key, value in ends.items()})


def _text(root: Element, text: str, x: float, y: float, anchor: str, name: str = "mark") -> Element:
    element = SubElement(root, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "class": name})
    element.text = text
    return element
