"""WhatsApp's messages in our words, and our Markdown in WhatsApp's. Pure.

The shapes are those of the Cloud API's webhooks reference ("messages", "smb_message_echoes"), as the public client
library pywa reads them. WhatsApp's signs for bold, leaning, struck and code are those of mrkdwn, without its brackets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from connectors.content import Content, from_mrkdwn, from_plain, to_mrkdwn, to_plain
from connectors.sdk import Attachment, RemotePerson

Json = Mapping[str, Any]

#: an effect key of ours in `biz_opaque_callback_data`
KEY: Final = re.compile(r"[0-9a-f]{32}")
#: a text message takes so many characters (Cloud API, "Text messages")
MAX_TEXT: Final = 4096
#: a template's variable takes fewer, and neither line ends nor many spaces
MAX_VARIABLE: Final = 1024
MAX_TITLE: Final = 100

#: the conversation of a group is called so; neither a number nor a business-scoped user id (US.1349…) begins like this
GROUP: Final = "group-"

_MEDIA: Final = {"image": "image", "video": "video", "audio": "audio", "document": "file", "sticker": "sticker"}
_LINK: Final = re.compile(r"<([a-z]+:[^|<>\n]+)\|([^<>\n]*)>")
#: what is told of a shared contact
_ON_CARD: Final = frozenset({"name", "phones", "emails"})
_PHONE: Final = re.compile(r"[0-9]{5,20}")
_CODES: Final = {
    131047: "more than 24 hours have passed since the customer last wrote, so only a template may be sent",
    131026: "the number cannot be reached by WhatsApp, or has not accepted its terms",
    131051: "this kind of message is not supported",
}


def text(value: Any) -> str:
    """Return a text, or an empty one for anything that is none."""
    return value if isinstance(value, str) else ""


def obj(value: Any) -> Json:
    """Return an object, or an empty one for anything that is none."""
    return value if isinstance(value, Mapping) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of an array; none for anything that is none."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def instant(value: Any) -> datetime | None:
    """Read a time, which is seconds as a text; None where it is none."""
    said = text(value) or (str(value) if isinstance(value, int) and not isinstance(value, bool) else "")
    return datetime.fromtimestamp(int(said), UTC) if re.fullmatch(r"[0-9]{1,11}", said) else None


def from_words(words: str) -> Content:
    """Return what somebody wrote as canonical Markdown."""
    escaped = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return from_mrkdwn(escaped)


def to_words(markdown: str) -> str:
    """Return canonical Markdown as WhatsApp's text; a link's address stands behind its words."""
    written = _LINK.sub(
        lambda found: found[1] if found[1] == found[2] else f"{found[2]} ({found[1]})", to_mrkdwn(markdown)
    )
    return written.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def person(account: str, name: str) -> RemotePerson:
    """Return a customer; the account is a phone number, or a business-scoped user id, which has none."""
    phone = f"+{account}" if _PHONE.fullmatch(account) else ""
    return RemotePerson(account, phone=phone, name=name, role="customer")


def group(message: Json) -> str:
    """Return the conversation of a group; empty for a message between a customer and us (`group_id`, Groups API)."""
    named = text(message.get("group_id")).replace(":", "").replace(";", "")
    return f"{GROUP}{named}"[:100] if named else ""


class Said(Content, frozen=True):
    """What a message says, and what hangs on it."""

    attachments: tuple[Attachment, ...] = ()
    #: the customer's own words: they begin a ticket, and open the window for replies
    opens: bool = True


def said(message: Json) -> Said | None:
    """Return what a message says, and from what it was written; None for one that says nothing to anybody."""
    found = _said(message)
    if found is None:
        return None
    advertisement = obj(message.get("referral"))
    came = ", ".join(filter(None, (text(advertisement.get(name)) for name in ("headline", "source_url"))))
    if came:
        found = replace(found, lost=(*found.lost, f"the advertisement from which it was written ({came})"))
    product = text(obj(obj(message.get("context")).get("referred_product")).get("product_retailer_id"))
    if product:
        about = from_plain(f"(about the product {product})").markdown
        found = replace(found, markdown="\n\n".join(filter(None, (found.markdown, about))))
    return found


def _said(message: Json) -> Said | None:
    kind = text(message.get("type"))
    inside = obj(message.get(kind))
    if kind in _MEDIA:
        return _media(kind, inside)
    if kind == "edit":
        changed = said(obj(inside.get("message")))
        words = changed.markdown if changed is not None else ""
        lost, files = (changed.lost, changed.attachments) if changed is not None else ((), ())
        return Said(f"An earlier message now says:\n\n{words}", lost, files)
    if kind == "contacts":
        cards = objects(message.get("contacts"))
        others = sorted({name for card in cards for name, value in card.items() if value and name not in _ON_CARD})
        lost = (f"more of a shared contact: {', '.join(others)}"[:200],) if others else ()
        return Said("\n".join(_contact(each) for each in cards), lost)
    if kind in _WORDS:
        return Said(_WORDS[kind](inside)) if inside else _unsupported(message, kind)
    if kind in _ASIDE:
        return Said(_ASIDE[kind](inside), opens=False)
    return None if kind == "request_welcome" else _unsupported(message, kind)


def _media(kind: str, inside: Json) -> Said:
    number = text(inside.get("id"))
    mime = text(inside.get("mime_type")) or "application/octet-stream"
    ending = re.sub(r"[^a-z0-9]", "", mime.partition(";")[0].rpartition("/")[2].lower())[:8]
    name = text(inside.get("filename")) or f"{_MEDIA[kind]}.{ending or 'bin'}"
    caption = from_words(text(inside.get("caption")))
    shown = f"![{_bare(name)}](attachment:{number})" if kind in {"image", "sticker"} else f"\\[{_bare(name)}]"
    if not number:
        return Said(caption.markdown or f"\\[{_bare(name)}]", (f"{name}, which WhatsApp does not give out",))
    file = Attachment(name, mime, remote_id=number, inline=kind in {"image", "sticker"})
    return Said("\n\n".join(filter(None, (shown, caption.markdown))), caption.lost, (file,))


def _bare(name: str) -> str:
    return re.sub(r"[\[\]()\\*_`<>!&|~#\s]+", " ", name).strip() or "file"


def _location(inside: Json) -> str:
    latitude, longitude = inside.get("latitude"), inside.get("longitude")
    lines = [text(inside.get(name)) for name in ("name", "address", "url")]
    if all(isinstance(each, int | float) and not isinstance(each, bool) for each in (latitude, longitude)):
        lines.append(f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}")
    return from_plain("\n".join(filter(None, lines)) or "A place without coordinates").markdown


def _contact(inside: Json) -> str:
    name = text(obj(inside.get("name")).get("formatted_name")) or "somebody"
    reached = [text(each.get("phone")) or text(each.get("wa_id")) for each in objects(inside.get("phones"))]
    reached += [text(each.get("email")) for each in objects(inside.get("emails"))]
    return f"- {from_plain(', '.join(filter(None, [name, *reached]))).markdown}"


def _pressed(kind: str, inside: Json) -> str:
    """Return what was pressed or filled in: a quick reply of a template, a button, a row of a list, a form."""
    reply = inside if kind == "button" else obj(inside.get(text(inside.get("type"))))
    words = [text(reply.get(name)) for name in ("title", "text", "description", "body", "response")]
    words += _filled_in(text(reply.get("response_json")))
    return from_plain("\n".join(filter(None, words)) or "A button was pressed").markdown


def _filled_in(form: str) -> list[str]:
    """Return what stands in the fields of a form, without the token by which its sender knows it again."""
    try:
        fields = msgspec.json.decode(form) if form else {}
    except (msgspec.DecodeError, RecursionError):
        return [form]
    if not isinstance(fields, dict):
        return [form]
    plain = (
        (name, each if isinstance(each, str) else msgspec.json.encode(each).decode()) for name, each in fields.items()
    )
    return [f"{name}: {each}" for name, each in plain if name != "flow_token"]


def _order(inside: Json) -> str:
    lines = [text(inside.get("text"))]
    for item in objects(inside.get("product_items")):
        price = f"{item.get('item_price')} {item.get('currency')}"
        lines.append(f"{item.get('quantity')} x {item.get('product_retailer_id')} at {price}")
    return from_plain("\n".join(filter(None, lines)) or "An order without items").markdown


def _reaction(inside: Json) -> str:
    emoji = text(inside.get("emoji"))
    return f"Reacted with {emoji}" if emoji else "Took a reaction back"


#: what customers say in words or what is as good
_WORDS: Final[Mapping[str, Callable[[Json], str]]] = {
    "text": lambda inside: from_words(text(inside.get("body"))).markdown,
    "location": _location,
    "interactive": lambda inside: _pressed("interactive", inside),
    "button": lambda inside: _pressed("button", inside),
    "order": _order,
}
#: what is about something else that was said: it begins no ticket
_ASIDE: Final[Mapping[str, Callable[[Json], str]]] = {
    "reaction": _reaction,
    "revoke": lambda _: "Deleted an earlier message",
    "system": lambda inside: from_plain(text(inside.get("body"))).markdown or "WhatsApp said something of itself",
}


def _unsupported(message: Json, kind: str) -> Said:
    why = "; ".join(filter(None, (reason(each) for each in objects(message.get("errors")))))
    words = f"Sent something that WhatsApp does not pass on ({why or kind or 'unknown'})"
    return Said(from_plain(words).markdown, ("a message that WhatsApp does not pass on",))


def code_of(error: Json) -> int:
    """Return the code of an error; -1 where it has none."""
    code = error.get("code")
    return code if isinstance(code, int) and not isinstance(code, bool) else -1


def reason(error: Json) -> str:
    """Return why something failed, in words for people."""
    code = code_of(error)
    if code in _CODES:
        return f"{_CODES[code]} ({code})"
    details = text(obj(error.get("error_data")).get("details"))
    words = details or text(error.get("message")) or text(error.get("title"))
    return " ".join(filter(None, (words, f"({code})" if code >= 0 else "")))


def title(markdown: str, name: str) -> str:
    """Return a ticket's title: what was said first, else who it is from."""
    line = " ".join(to_plain(markdown).partition("\n")[0].split())
    if not line:
        return f"WhatsApp message from {name or 'a customer'}"
    return line if len(line) <= MAX_TITLE else line[: MAX_TITLE - 1] + "…"
