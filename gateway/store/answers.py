"""What other systems answered about people, in SQL: sealed, and named by a digest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Executable, bindparam, delete, select, text

from gateway.ports.enriching import AnswerRow, AnswerState
from gateway.store.columns import per_dialect
from gateway.store.people_tables import answers
from gateway.store.sealing import Sealer

_VALUES, _TROUBLE = "answer", "answer trouble"
_GET = select(answers).where(answers.c.question.in_(bindparam("these", expanding=True)))
_WANTED = {"sqlite": text("wanted = 1"), "postgresql": text("wanted")}


def _replacing(into: Any) -> Executable:
    statement = into(answers)
    changed = {column.name: statement.excluded[column.name] for column in answers.c if column.name != "question"}
    renewed: Executable = statement.on_conflict_do_update(index_elements=[answers.c.question], set_=changed)
    return renewed


_SAVE = per_dialect(_replacing)


class SqlAnswers:
    """Implements ports.enriching.Answers."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def get(self, questions: Collection[str]) -> Mapping[str, AnswerRow]:
        """Return answers by the name of their question."""
        if not questions:
            return {}
        rows = self._connection.execute(_GET, {"these": list(questions)}).mappings()
        return {row["question"]: self._row(row) for row in rows}

    def save(self, row: AnswerRow) -> None:
        """Insert or replace one."""
        given = {
            "question": row.question,
            "source": row.source,
            "person_id": row.person,
            "state": row.state.value,
            "values_sealed": self._sealer.seal(_VALUES, msgspec.json.encode(row.values)) if row.values else None,
            "answered_at": row.answered_at,
            "due_at": row.due_at,
            "wanted": row.wanted,
            "tries": row.tries,
            "trouble_sealed": self._sealer.seal_text(_TROUBLE, row.trouble),
        }
        self._connection.execute(_SAVE[self._connection.dialect.name], given)

    def wanted(self, now: datetime, limit: int) -> Sequence[AnswerRow]:
        """Return what is to be asked now, the longest due first."""
        due = (_WANTED[self._connection.dialect.name], answers.c.due_at <= now)
        asked = select(answers).where(*due).order_by(answers.c.due_at).limit(limit)
        return [self._row(row) for row in self._connection.execute(asked).mappings()]

    def drop(self, question: str) -> None:
        """Forget one."""
        self._connection.execute(delete(answers).where(answers.c.question == question))

    def of_person(self, person: str) -> Sequence[AnswerRow]:
        """Return what is known of a person."""
        asked = select(answers).where(answers.c.person_id == person).order_by(answers.c.source)
        return [self._row(row) for row in self._connection.execute(asked).mappings()]

    def _row(self, row: Any) -> AnswerRow:
        sealed = row["values_sealed"]
        values = msgspec.json.decode(self._sealer.open(_VALUES, sealed), type=dict[str, str]) if sealed else {}
        return AnswerRow(
            question=row["question"],
            source=row["source"],
            person=row["person_id"],
            state=AnswerState(row["state"]),
            values=values,
            answered_at=row["answered_at"],
            due_at=row["due_at"],
            wanted=row["wanted"],
            tries=row["tries"],
            trouble=self._sealer.open_text(_TROUBLE, row["trouble_sealed"]),
        )
