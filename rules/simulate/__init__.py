"""What would have happened: stored history, decided once more by other rules, without any outside effect.

Read in this order: `history` (what is known of each decision), `lineage` (the same ticket under the other rules),
`compare` (what differs), `report` (the numbers, and the tickets behind them). Everything is pure and goes ticket by
ticket, so that a year of history needs no more memory than a day.
"""

from rules.simulate.compare import COMPARERS, Comparer, Difference, Lived
from rules.simulate.history import Happened, HistoryError, Outcome, Promised, TicketHistory, Went, line, read_line
from rules.simulate.lineage import simulate
from rules.simulate.report import Report, Row

__all__ = [
    "COMPARERS",
    "Comparer",
    "Difference",
    "Happened",
    "HistoryError",
    "Lived",
    "Outcome",
    "Promised",
    "Report",
    "Row",
    "TicketHistory",
    "Went",
    "line",
    "read_line",
    "simulate",
]
