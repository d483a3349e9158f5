"""The files of a simulated org: uploaded versions, the documents that they make, links that show these on a case."""

from __future__ import annotations

import email
import email.policy
from typing import Any

import msgspec

from connectors.salesforce.sim_records import Record, Records
from connectors.salesforce.sim_soql import RefusedError
from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.loopback import SimRequest, SimResponse, json_answer


class FileDesk(SimulatedDesk):
    """The part of an org that keeps files."""

    def __init__(self, **common: Any) -> None:
        self.records = Records()
        #: version or attachment -> its bytes
        self.stored: dict[str, bytes] = {}
        super().__init__(**common)

    def tell(self, kind: str, record: Record) -> None:
        """Send the outbound message of a record."""
        raise NotImplementedError

    def file_routes(self, root: str) -> list[tuple[str, str, Handler]]:
        """Return the paths of files."""
        return [
            ("POST", rf"{root}/sobjects/ContentVersion/?", self._upload),
            ("POST", rf"{root}/sobjects/ContentDocumentLink/?", self._link),
            ("GET", rf"{root}/sobjects/(?:ContentVersion/(?P<number>\w+)/VersionData)", self._data),
            ("GET", rf"{root}/sobjects/(?:Attachment/(?P<number>\w+)/Body)", self._data),
        ]

    def act_attach(self, case_id: str, name: str, data: bytes, *, public: bool = True, by: str = "") -> str:
        """Let somebody put a file on a case; returns the document's id."""
        by = by or self.records.agent
        about = {"Title": name, "PathOnClient": name, "FirstPublishLocationId": case_id}
        version = self.uploaded(about, data, by)
        self.linked(version["ContentDocumentId"], case_id, "AllUsers" if public else "InternalUsers", by)
        self.tell("ContentVersion", version)
        return str(version["ContentDocumentId"])

    def act_old_attachment(self, case_id: str, name: str, data: bytes, *, private: bool = False) -> str:
        """Let somebody attach a file in the way that orgs had before files; returns its id."""
        given = {"ParentId": case_id, "Name": name, "ContentType": "text/plain", "BodyLength": len(data),
                 "IsPrivate": private}  # fmt: skip
        made = self.records.add("Attachment", given, self.records.agent, self.now())
        self.stored[made["Id"]] = data
        return str(made["Id"])

    def uploaded(self, given: Record, data: bytes, by: str) -> Record:
        """Keep a version, and the document that it makes."""
        now, path = self.now(), str(given.get("PathOnClient") or given.get("Title") or "")
        stem, dot, ending = path.rpartition(".")
        title = str(given.get("Title") or (stem if dot else path))
        about = {"Title": title, "FileExtension": ending if dot else "", "ContentSize": len(data)}
        document = self.records.add("ContentDocument", about, by, now)
        more = {"ContentDocumentId": document["Id"], "PathOnClient": path,
                "FirstPublishLocationId": given.get("FirstPublishLocationId")}  # fmt: skip
        version = self.records.add("ContentVersion", {**about, **more}, by, now)
        document["LatestPublishedVersionId"] = version["Id"]
        self.stored[version["Id"]] = data
        return version

    def linked(self, document: str, case_id: str, visibility: str, by: str) -> Record:
        """Show a document on a case; raises RefusedError where it is shown already."""
        links = self.records.all["ContentDocumentLink"].values()
        if any((each["ContentDocumentId"], each["LinkedEntityId"]) == (document, case_id) for each in links):
            raise RefusedError("DUPLICATE_VALUE", "duplicate value found: this document is already linked")
        given = {"ContentDocumentId": document, "LinkedEntityId": case_id, "Visibility": visibility}
        made = self.records.add("ContentDocumentLink", given, by, self.now())
        self.effect("file", case_id, change_id=document, detail=given)
        return made

    def _upload(self, request: SimRequest) -> SimResponse:
        """Take a version in two parts: its fields as JSON, its bytes."""
        head = b"Content-Type: " + request.headers.get("content-type", "").encode() + b"\r\n\r\n"
        message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
        parts = {str(part.get_param("name", header="content-disposition")): part for part in message.iter_parts()}
        if set(parts) != {"entity_content", "VersionData"}:
            return _refused(RefusedError("INVALID_MULTIPART_REQUEST", f"parts {sorted(parts)}"))
        given = msgspec.json.decode(bytes(parts["entity_content"].get_payload(decode=True) or b""))
        data = bytes(parts["VersionData"].get_payload(decode=True) or b"")
        made = self.uploaded(given, data, self.records.me)
        return json_answer({"id": made["Id"], "success": True, "errors": []}, 201)

    def _link(self, request: SimRequest) -> SimResponse:
        given = request.json()
        case = self.records.all["Case"].get(str(given.get("LinkedEntityId")))
        try:
            if case is None or case["IsDeleted"]:
                raise RefusedError("ENTITY_IS_DELETED", "entity is deleted")
            if given.get("ContentDocumentId") not in self.records.all["ContentDocument"]:
                raise RefusedError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
            document, seen_by = str(given["ContentDocumentId"]), str(given.get("Visibility") or "AllUsers")
            made = self.linked(document, case["Id"], seen_by, self.records.me)
        except RefusedError as error:
            return _refused(error)
        return json_answer({"id": made["Id"], "success": True, "errors": []}, 201)

    def _data(self, request: SimRequest, number: str) -> SimResponse:  # noqa: ARG002 - every handler is given the request
        if number not in self.stored:
            return _refused(RefusedError("NOT_FOUND", "The requested resource does not exist", 404))
        return SimResponse(200, {"Content-Type": "application/octetstream"}, self.stored[number])


def _refused(error: RefusedError) -> SimResponse:
    return json_answer([{"message": str(error), "errorCode": error.code}], error.status)
