"""Line charts as inline SVG, without a script: colours come from the page's style sheet, so they follow its theme."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

_WIDTH, _HEIGHT = 560, 340
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 18, 14, 46


@dataclass(frozen=True, slots=True)
class Point:
    """`label` is shown when the pointer rests on it; `hollow` is for one that must not be taken at face value."""

    x: float
    y: float
    label: str
    hollow: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """`color` numbers a colour of the style sheet."""

    name: str
    color: int
    points: tuple[Point, ...]
    dashed: bool = False
    dots: bool = True


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale with its marks: `show` writes a value. A logarithmic one needs values above 0."""

    title: str
    low: float
    high: float
    marks: tuple[float, ...]
    logarithmic: bool
    show: Callable[[float], str]

    def place(self, value: float) -> float:
        """Where a value lies between the ends, 0 to 1; one beyond them is put on the nearer end."""
        ends = self.low, self.high, min(max(value, self.low), self.high)
        low, high, here = (math.log10(at) if self.logarithmic else at for at in ends)
        return (here - low) / (high - low)


def logarithmic(title: str, values: Sequence[float], show: Callable[[float], str]) -> Axis:
    """From the 1, 2 or 5 times a power of ten below the values to the one above them."""
    smallest, largest = max(min(values), 1e-6), max(*values, 1e-6)
    grid = [step * 10.0**power for power in range(-7, 10) for step in (1, 2, 5)]
    low = max(mark for mark in grid if mark <= smallest * 1.000001)
    high = min(mark for mark in grid if mark >= largest * 0.999999 and mark > low)
    marks = [mark for mark in grid if low <= mark <= high]
    if len(marks) > 8:
        marks = [mark for mark in marks if math.isclose(math.log10(mark) % 1, 0, abs_tol=1e-9)]
    return Axis(title, low, high, tuple(marks), True, show)


def shares(title: str, values: Sequence[float]) -> Axis:
    """Shares from 0 to 1, from the tenth below the least of the values."""
    low = max(min(math.floor(min(values) * 10) / 10, 0.9), 0.0)
    step = 0.02 if low >= 0.9 else 0.1 if low >= 0.5 else 0.2
    marks = [1 - step * place for place in range(round((1 - low) / step) + 1)]
    return Axis(title, low, 1.0, tuple(reversed(marks)), False, lambda value: f"{value:.{2 if step < 0.1 else 1}f}")


def chart(title: str, series: Sequence[Series], x: Axis, y: Axis) -> str:
    """An SVG element to be put into a page."""
    root = Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {_WIDTH} {_HEIGHT}",
            "role": "img",
            "aria-label": title,
        },
    )
    _grid(root, x, y)
    for one in series:
        _draw(root, one, x, y)
    return tostring(root, encoding="unicode")


def _across(axis: Axis, value: float) -> float:
    return _LEFT + axis.place(value) * (_WIDTH - _LEFT - _RIGHT)


def _down(axis: Axis, value: float) -> float:
    return _HEIGHT - _BOTTOM - axis.place(value) * (_HEIGHT - _TOP - _BOTTOM)


def _grid(root: Element, x: Axis, y: Axis) -> None:
    for mark in y.marks:
        at = _down(y, mark)
        _line(root, "grid", _LEFT, at, _WIDTH - _RIGHT, at)
        _text(root, y.show(mark), _LEFT - 8, at + 4, "end")
    for mark in x.marks:
        at = _across(x, mark)
        _line(root, "grid faint", at, _TOP, at, _HEIGHT - _BOTTOM)
        _text(root, x.show(mark), at, _HEIGHT - _BOTTOM + 18, "middle")
    _line(root, "axis", _LEFT, _HEIGHT - _BOTTOM, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM)
    _text(root, x.title, (_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, "middle", "title")
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    caption = _text(root, y.title, 14, middle, "middle", "title")
    caption.set("transform", f"rotate(-90 14 {middle:.1f})")


def _draw(root: Element, series: Series, x: Axis, y: Axis) -> None:
    group = SubElement(root, "g", {"class": f"s{series.color}{' dashed' if series.dashed else ''}"})
    places = [(_across(x, point.x), _down(y, point.y)) for point in series.points]
    if len(places) > 1:
        SubElement(group, "polyline", {"points": " ".join(f"{across:.1f},{down:.1f}" for across, down in places)})
    for point, (across, down) in zip(series.points, places, strict=True):
        if series.dots:
            place = {"cx": f"{across:.1f}", "cy": f"{down:.1f}", "r": "4.5"}
            dot = SubElement(group, "circle", place | ({"class": "hollow"} if point.hollow else {}))
            SubElement(dot, "title").text = point.label


def _line(root: Element, name: str, x1: float, y1: float, x2: float, y2: float) -> None:
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    SubElement(root, "line", {"class": name} | {key: f"{value:.1f}" for key, value in ends.items()})


def _text(root: Element, text: str, x: float, y: float, anchor: str, name: str = "mark") -> Element:
    element = SubElement(root, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, "class": name})
    element.text = text
    return element
