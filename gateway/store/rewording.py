"""The words of comments in SQL, and how they change at their desks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select, update

from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Visibility
from gateway.ports import CommentRow
from gateway.store.columns import in_pieces
from gateway.store.originals import SqlOriginals
from gateway.store.tables import comment_links, comments

#: under which the words of a comment are sealed
COMMENT = "comment"


class SqlRewording(SqlOriginals):
    """Implements ports.rewording.Rewording."""

    def said_before(self, link_id: str, edited: Mapping[str, datetime]) -> Mapping[str, CommentRow]:
        """Return those comments known at a link, by remote id, whose words are older than these instants of an edit."""
        found: dict[str, CommentRow] = {}
        for some in in_pieces(edited):
            asked = select(comment_links.c.remote_id, comments).where(
                comment_links.c.link_id == link_id,
                comment_links.c.remote_id.in_(some),
                comments.c.id == comment_links.c.comment_id,
                comments.c.body_sealed.is_not(None),
            )
            for row in self._connection.execute(asked).mappings():
                if row["edited_at"] is None or row["edited_at"] < edited[row["remote_id"]]:
                    found[row["remote_id"]] = self._comment(row)
        return found

    def reword(self, comment_id: str, body: str, visibility: Visibility, edited_at: datetime) -> None:
        """Let a comment say something else from now on."""
        values = {
            "body_sealed": self._sealer.seal(COMMENT, body.encode()),
            "visibility": visibility.value,
            "edited_at": edited_at,
        }
        self._connection.execute(update(comments).where(comments.c.id == comment_id).values(**values))

    def _comment(self, row: Any) -> CommentRow:
        sealed = row["body_sealed"]
        return CommentRow(
            id=row["id"],
            ticket_id=row["ticket_id"],
            connection=row["connection"],
            at=row["at"],
            visibility=Visibility(row["visibility"]),
            body=self._sealer.open(COMMENT, sealed).decode() if sealed is not None else "",
            author=msgspec.convert(row["author"], RemotePerson) if row["author"] else None,
            automatic=row["automatic"],
            edited_at=row["edited_at"],
        )
