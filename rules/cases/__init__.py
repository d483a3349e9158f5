"""Tests of the rules, as an admin writes them: read with the place of every error, judged, told and counted.

Nothing here runs a ticket: a rehearsal (gateway/flow/rehearse.py) does, with the very code of apply, and gives back
what happened moment by moment. What is expected is held against that.
"""

from rules.cases.coverage import PhaseCoverage, cover
from rules.cases.kinds import PENDING_KINDS
from rules.cases.loading import CASES_SUFFIXES, CaseFile, cases_of, load_cases, load_given
from rules.cases.model import Case, CaseError, Given, Moment, Place, Reply, Step, Told
from rules.cases.run import Outcome, Result, Run, run_cases
from rules.cases.words import Words

__all__ = [
    "CASES_SUFFIXES",
    "PENDING_KINDS",
    "Case",
    "CaseError",
    "CaseFile",
    "Given",
    "Moment",
    "Outcome",
    "PhaseCoverage",
    "Place",
    "Reply",
    "Result",
    "Run",
    "Step",
    "Told",
    "Words",
    "cases_of",
    "cover",
    "load_cases",
    "load_given",
    "run_cases",
]
