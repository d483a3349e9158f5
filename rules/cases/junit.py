"""A run of cases in the XML that CI servers read."""

from __future__ import annotations

import re
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from rules.cases.report import difference_text, waits_for
from rules.cases.run import Outcome, Result, Run

#: characters that XML 1.0 cannot hold
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(run: Run) -> str:
    """Return the XML: a suite for each file, a pending case as skipped."""
    root = Element("testsuites", _counts(run.results), name="gateway rules test")
    for file, results in groupby(run.results, key=lambda result: result.case.place.file):
        cases = tuple(results)
        suite = SubElement(root, "testsuite", _counts(cases), name=_safe(file))
        for result in cases:
            _case(suite, result)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _counts(results: tuple[Result, ...]) -> dict[str, str]:
    outcomes = [result.outcome for result in results]
    return {
        "tests": str(len(results)),
        "failures": str(outcomes.count(Outcome.FAILED)),
        "errors": str(outcomes.count(Outcome.BROKEN)),
        "skipped": str(outcomes.count(Outcome.PENDING)),
    }


def _case(suite: Element, result: Result) -> None:
    place = result.case.place
    case = SubElement(
        suite,
        "testcase",
        name=_safe(result.case.name),
        classname=_safe(place.file),
        file=_safe(place.file),
        line=str(place.line),
    )
    if result.outcome is Outcome.FAILED:
        first = result.differences[0]
        message = f"{first.path}: expected {first.expected}, got {first.got}"
        lines = [line.strip() for each in result.differences for line in difference_text(each)]
        SubElement(case, "failure", message=_safe(message)).text = _safe("\n".join(lines))
    elif result.trouble is not None:
        message = f"{result.trouble.place}: {result.trouble.message}"
        SubElement(case, "error", message=_safe(message)).text = _safe(result.trouble.hint)
    elif result.outcome is Outcome.PENDING:
        message = f"pending: {', '.join(result.pending)} ({waits_for(result.pending)})"
        SubElement(case, "skipped", message=_safe(message))


def _safe(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
