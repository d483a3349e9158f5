"""Reading: one ticket with all its comments, a page of changes, who we are, and whether all that works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from connectors.generic.asking import answer_of, is_missing, request_of
from connectors.generic.filing import with_files
from connectors.generic.memory import Memory
from connectors.generic.options import Options, Shape, body_of, lists_of, span
from connectors.generic.places import find, is_there, names_header, rows, word
from connectors.generic.reading import EPOCH, Reader, ident, with_comments
from connectors.generic.template import placeholders
from connectors.sdk import (
    AuthenticationError,
    Call,
    ChangePage,
    CheckResult,
    ConnectorSpec,
    HttpRequest,
    HttpResponse,
    Identity,
    RemotePerson,
    RemoteTicket,
    Strategy,
    TransportError,
    digest,
)

#: how far back a poll goes where the settings do not say: clocks differ, and a change is seen when it is committed
OVERLAP = 180
#: a first round begins this long ago: older tickets come in when they change
FIRST = timedelta(minutes=10)
#: bounds a list that never ends (a defect of the desk, or of the settings)
MOST_PAGES = 1000
SIZE = 50
#: the places of a ticket of which `check` says that nothing lies there: fields that people see
PLACED = ("title", "body", "status", "priority", "kind", "queue", "language", "assignee", "requester", "tags")


class Cursor(msgspec.Struct, omit_defaults=True):
    """Where a poll stands; stored as JSON. Times are by the desk's clock."""

    #: every change before this has been seen
    base: datetime
    #: the next round's base, noted when this round began
    next: datetime | None = None
    #: where the next page of this round begins: a number, the desk's own mark, or an address
    page: str = ""
    #: of a desk that tells no times (`compare:`): what it has shown before
    memory: Memory | None = None
    #: which of several lists is read
    turn: int = 0


def read(reader: Reader, remote_id: str) -> Call[RemoteTicket | None]:
    """Read one ticket whole; None when it is not there or out of our sight."""
    options = reader.options
    shape = options.call("read")
    if shape is None:
        yield from ()
        return None
    response = yield request_of(options, "read", shape, {"ticket": remote_id})
    if is_missing(shape, response):
        return None
    answer = answer_of(shape, response)
    ticket = reader.ticket(answer, response.headers)
    if ticket is None:
        return None
    if not ticket.version_token and response.header("etag"):
        ticket = msgspec.structs.replace(ticket, version_token=response.header("etag"))
    if ticket.remote_id != remote_id and not ticket.merged_into:
        # the desk answers with another ticket: this one was merged into it
        return msgspec.structs.replace(ticket, remote_id=remote_id, merged_into=ticket.remote_id)
    comments = reader.comments(find(options.ticket.get("comments"), answer), remote_id)
    files = reader.files(find(options.ticket.get("files"), answer), remote_id)
    if "comments" in options.calls:
        comments += reader.comments((yield from _listed(reader, "comments", remote_id)), remote_id)
    if "files" in options.calls:
        files += reader.files((yield from _listed(reader, "files", remote_id)), remote_id)
    ticket = with_comments(ticket, comments, first_is_body=bool(options.ticket.get("first_comment_is_body")))
    return with_files(ticket, files)


def _listed(reader: Reader, name: str, remote_id: str) -> Call[list[Any]]:
    """Return what a ticket has of comments or files, page by page."""
    found: list[Any] = []
    for shape in lists_of(reader.options.calls, name):
        found += yield from _pages(reader, name, shape, remote_id)
    return found


def _pages(reader: Reader, name: str, shape: Shape, remote_id: str) -> Call[list[Any]]:
    found: list[Any] = []
    page = ""
    for _ in range(MOST_PAGES):
        response = yield paged(reader.options, name, shape, {"ticket": remote_id}, page)
        if is_missing(shape, response):
            break
        answer = answer_of(shape, response)
        listed = rows(find(shape["list"], answer) if "list" in shape else answer)
        found += listed
        before, page = page, next_page(shape, response, listed, page)
        if not page or page == before:
            break
    return found


def paged(options: Options, name: str, shape: Shape, values: Mapping[str, Any], page: str) -> HttpRequest:
    """Render a request for one page."""
    paging = shape.get("paging") or {}
    params: dict[str, str] = {}
    if paging and {"page", "size"} & set(placeholders(list(body_of(shape)))):
        # the settings say themselves where the page stands in the request
        begins = paging.get("start", 1 if paging["kind"] == "page" else 0)
        at_page = int(page) if page.isascii() and page.isdigit() else page
        known: dict[str, Any] = {**values, "size": int(paging.get("size") or SIZE)}
        if page or paging["kind"] in {"page", "offset"}:
            known["page"] = at_page or begins
        return request_of(options, name, shape, known)
    request = request_of(options, name, shape, values)
    if paging.get("size_param"):
        params[str(paging["size_param"])] = str(paging.get("size") or SIZE)
    if paging.get("kind") in {"next", "link"} and page:
        return msgspec.structs.replace(request, url=_beside(options, page), params={})
    if paging.get("param") and (page or paging["kind"] in {"page", "offset"}):
        first = str(paging.get("start", 1 if paging["kind"] == "page" else 0))
        params[str(paging["param"])] = page or first
    if paging.get("in") == "json":
        given = msgspec.json.decode(request.body) if isinstance(request.body, bytes) and request.body else {}
        counted = {name: int(value) if value.isascii() and value.isdigit() else value for name, value in params.items()}
        return msgspec.structs.replace(request, body=msgspec.json.encode({**given, **counted}))
    return msgspec.structs.replace(request, params={**request.params, **params})


def _beside(options: Options, address: str) -> str:
    """Return the address of a next page below our own: a desk names itself as others see it."""
    parts, home = urlsplit(address), urlsplit(options.base).path.rstrip("/")
    inner = parts.path.removeprefix(home) if home and parts.path.startswith(f"{home}/") else parts.path
    return f"{inner}?{parts.query}" if parts.query else inner


def next_page(shape: Shape, response: HttpResponse, listed: list[Any], page: str) -> str:
    """Return where the page after this one begins; empty: this was the last."""
    paging = shape.get("paging") or {}
    kind, size = paging.get("kind"), int(paging.get("size") or SIZE)
    if kind in {"cursor", "next"}:
        return word(find(paging.get("at"), response.json(), response.headers))
    if kind == "link":
        return _link(response.header("link"))
    if not listed or (kind in {"page", "offset"} and "size" in paging and len(listed) < size):
        return ""
    if kind == "page":
        return str(int(page or paging.get("start", 1)) + 1)
    return str(int(page or paging.get("start", 0)) + len(listed)) if kind == "offset" else ""


def _link(header: str) -> str:
    """Return the address with rel="next" of a Link header (RFC 8288)."""
    for part in header.split(","):
        address, _, rest = part.partition(";")
        if 'rel="next"' in rest.replace(" ", "") or "rel=next" in rest.replace(" ", ""):
            return address.strip().strip("<>")
    return ""


# ---------------------------------------------------------------- polls


def changes(reader: Reader, cursor: str, now: datetime) -> Call[ChangePage]:
    """Read one page of what changed; `now` is aware UTC."""
    options = reader.options
    lists = lists_of(options.calls)
    if not lists:
        yield from ()
        return ChangePage(cursor=cursor or "-")
    state = _decode(cursor) or Cursor(now - FIRST)
    shape = lists[min(state.turn, len(lists) - 1)]
    overlap = timedelta(seconds=span(shape.get("overlap"), OVERLAP))
    values = {"since": options.times.write(state.base - overlap)}
    response = yield paged(options, "changes", shape, values, state.page)
    answer = answer_of(shape, response)
    there = clock_of(response, now)
    if state.next is None:
        # a desk whose clock is behind ours must not be asked from a moment that it has not reached
        state.next = max(state.base, min(there, now) if abs(there - now) < timedelta(minutes=1) else there)
    listed = rows(find(shape["list"], answer) if "list" in shape else answer)
    if shape.get("compare"):
        state.memory = state.memory or Memory(silent=now > there - FIRST)
        listed_now, listed = listed, state.memory.differing(reader, listed)
    else:
        listed_now = listed
    found = [each for one in listed if (each := _changed(reader, shape, one, response)) is not None]
    # a bare id says no time: it is as new as the answer, and is told by it from what was told before
    found = [
        msgspec.structs.replace(each, updated_at=there, version_token=each.version_token or f"seen {there:%FT%TZ}")
        if each.updated_at == EPOCH
        else each
        for each in found
    ]
    since = state.base - overlap
    fresh = [each for each in found if each.updated_at >= since]
    page = next_page(shape, response, listed_now, state.page)
    done = bool(shape.get("newest_first")) and len(fresh) < len(found)
    listed_all = not page or page == state.page or done
    end = listed_all and state.turn + 1 >= len(lists)
    memory = state.memory.after_a_round() if state.memory is not None and end else state.memory
    if end:
        after = Cursor(state.next, memory=memory)
    elif listed_all:
        after = Cursor(state.base, state.next, "", memory, state.turn + 1)
    else:
        after = Cursor(state.base, state.next, page, memory, state.turn)
    tickets = tuple(msgspec.structs.replace(each, complete=bool(shape.get("whole"))) for each in fresh)
    compared = (state.base, state.next) if memory is not None and end else None
    return ChangePage(tickets, msgspec.json.encode(after).decode(), end=end, compared=compared)


def _changed(reader: Reader, shape: Shape, listed: Any, response: HttpResponse) -> RemoteTicket | None:
    """Read one row: a ticket, or with `id:` something of one that has changed when it was made, as a comment has."""
    if "id" not in shape:
        return reader.ticket(listed, response.headers)
    number = ident(find(shape["id"], listed, response.headers))
    at = reader.options.times.read(find(shape.get("at") or reader.options.comment.get("at"), listed, response.headers))
    if not number:
        return None
    seen = digest("row", msgspec.json.encode(listed, order="sorted").decode())[:32]
    return RemoteTicket(number, at or EPOCH, version_token=seen, key=f"#{number}")


def _decode(cursor: str) -> Cursor | None:
    try:
        return msgspec.json.decode(cursor, type=Cursor)
    except msgspec.MsgspecError:
        return None


def clock_of(response: HttpResponse, fallback: datetime) -> datetime:
    """Return the desk's own time of an answer (its Date header), aware UTC."""
    try:
        said = parsedate_to_datetime(response.header("date"))
    except (TypeError, ValueError):
        return fallback
    return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)


# ---------------------------------------------------------------- who we are, and whether it works


def whoami(reader: Reader) -> Call[Identity]:
    """Say who we are: by the desk's own answer, else by the settings.

    Raises AuthenticationError when the credentials do not hold.
    """
    options = reader.options
    shape = options.call("whoami")
    if shape is None:
        yield from ()
        return Identity(options.us or RemotePerson(), "as the settings say" if options.us else "nobody can be asked")
    response = yield request_of(options, "whoami", shape, {})
    if response.status == 403:
        msg = f"the desk does not accept our credentials: HTTP {response.status}"
        raise AuthenticationError(msg)
    answer = answer_of(shape, response)
    person = reader.person(find(shape["person"], answer) if "person" in shape else answer, "agent")
    if person is None:
        msg = "the desk's answer names nobody: say where the parts of a person lie (person:)"
        raise TransportError(msg)
    return Identity(person, f"account {person.label}")


def check(reader: Reader) -> Call[Sequence[CheckResult]]:
    """Try every request that only reads. What writes is never tried: people would see it."""
    calls = reader.options.calls
    try:
        identity = yield from whoami(reader)
    except (AuthenticationError, TransportError) as error:
        return [CheckResult("account", ok=False, detail=str(error))]
    results = [CheckResult("account", ok=True, detail=identity.detail)]
    if "changes" in calls:
        results.append((yield from _listing(reader)))
        if results[-1].ok and "read" in calls:
            results.append((yield from _places(reader)))
    find_it = (calls.get("create") or {}).get("find")
    if find_it:
        results.append((yield from _searching(reader, find_it)))
    return results


def claims(spec: ConnectorSpec) -> CheckResult:
    """Say how each write stays single by what is described; of one that claims nothing a person decides."""
    told = ", ".join(f"{operation.value}: {claim.strategy}" for operation, claim in spec.operations.items())
    bare = [operation.value for operation, claim in spec.operations.items() if claim.strategy is Strategy.NONE]
    if not bare:
        return CheckResult("writes", ok=True, detail=told)
    hint = f"describe `find:` or `idempotency_header:` for {', '.join(bare)}"
    detail = f"{told}; where an answer is lost, a person decides: {hint}"
    return CheckResult("writes", ok=False, detail=detail, warning=True)


def _listing(reader: Reader) -> Call[CheckResult]:
    """Ask for the changes since 1970: what comes must have ids and times."""
    lists = lists_of(reader.options.calls)
    result = CheckResult("changes", ok=True, detail="no ticket is listed yet", warning=True)
    for number, shape in enumerate(lists):
        result = yield from _listing_of(reader, shape, "calls: changes" + (f": {number}" if len(lists) > 1 else ""))
        if not result.ok or not result.warning:
            break
    return result


def _listing_of(reader: Reader, shape: Shape, where: str) -> Call[CheckResult]:
    try:
        since = {"since": reader.options.times.write(EPOCH)}
        response = yield paged(reader.options, "changes", shape, since, "")
        answer = answer_of(shape, response)
    except (AuthenticationError, TransportError) as error:
        return CheckResult("changes", ok=False, detail=f"{where}: {error}")
    listed = rows(find(shape["list"], answer) if "list" in shape else answer)
    if not listed:
        return CheckResult("changes", ok=True, detail="no ticket is listed yet", warning=True)
    ticket = _changed(reader, shape, listed[0], response)
    if ticket is None:
        return CheckResult("changes", ok=False, detail="what is listed has no id: see ticket: {id: …}")
    if ticket.updated_at == EPOCH and isinstance(listed[0], Mapping):
        return CheckResult(
            "changes", ok=False, detail="what is listed has no time: see ticket: {updated: …} and times:"
        )
    return CheckResult("changes", ok=True, detail=f"{len(listed)} tickets are listed, such as {ticket.key}")


def _places(reader: Reader) -> Call[CheckResult]:
    """Read the first ticket that is listed: a place at which nothing lies may be a wrong one."""
    shape, listing = reader.options.calls["read"], lists_of(reader.options.calls)[0]
    try:
        since = {"since": reader.options.times.write(EPOCH)}
        answer = answer_of(listing, (yield paged(reader.options, "changes", listing, since, "")))
        listed = rows(find(listing["list"], answer) if "list" in listing else answer)
        ticket = reader.ticket(listed[0]) if listed else None
        if ticket is None:
            return CheckResult("places", ok=True, detail="no ticket to look at yet", warning=True)
        response = yield request_of(reader.options, "read", shape, {"ticket": ticket.remote_id})
        found = answer_of(shape, response)
    except (AuthenticationError, TransportError) as error:
        return CheckResult("places", ok=False, detail=f"calls: read: {error}")
    places = {name: reader.ticket_places[name] for name in PLACED if name in reader.ticket_places}
    empty = [name for name, place in places.items() if not names_header(place) and not is_there(place, found)]
    if not empty:
        return CheckResult("places", ok=True, detail=f"each place of ticket: is in ticket {ticket.key}")
    hint = 'a wrong place; or the desk leaves out what is empty: then write {path: …, default: ""}'
    detail = f"in ticket {ticket.key} nothing lies at ticket: {', '.join(empty)}: {hint}"
    return CheckResult("places", ok=False, detail=detail, warning=True)


def _searching(reader: Reader, shape: Shape) -> Call[CheckResult]:
    """Search for a mark that nobody has: a search that finds something ignores what it is asked for."""
    try:
        response = yield request_of(reader.options, "find", shape, {"key": "f" * 32})
        answer = answer_of(shape, response) if not is_missing(shape, response) else None
    except (AuthenticationError, TransportError) as error:
        return CheckResult("find", ok=False, detail=f"calls: create: find: {error}")
    found = rows(find(shape["list"], answer) if "list" in shape else answer)
    if found and "paging" in shape:
        return CheckResult("find", ok=True, detail="tickets are looked through for our mark, page by page")
    if found:
        detail = f"the search for a mark that nobody has finds {len(found)} tickets: it may overlook ours behind them"
        return CheckResult("find", ok=False, detail=detail, warning=True)
    return CheckResult("find", ok=True, detail="the search for our mark works")
