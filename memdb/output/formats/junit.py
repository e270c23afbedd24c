"""A JUnit report, for CI: a test case for each thing that was looked at."""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from memdb.output import actions
from memdb.output.rendering import Case, has_cases, suite
from memdb.words import printable

_NOT_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def tells(kind: type) -> bool:
    """Whether results of this type consist of what are cases for JUnit."""
    return has_cases(kind)


def lines(result: Any) -> Iterator[str]:
    """The report as XML."""
    found = suite(result)
    counts = {
        "tests": len(found.cases),
        "failures": sum(case.failure is not None for case in found.cases),
        "errors": 0,
        "skipped": sum(bool(case.skipped) for case in found.cases),
    }
    root = ElementTree.Element("testsuites")
    element = ElementTree.SubElement(
        root, "testsuite", {"name": found.name} | {name: str(number) for name, number in counts.items()}
    )
    for case in found.cases:
        _add(element, case)
    ElementTree.SubElement(element, "system-out").text = _text(*found.notes)
    ElementTree.indent(root)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield from actions.in_xml(ElementTree.tostring(root).decode("ascii")).split("\n")


def _add(element: ElementTree.Element, case: Case) -> None:
    added = ElementTree.SubElement(element, "testcase", classname=f"memdb.{case.group}", name=_text(case.name))
    if case.failure is not None:
        failure = ElementTree.SubElement(added, "failure", type=case.failure.type, message=_text(case.failure.message))
        failure.text = _text(*case.failure.lines)
    elif case.skipped:
        ElementTree.SubElement(added, "skipped", message=_text(case.skipped))


def _text(*lines: str) -> str:
    """What others have named stays within its line, as in the log of a CI that shows the report."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", "\n".join(map(printable, lines)))
