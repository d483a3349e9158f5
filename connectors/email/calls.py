"""How a mail is sent and looked for, and who we are at a mailbox; `reading` reads what lies there.

A mail is sent once: until its last line has left nothing has happened, and the answer to that line says what did. Where
that answer is lost, the copy that goes into the mailbox with the same handing over proves it; that no copy is there
proves nothing, for mail may lie in queues, and so a person decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from connectors.email.account import Account
from connectors.email.compose import Draft, message_id
from connectors.email.mapping import TAG, bare, hashed, tag_of
from connectors.sdk import (
    AuthenticationError,
    Call,
    CheckResult,
    Done,
    Effect,
    Finding,
    Found,
    HttpResponse,
    Identity,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Receipt,
    Rejected,
    RemotePerson,
    RemoteTicket,
    Throttled,
    TransportError,
    Unauthorized,
    UnreadableError,
    Unsure,
    Visibility,
    WriteContext,
)
from gateway.domain.link import CORRESPONDENCE
from gateway.errors import LoginRefusedError
from gateway.ports.mail import FindMails, Greet, Look, MailCommand, MailRequest, SendMail


def ask(account: Account, command: MailCommand, effect: Effect = Effect.READ) -> MailRequest:
    """Return a command as what a call yields; method and url are what logs and dead letters show of it."""
    sends = isinstance(command, SendMail | Greet)
    server = account.mailbox.smtp if sends else account.mailbox.imap
    kind = "smtp" if sends else "imap"
    label = type(command).__name__.lower()
    url = f"{kind}{'s' * server.implicit}://{server.host}:{server.port}"
    return MailRequest(method=label.upper(), url=url, effect=effect, label=label, command=command)


def required(response: HttpResponse) -> dict[str, Any]:
    """Return the answer to a read; raises UnreadableError for a refusal."""
    if response.status != 200:
        raise UnreadableError(words_of(response))
    found: dict[str, Any] = response.json()
    return found


def words_of(response: HttpResponse) -> str:
    """Return a server's words with their number."""
    return f"{response.status} {response.body[:400].decode('utf-8', 'replace')}".strip()


# ---------------------------------------------------------------- what is sent


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Send one mail."""
    comment = intent.comment
    internal = intent.operation is Operation.INTERNAL_NOTE or (
        comment is not None and comment.visibility is not Visibility.PUBLIC
    )
    draft = Draft(account, context.effect_key, at=context.now or context.first_sent_at, internal=internal)
    why = _addressed(account, draft, intent, context, internal=internal)
    if why:
        return Rejected(why)
    draft.files = intent.attachments
    copies = (account.address,) if account.copy else ()
    command = SendMail(account.address, draft.to, (*draft.cc, *copies), draft.parts())
    response = yield ask(account, command, Effect.WRITE)
    return outcome(response, receipt(account, intent, context))


def _addressed(account: Account, draft: Draft, intent: Intent, context: WriteContext, *, internal: bool) -> str:
    """Say to whom a mail goes, under which subject; return why it cannot be sent."""
    if intent.operation is Operation.CREATE:
        return _begun(account, draft, intent, context)
    if intent.comment is None or intent.operation not in {Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}:
        return f"mail knows messages only; it cannot {intent.operation.value}"
    tag = context.remote_id.partition(":")[0]
    if not re.fullmatch(f"[A-Z2-7]{{{TAG}}}", tag):
        return "the ticket names no conversation by mail"
    said = context.observed.get(CORRESPONDENCE)
    known: dict[str, Any] = said if isinstance(said, dict) else {}
    people = [str(each) for each in known.get("people", ())]
    subject = str(known.get("subject") or "your request")
    draft.body = intent.comment.body
    draft.answers = str(known.get("last") or "")
    draft.references = [str(each) for each in known.get("references", ())]
    if internal:
        # whom it is about is never among them: fail closed
        draft.to = tuple(each for each in account.internal_to if each.lower() not in set(people))
        draft.subject = f"{subject} [#{tag}/i]"
        draft.answers, draft.references = "", ()
        return "" if draft.to else "there is nobody whom internal notes may reach: name colleagues under internal_to"
    if not people:
        return "there is nobody to write to: no mail of this ticket is known here, or its people were forgotten"
    draft.to, draft.cc = (people[0],), tuple(people[1:]) if account.participants else ()
    draft.subject = f"Re: {subject} [#{tag}]"
    return ""


def _begun(account: Account, draft: Draft, intent: Intent, context: WriteContext) -> str:
    """Begin a conversation with the requester of a ticket."""
    who = intent.fields.get("requester")
    address = str((who or {}).get("email") or "") if isinstance(who, dict) else ""
    if not address or address.lower() in account.own:
        return "the ticket's requester has no address of mail"
    own = message_id(account, context.effect_key)
    draft.to = (address,)
    draft.subject = f"{bare(str(intent.fields.get('title') or '')) or 'Your request'} [#{tag_of(own)}]"
    draft.body = str(intent.fields.get("body") or intent.fields.get("title") or "")
    return ""


def receipt(account: Account, intent: Intent, context: WriteContext) -> Receipt:
    """Return what is known of a mail of ours that was sent."""
    internal = intent.operation is Operation.INTERNAL_NOTE
    own = message_id(account, context.effect_key, internal=internal)
    if intent.operation is not Operation.CREATE:
        return Receipt(comment_id=hashed(own), change_ids=(f"mail:{hashed(own)}",))
    tag = tag_of(own)
    remote_id = f"{tag}:{context.effect_key[:16]}"
    who = intent.fields.get("requester") or {}
    said = {
        "people": [str(who.get("email") or "").lower()],
        "subject": bare(str(intent.fields.get("title") or "")),
        "last": own,
        "references": [own],
    }
    at = context.now or context.first_sent_at or datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    shown = RemoteTicket(remote_id, at, key=tag, correspondence=said)
    return Receipt(remote_id=remote_id, key=tag, change_ids=(f"mail:{hashed(own)}",), observed=shown)


#: 4.7.x and 4.3.2: too fast, or not now (RFC 3463 section 3)
_PACE = re.compile(r"\b4\.7\.\d+\b|\b4\.3\.2\b|rate|too many", re.IGNORECASE)


def outcome(response: HttpResponse, landed: Receipt) -> Outcome:
    """Classify what the server said (RFC 5321 section 4.2.1): 4xx is for now, 5xx is for good."""
    words = words_of(response)
    if 200 <= response.status < 300:
        missed = response.header("refused")
        return Done(landed, f"the server took it for the others, but not for {missed}" if missed else "")
    if response.status in {530, 534, 535, 538}:
        return Unauthorized(words)
    if 400 <= response.status < 500:
        return Throttled(words) if response.status == 421 or _PACE.search(words) else NotSent(words)
    return Rejected(words)


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the copy of a mail of ours."""
    internal = intent.operation is Operation.INTERNAL_NOTE or (
        intent.comment is not None and intent.comment.visibility is not Visibility.PUBLIC
    )
    own = message_id(account, context.effect_key, internal=internal)
    told = required((yield ask(account, FindMails(account.folders, "Message-ID", own))))
    if any(told["found"].values()):
        return Found(receipt(account, intent, context))
    return Unsure("no copy of the mail is in the mailbox; it may still lie in a queue", lasting=True)


# ---------------------------------------------------------------- who we are


def whoami(account: Account) -> Call[Identity]:
    """Log in to the mailbox; raises AuthenticationError where that is refused."""
    try:
        found = required((yield ask(account, Look(account.folder))))
    except LoginRefusedError as error:
        raise AuthenticationError(str(error)) from error
    address = account.address.lower()
    person = RemotePerson(address, email=address, name=account.from_name, role="agent")
    return Identity(person, f"{address}, {found['mails']} mails in {account.folder}")


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try both logins and the folders, and say what the settings leave out; nothing is sent and nothing marked."""
    results = []
    try:
        found = required((yield ask(account, Look(account.folder))))
        results.append(CheckResult("mailbox", ok=True, detail=f"{found['mails']} mails in {account.folder}"))
        names = {each["name"] for each in found["folders"]}
        if account.sent_folder:
            there = account.sent_folder in names
            told = f"there is no folder {account.sent_folder!r}; there are {', '.join(sorted(names)[:20])}"
            results.append(CheckResult("sent_folder", ok=there, detail="it is there" if there else told, warning=True))
    except (TransportError, UnreadableError) as error:
        results.append(CheckResult("mailbox", ok=False, detail=str(error)))
    try:
        offered = _required_greeting((yield ask(account, Greet())))
        most = f", mails up to {offered['size']} bytes" if offered["size"] else ""
        results.append(CheckResult("smtp", ok=True, detail=f"it takes our mail{most}"))
    except (TransportError, UnreadableError) as error:
        results.append(CheckResult("smtp", ok=False, detail=str(error)))
    proof = "a copy of each mail goes into the mailbox" if account.copy else f"copies lie in {account.sent_folder}"
    without = "no copy and no sent_folder: a mail whose answer was lost is left to a person"
    proved = account.copy or bool(account.sent_folder)
    results.append(CheckResult("copies", ok=proved, detail=proof if proved else without, warning=True))
    told = f"internal notes go to {len(account.internal_to)} colleagues" if account.internal_to else ""
    none = "no internal_to: internal notes stay with us and are written to nobody"
    results.append(CheckResult("internal_to", ok=bool(told), detail=told or none, warning=True))
    return results


def _required_greeting(response: HttpResponse) -> dict[str, Any]:
    if response.status != 250:
        raise UnreadableError(words_of(response))
    found: dict[str, Any] = response.json()
    return found
