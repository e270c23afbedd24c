"""A verification as a JUnit report, for CI: a test case for each object that was expected or should not be there."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from memdb.output.verification import details, headline, summary
from memdb.verification.comparison import Difference
from memdb.verification.verify import Verification

_NOT_XML = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


def tells(kind: type) -> bool:
    """Whether results of this type consist of what are cases for JUnit."""
    return issubclass(kind, Verification)


def lines(result: Verification) -> Iterator[str]:
    """The report as XML. Objects that are missing with their table fail, too."""
    failures = {text: item for item in result.differences for text in (f"{item.kind} {item.object}", *item.parts)}
    cases = [(kind, name) for kind, names in result.compared.items() for name in names]
    differing = [(item.kind, item.object) for item in result.differences]
    cases += [case for case in differing if case not in cases]
    suite = ElementTree.Element(
        "testsuite", name="memdb verify-schema", tests=str(len(cases)), failures=str(len(failures)), errors="0"
    )
    for kind, name in cases:
        element = ElementTree.SubElement(suite, "testcase", classname=f"memdb.{kind}", name=_text(name))
        if difference := failures.get(f"{kind} {name}"):
            _add_failure(element, difference)
    ElementTree.SubElement(suite, "system-out").text = _text("\n".join((summary(result), *result.notes)))
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield from ElementTree.tostring(root).decode("ascii").split("\n")


def _add_failure(case: ElementTree.Element, difference: Difference) -> None:
    failure = ElementTree.SubElement(case, "failure", type=difference.problem, message=_text(headline(difference)))
    failure.text = _text("\n".join(f"{label}\t{text}" for label, text in details(difference)))


def _text(text: str) -> str:
    """XML has no way to write most control characters."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
