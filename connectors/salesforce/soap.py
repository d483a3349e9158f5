"""Outbound messages: SOAP as Salesforce sends it, read by a parser that knows neither document types nor entities.

The WSDL of an outbound message (developer.salesforce.com, "Understanding the Outbound Messaging WSDL"): one
`notifications` with the org, the session and up to 100 `Notification`s, each an id and one sObject with the fields that
the admin chose. Whoever knows the URL can send us XML, so a document type is refused where it begins: without one there
are no entities that could grow or point somewhere.
"""

from __future__ import annotations

from xml.parsers import expat

import msgspec

from connectors.sdk import UnreadableError

OUTBOUND = "http://soap.sforce.com/2005/09/outbound"
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
#: SOAP that an admin can make is five deep
MAX_DEPTH = 16
MAX_NODES = 100_000
#: the answer that takes a message off Salesforce's queue; anything else has it sent again for a day
ACK = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>'
    f'<notificationsResponse xmlns="{OUTBOUND}"><Ack>true</Ack></notificationsResponse>'
    "</soapenv:Body></soapenv:Envelope>"
).encode()


class Notification(msgspec.Struct, frozen=True):
    """One changed record: the notification's own id, the sObject's type without prefix, its fields as text."""

    id: str
    kind: str
    #: a field that is said to be nil is None
    fields: dict[str, str | None]


class Message(msgspec.Struct, frozen=True):
    """One outbound message. Its session is not kept: it is a credential, and none of our business."""

    organization_id: str = ""
    notifications: tuple[Notification, ...] = ()


class _Node:
    """An element while it is read."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[_Node] = []
        self.text: list[str] = []

    def said(self) -> str:
        """Return the element's text."""
        return "".join(self.text)

    def find(self, name: str) -> str:
        """Return the text of the first child with a local name."""
        return next((child.said().strip() for child in self.children if local(child.name) == name), "")


class _Tree:
    """Builds the elements of one document."""

    def __init__(self) -> None:
        self.top = _Node("", {})
        self._open = [self.top]
        self._count = 0

    def begin(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > MAX_DEPTH or self._count > MAX_NODES:
            msg = "the XML is nested too deeply, or has too many elements"
            raise UnreadableError(msg)
        node = _Node(name, attributes)
        self._open[-1].children.append(node)
        self._open.append(node)

    def end(self, _name: str) -> None:
        self._open.pop()

    def text(self, data: str) -> None:
        self._open[-1].text.append(data)


def local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition(" ")[2]


def looks_like_xml(body: bytes) -> bool:
    """Say whether a body is meant to be XML."""
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"


def read_message(body: bytes) -> Message:
    """Read one outbound message; raises UnreadableError, in one line, for everything else."""
    top = _parsed(body)
    message = _find(top, f"{OUTBOUND} notifications")
    if message is None:
        msg = "the XML is no outbound message: it has no `notifications` of soap.sforce.com/2005/09/outbound"
        raise UnreadableError(msg)
    found = [_notification(child) for child in message.children if local(child.name) == "Notification"]
    return Message(message.find("OrganizationId"), tuple(each for each in found if each is not None))


def _parsed(body: bytes) -> _Node:
    tree = _Tree()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.StartElementHandler = tree.begin
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.text
    try:
        parser.Parse(body.removeprefix(b"\xef\xbb\xbf").lstrip(), True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        msg = f"the body is not XML: {' '.join(str(error).split())[:200]}"
        raise UnreadableError(msg) from error
    return tree.top


def _refuse(*_: object) -> None:
    msg = "the XML has a document type, which no outbound message has"
    raise UnreadableError(msg)


def _find(node: _Node, name: str) -> _Node | None:
    """Return the first element with a name, above all that are below it."""
    level = [node]
    while level:
        for each in level:
            if each.name == name:
                return each
        level = [child for each in level for child in each.children]
    return None


def _notification(node: _Node) -> Notification | None:
    record = next((child for child in node.children if local(child.name) == "sObject"), None)
    if record is None:
        return None
    kind = record.attributes.get(f"{INSTANCE} type", "").rpartition(":")[2]
    fields: dict[str, str | None] = {}
    for child in record.children:
        nil = child.attributes.get(f"{INSTANCE} nil", "").strip().lower() in {"true", "1"}
        fields[local(child.name)] = None if nil else child.said()
    return Notification(node.find("Id"), kind, fields)
