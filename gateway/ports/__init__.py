"""The protocols between the flow and the outside, and the values that cross them.

`wire` is the side of the desks (connectors, transport), `record` the side of the database.
"""

from gateway.ports.alerting import AlertState, Backlog
from gateway.ports.auditing import Audit
from gateway.ports.backfilling import Backfilling
from gateway.ports.braking import Braking
from gateway.ports.claiming import OperationClaim
from gateway.ports.filing import Attaching, FileRow, Files, FileState, Filing
from gateway.ports.granting import Grant, Granting
from gateway.ports.http import Blob, Call, Effect, HttpRequest, HttpResponse, Part
from gateway.ports.looking import Look, Looks, Overwritten
from gateway.ports.record import Store, Tx
from gateway.ports.releasing import ReleaseRow, Releases
from gateway.ports.rows import (
    TAKEN,
    AttemptEnd,
    AttemptStart,
    AuditEntry,
    CommentRow,
    DeliveryRow,
    DeskState,
    LaneClaim,
    NewDelivery,
    NewUpdate,
    Parted,
    UpdateRow,
)
from gateway.ports.staff import AgentsRead, Staff, Staffed
from gateway.ports.timing import Skew, TellsTime
from gateway.ports.wire import (
    ChangePage,
    CheckResult,
    Clock,
    ConnectionSettings,
    Connector,
    ConnectorSpec,
    Doorbell,
    Envelope,
    Handshake,
    Identity,
    Ids,
    IncomingRequest,
    PolledDelivery,
    RawDelivery,
    Setting,
    Signing,
    Transport,
    WriteContext,
)

__all__ = [
    "TAKEN",
    "AgentsRead",
    "AlertState",
    "Attaching",
    "AttemptEnd",
    "AttemptStart",
    "Audit",
    "AuditEntry",
    "Backfilling",
    "Backlog",
    "Blob",
    "Braking",
    "Call",
    "ChangePage",
    "CheckResult",
    "Clock",
    "CommentRow",
    "ConnectionSettings",
    "Connector",
    "ConnectorSpec",
    "DeliveryRow",
    "DeskState",
    "Doorbell",
    "Effect",
    "Envelope",
    "FileRow",
    "FileState",
    "Files",
    "Filing",
    "Grant",
    "Granting",
    "Handshake",
    "HttpRequest",
    "HttpResponse",
    "Identity",
    "Ids",
    "IncomingRequest",
    "LaneClaim",
    "Look",
    "Looks",
    "NewDelivery",
    "NewUpdate",
    "OperationClaim",
    "Overwritten",
    "Part",
    "Parted",
    "PolledDelivery",
    "RawDelivery",
    "ReleaseRow",
    "Releases",
    "Setting",
    "Signing",
    "Skew",
    "Staff",
    "Staffed",
    "Store",
    "TellsTime",
    "Transport",
    "Tx",
    "UpdateRow",
    "WriteContext",
]
