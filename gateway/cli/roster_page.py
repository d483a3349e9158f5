"""The cover of a site as one page of HTML, whole in itself: nothing is fetched, and it prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from rules.cover import Day, Row

_STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; color: #1a1a1a; background: #fff }
table { border-collapse: collapse; margin: 0 0 1.5rem }
caption { text-align: left; font-weight: 600; padding: .25rem 0 }
th { font-weight: 400; text-align: left; padding: 0 .75rem 0 0 }
thead th { color: #595959; text-align: center; padding: 0 }
td { width: 1.7rem; height: 1.5rem; text-align: center; border: 1px solid #fff }
.none { background: #f3d6d3; color: #7a1a12 }
.few { background: #cfe6d4; color: #123d1d }
.many { background: #7fbf8e; color: #0b2a13 }
"""


def page(days: Sequence[Day], called: Sequence[str]) -> str:
    """Return the page; `called` are those on call, the first in front."""
    return "\n".join(_lines(days, called)) + "\n"


def _lines(days: Sequence[Day], called: Sequence[str]) -> Iterator[str]:
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Cover by hour and region</title>'
    yield f"<style>{_STYLE}</style>\n</head>\n<body>\n<h1>Cover by hour and region</h1>"
    yield "<p>How few people are there at any time of each hour (UTC).</p>"
    for day in days:
        yield f"<table>\n<caption>{day.start:%A, %Y-%m-%d}</caption>"
        hours = "".join(f'<th scope="col">{hour:02}</th>' for hour in range(24))
        yield f"<thead><tr><td></td>{hours}</tr></thead>\n<tbody>"
        for row in day.rows:
            yield _row(row)
        yield "</tbody>\n</table>"
    yield f"<p>On call: {escape(', '.join(called)) or 'nobody'}.</p>\n</body>\n</html>"


def _row(row: Row) -> str:
    cells = "".join(f'<td class="{_class(count)}">{count or "–"}</td>' for count in row.hours)
    return f'<tr><th scope="row">{escape(row.region) or "no region"}</th>{cells}</tr>'


def _class(count: int) -> str:
    return "many" if count > 2 else "few" if count else "none"
