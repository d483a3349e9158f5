"""What is written, in the desk's words: the values of all placeholders, and what will be read back of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.content import Content, destroyed, to_html, to_plain
from connectors.content.references import without_references
from connectors.generic.options import Options
from connectors.generic.places import word
from connectors.generic.reading import Reader, status_of
from connectors.own_words import NEAREST
from connectors.sdk import Category, Intent, Kind, Level, RemotePerson, RemoteTicket, Visibility, WriteContext
from gateway.domain.shown import CUSTOM, plain_shown


class Rendering:
    """Renders intents for one desk."""

    def __init__(self, options: Options, reader: Reader) -> None:
        self.options = options
        self.reader = reader

    def native(self, name: str, wanted: Any) -> str:
        """Return the desk's word for a status, a priority or a kind of an intent; empty: there is none."""
        words = self.options.words.get(name) or {}
        if isinstance(wanted, Mapping) and wanted.get("native"):
            return str(wanted["native"])
        if name == "status":
            return _status_word(words, wanted if isinstance(wanted, Mapping) else {})
        meaning = (wanted.get("level") if isinstance(wanted, Mapping) else wanted) or (
            Level.UNSET if name == "priority" else Kind.OTHER
        )
        return next((str(word_) for word_, means in words.items() if means == str(meaning)), "")

    def values(self, intent: Intent, context: WriteContext, etag: str = "") -> dict[str, Any]:
        """Return the value of every placeholder that this intent gives one."""
        fields = intent.fields
        found: dict[str, Any] = {"key": context.effect_key}
        found |= {"ticket": context.remote_id} if context.remote_id else {}
        found |= {"etag": etag} if etag else {}
        for name in ("title", "queue", "language"):
            if name in fields:
                found[name] = str(fields[name] or "")
        if "body" in fields:
            body = without_references(str(fields["body"] or ""))
            found |= {"body": body, "body_html": to_html(body), "body_plain": to_plain(body)}
        for name in ("status", "priority", "kind"):
            if name in fields and (word_ := self.native(name, fields[name])):
                found[name] = word_
        if "status" in found:
            # a desk that keeps it in two fields has a word of two parts
            first, _, second = found["status"].partition("/")
            found |= {"status_first": first} | ({"status_second": second} if second else {})
        if isinstance(fields.get("tags"), list | tuple):
            tags = sorted(str(tag) for tag in fields["tags"])
            found |= {"tags": tags, "tags_text": ",".join(tags)}
        for name in ("assignee", "requester"):
            if name in fields:
                found |= _person(name, fields[name])
        found |= {name: value for name, value in fields.items() if name.startswith(CUSTOM)}
        params = intent.params.get("param")
        if isinstance(params, Mapping):
            found |= {f"param.{name}": value for name, value in params.items()}
        return found | self._speech(intent)

    def over(self, intent: Intent, before: RemoteTicket) -> dict[str, Any]:
        """Return the placeholders of a body over one of which something would be gone: ours stands below it then."""
        stands = Content(before.body if isinstance(before.body, str) else "", before.lost)
        written = self.as_read(intent).get("body", "")
        if not before.raw or not destroyed(stands, Content(written)):
            return {}
        body = without_references(str(intent.fields["body"] or ""))
        ours = {"body": body, "body_html": to_html(body), "body_plain": to_plain(body)}
        return {name: _below(before.raw, said, html=name == "body_html") for name, said in ours.items()}

    def _speech(self, intent: Intent) -> dict[str, Any]:
        comment = intent.comment
        if comment is None:
            return {}
        body = without_references(comment.body)
        found: dict[str, Any] = {
            "comment": body,
            "comment_html": to_html(body),
            "comment_plain": to_plain(body),
            **self.eyes(comment.visibility),
        }
        if comment.author is not None:
            found |= {"author_name": comment.author.name, "author_email": comment.author.email}
        return found

    def eyes(self, visibility: Visibility) -> dict[str, Any]:
        """Return the placeholders of who may see something."""
        internal = visibility is Visibility.INTERNAL
        words = self.options.words.get("visibility") or {}
        native = next((word_ for word_, meaning in words.items() if meaning == visibility.value), visibility.value)
        return {"visibility": native, "internal": internal, "public": not internal}

    def differs(self, intent: Intent, ticket: RemoteTicket) -> bool:
        """Say whether a ticket does not read as the intent wants it."""
        for name, value in self.as_read(intent).items():
            now = (ticket.custom or {}).get(name.removeprefix(CUSTOM)) if name.startswith(CUSTOM) and isinstance(
                ticket.custom, dict
            ) else getattr(ticket, name, None)  # fmt: skip
            held = plain_shown(now) if name.startswith(CUSTOM) else msgspec.to_builtins(now, enc_hook=str)
            if now is not msgspec.UNSET and held != value:
                return True
        return False

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of an intent as the desk will give them back: those that it can be asked for."""
        fields, places = intent.fields, self.options.ticket
        values = self.values(intent, WriteContext(""))
        found: dict[str, Any] = {}
        for name in ("title", "queue", "language"):
            if name in values and name in places:
                found[name] = values[name].strip()
        for name, read_it in (
            ("status", self.reader.status), ("priority", self.reader.priority), ("kind", self.reader.kind),
        ):  # fmt: skip
            if name in values and name in places:
                found[name] = msgspec.to_builtins(read_it(values[name]))
        if "assignee" in fields and "assignee" in places:
            account = values.get("assignee") or values.get("assignee_email")
            found["assignee"] = msgspec.to_builtins(RemotePerson(account)) if account else None
        if "tags" in values and "tags" in places:
            found["tags"] = values["tags"]
        if "body" in values and ("body" in places or places.get("first_comment_is_body")):
            found["body"] = self._body(values)
        found |= {name: plain_shown(value) for name, value in fields.items() if name.startswith(CUSTOM)}
        return found

    def _body(self, values: Mapping[str, Any]) -> str:
        """Return a body as it comes back: in the format in which the desk has it."""
        places = self.options.ticket
        if places.get("format") == "html":
            return self.reader.text(values["body_html"], places).markdown
        return str(values["body_plain" if places.get("format") == "plain" else "body"]).strip()


def _below(there: str, ours: str, *, html: bool) -> str:
    """Return a text with ours below it, once."""
    if there.rstrip().endswith(ours.strip()):
        return there
    return f"{there}<hr>{ours}" if html else f"{there.rstrip()}\n\n{ours}"


def _status_word(words: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """Return the first word of a category; one that waits for the same reason comes first."""
    category = Category(wanted.get("category") or Category.NEW)
    reason = wanted.get("hold_reason")
    for each in (category, *NEAREST.get(category, ())):
        meant = [(str(word_), status_of(means, "")) for word_, means in words.items()]
        fitting = [(word_, status) for word_, status in meant if status.category is each]
        exact = [word_ for word_, status in fitting if (status.hold_reason or None) == (reason or None)]
        if exact or fitting:
            return exact[0] if exact else fitting[0][0]
    return ""


def _person(name: str, value: Any) -> dict[str, Any]:
    """Return the placeholders of a person; nobody is null."""
    if not isinstance(value, Mapping) or not value:
        return {name: None, f"{name}_email": None}
    given = {
        name: word(value.get("external_id")),
        f"{name}_email": word(value.get("email")),
        f"{name}_name": word(value.get("name")),
        f"{name}_phone": word(value.get("phone")),
    }
    return {each: found for each, found in given.items() if found}
