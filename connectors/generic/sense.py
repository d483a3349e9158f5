"""What no schema says: settings that each are well written and cannot work together, told where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from connectors.generic import sense_files
from connectors.generic.options import COMMENTS, PARTS, Shape, body_of, finds, lists_of, updates_of
from connectors.generic.places import names_header
from connectors.generic.signing import STANDARD, full
from connectors.generic.template import defaults, is_torn, members, nearly, placeholders
from connectors.generic.times import EPOCH, ISO, MILLISECONDS, is_readable, zone_of

Trouble = tuple[tuple[str | int, ...], str, str]

#: placeholders that any request of ours knows
ALWAYS = frozenset({"ticket", "key", "etag"})
FIELDS = frozenset({
    "title", "body", "body_html", "body_plain", "status", "priority", "kind", "queue", "language", "tags", "tags_text",
    "assignee", "assignee_email", "assignee_name", "requester", "requester_email", "requester_name", "requester_phone",
    "status_first", "status_second",
})  # fmt: skip
SPEECH = frozenset({
    "comment", "comment_html", "comment_plain", "visibility", "internal", "public", "author_name", "author_email",
})  # fmt: skip
FILE = frozenset({"file", "file_name", "file_type", "file_size"})
PAGES = frozenset({"page", "size"})
EYES = frozenset({"visibility", "internal", "public"})
KNOWS: dict[str, frozenset[str]] = {
    "read": frozenset({"ticket"}),
    "comments": frozenset({"ticket"}) | PAGES,
    "changes": frozenset({"since"}) | PAGES,
    "whoami": frozenset(),
    "create": ALWAYS | FIELDS | {"files"},
    "update": ALWAYS | FIELDS,
    "reply": ALWAYS | SPEECH | {"files"},
    "note": ALWAYS | SPEECH | {"files"},
    "files": frozenset({"ticket"}) | PAGES,
    "fetch": frozenset({"ticket", "file_id", "file_name", "url"}),
    "upload": FILE | {"ticket", "key"},
    "attach": ALWAYS | FILE | EYES,
}


def problems(given: Shape) -> Iterator[Trouble]:
    """Go through what cannot work: where it stands, what is wrong, what to do."""
    calls = given.get("calls") or {}
    if not calls and "incoming" not in given:
        yield ("connector",), "this connection neither hears nor says anything", "describe `incoming:` or `calls:`"
    yield from _auth(given)
    yield from _requests(calls)
    yield from _reads(given, calls)
    yield from _writes(given, calls)
    yield from _webhooks(given)
    yield from _times(given)
    yield from _patterns(given)
    yield from sense_files.problems(given)


def _auth(given: Shape) -> Iterator[Trouble]:
    auth = given.get("auth") or {}
    proofs = (auth.get("token"), auth.get("headers"), auth.get("oauth"), auth.get("user") and auth.get("password"))
    if auth and not any(proofs):
        yield ("auth",), "this proves nothing", "give `token`, `user` and `password`, `headers`, or `oauth`"
    if auth.get("oauth") and (auth.get("token") or auth.get("user")):
        yield ("auth",), "two things would stand in the header Authorization", "leave `oauth`, or the other"
    kinds = ("client_secret", "refresh_token", "password")
    if auth.get("oauth") and not any(auth["oauth"].get(name) for name in kinds):
        yield ("auth", "oauth"), "no token would be given for this", f"give one of {', '.join(kinds)}"


def _requests(calls: Shape) -> Iterator[Trouble]:
    """Check every placeholder of every request, and its one body."""
    for name, request in calls.items():
        several = lists_of(calls, name) if name in {"update", "changes", "comments"} else [request]
        listed = isinstance(request, list)
        for number, each in enumerate(several):
            where: tuple[str | int, ...] = ("calls", name, number) if listed else ("calls", name)
            yield from _placeholders(where, each, KNOWS[name])
            if sum(part in each for part in ("json", "form", "text", "parts")) > 1:
                yield where, "a request has one body", "leave one of json, form, text and parts"
            known = KNOWS[name] | FILE | {"upload"}
            yield from _placeholders(where, each, known, ("each_file",))
            find = each.get("find")
            if isinstance(find, Mapping):
                yield from _placeholders((*where, "find"), find, frozenset({"key"}) | PAGES)
                yield from _paging((*where, "find"), find)


def _placeholders(
    where: tuple[str | int, ...], request: Shape, known: frozenset[str], parts: tuple[str, ...] = PARTS
) -> Iterator[Trouble]:
    for part in parts:
        for inner, text in members(request.get(part)):
            for name in placeholders(text):
                own = name.partition(".")[0] in {"custom", "param"} and "." in name and "title" in known
                if name not in known and not own:
                    words = ", ".join(sorted(known)) or "none"
                    yield (*where, part, *inner), f"nothing is known here as {{{name}}}", f"there are: {words}"
            for written, meant in nearly(text, known):
                yield (*where, part, *inner), f"{written} would be sent as it stands", f"write {meant}"
            if part == "path" and is_torn(text) and not any(nearly(text, known)):
                message = "a brace of this path belongs to no placeholder"
                yield (*where, part), message, "write placeholders such as {ticket}, and other braces as %7B and %7D"


def _reads(given: Shape, calls: Shape) -> Iterator[Trouble]:
    ticket = given.get("ticket") or {}
    for name in ("read", "changes"):
        if name in calls and "id" not in ticket:
            yield ("calls", name), "what it reads has no id", "say where it lies: ticket: {id: …}"
    for name in ("comments", "files"):
        for number, each in enumerate(lists_of(calls, name)):
            yield from _paging(("calls", name, number) if isinstance(calls[name], list) else ("calls", name), each)
    for number, changes in enumerate(lists_of(calls)):
        where = ("calls", "changes", number) if isinstance(calls["changes"], list) else ("calls", "changes")
        yield from _paging(where, changes)
        yield from _changes(where, changes, given, calls)
    if "comments" in calls and "body" not in (given.get("comment") or {}):
        yield ("calls", "comments"), "a comment without a body", "say where it lies: comment: {body: …}"


def _changes(where: tuple[str | int, ...], changes: Shape, given: Shape, calls: Shape) -> Iterator[Trouble]:
    ticket, rows = given.get("ticket") or {}, "id" in changes
    if rows and not (changes.get("at") or (given.get("comment") or {}).get("at")):
        yield where, "nothing says when it was said", "give `at:`, the place of its time"
    if not rows and "updated" not in ticket:
        hint = "give ticket: {updated: …}; where the desk tells no such time, `header:Date` with `compare: true`"
        yield where, "nothing says when a ticket changed", hint
    told = changes.get("newest_first") or changes.get("compare")
    if "since" not in set(placeholders(body_of(changes))) and not told:
        hint = "put {since} into its query, or say `newest_first: true`; where no time is told, `compare: true`"
        yield where, "every poll would read every ticket", hint
    if "read" not in calls and not changes.get("whole"):
        yield where, "a change is read by `read`, and there is none", "describe `read:`, or say `whole: true`"
    if rows and changes.get("compare"):
        yield where, "what is listed by `id:` is no ticket, and is told by its time", "leave `compare:` out"


def _paging(where: tuple[str | int, ...], request: Shape) -> Iterator[Trouble]:
    paging = request.get("paging") or {}
    if paging.get("kind") in {"cursor", "next"} and "at" not in paging:
        yield (*where, "paging"), "where does the next page stand in the answer?", "give `at:`"
    stands = "page" in set(placeholders(list(body_of(request))))
    if paging.get("kind") in {"page", "offset", "cursor"} and "param" not in paging and not stands:
        yield (
            (*where, "paging"),
            "which parameter of the address is it?",
            "give `param:`, or put {page} into the request",
        )


def _writes(given: Shape, calls: Shape) -> Iterator[Trouble]:
    ticket, create = given.get("ticket") or {}, calls.get("create") or {}
    if create and "id" not in create and "id" not in ticket:
        yield ("calls", "create"), "nobody would know the new ticket's id", "give `id:`, a place in the answer or {key}"
    if create.get("find"):
        names = set(placeholders(body_of(create)))
        if "key" not in names:
            yield ("calls", "create", "find"), "nothing bears our mark", "put {key} into the request that creates"
        if "marker" not in ticket:
            yield ("calls", "create", "find"), "nothing tells our mark on a ticket", "give ticket: {marker: …}"
    for name in COMMENTS.values():
        request = calls.get(name) or {}
        if request.get("find") and not finds(given, name):
            hint = (
                "it needs `read`, comments to read, and for `marker` also {key} in the request and comment: {marker: …}"
            )
            yield ("calls", name, "find"), "a comment could not be found again", hint
        if request and "ticket" not in set(placeholders(body_of(request))):
            yield ("calls", name), "on which ticket?", "put {ticket} into its path"
    fixed = sorted({name for each in updates_of(calls) for name in defaults(list(body_of(each)))})
    if fixed:
        what = f"{{{fixed[0]}|…}} would be written with every change of something else"
        yield ("calls", "update"), what, "write defaults in `create` only"
    if any(each.get("if_match") for each in updates_of(calls)) and "read" not in calls:
        yield ("calls", "update"), "a conditional write needs the ticket's ETag", "describe `read:`"
    for name in ("kind", "priority", "status"):
        used = [each for each in (create, *updates_of(calls)) if name in set(placeholders(body_of(each)))]
        if used and not ((given.get("words") or {}).get(name)):
            yield ("calls",), f"{{{name}}} has no words of the desk", f"say what they mean: words: {{{name}: …}}"


def _webhooks(given: Shape) -> Iterator[Trouble]:
    incoming = given.get("incoming")
    if incoming is None:
        return
    if "webhook_secret" not in given:
        yield ("incoming",), "nobody could tell the desk's webhooks from others'", "give `webhook_secret:`"
    ticket = {**(given.get("ticket") or {}), **(incoming.get("ticket_fields") or {})}
    if "id" not in incoming and "id" not in ticket:
        yield ("incoming",), "which ticket is a webhook about?", "give `id:`, or ticket: {id: …}"
    scheme = incoming.get("signature") or {"kind": STANDARD}
    kind = scheme.get("kind", STANDARD)
    if kind in {"hmac", "header"} and not scheme.get("header"):
        yield ("incoming", "signature"), "in which header?", "give `header:`"
    if kind == "hmac":
        shape = full(scheme)
        for part in ("timestamp", "id"):
            if f"{{{part}}}" in shape["signed"] and not shape[part]:
                yield ("incoming", "signature", "signed"), f"in which header is the {part}?", f"give `{part}:`"
    yield from _names(incoming, kind, scheme)
    if incoming.get("partial") is True and "read" in (given.get("calls") or {}) and incoming.get("trust") is not True:
        hint = "leave `partial:` out, or say `trust: true` beside it"
        yield ("incoming", "partial"), "the ticket is read, whatever a webhook holds of it", hint
    event = incoming.get("event") or {}
    if event and "at" not in event:
        yield ("incoming", "event"), "where does a webhook say what happened?", "give `at:`"
    if "commented" in (event.get("kinds") or {}).values() and "body" not in {
        **(given.get("comment") or {}), **(incoming.get("comment_fields") or {}),
    }:  # fmt: skip
        yield ("incoming", "event"), "a comment without a body", "say where it lies: comment: {body: …}"


def _names(incoming: Shape, kind: str, scheme: Shape) -> Iterator[Trouble]:
    """Refuse a header that names deliveries and is not signed: somebody could rename what they caught."""
    place = incoming.get("delivery")
    if not names_header(place):
        return
    signs = kind == STANDARD or (kind == "hmac" and "{id}" in str(scheme.get("signed") or ""))
    if not signs:
        hint = "leave it out (a digest of the body stands in its place), or name a place in the body"
        yield ("incoming", "delivery"), "a header that is not signed could rename a delivery", hint


def _times(given: Shape) -> Iterator[Trouble]:
    times = given.get("times") or {}
    if "zone" in times and zone_of(str(times["zone"])) is None:
        yield ("times", "zone"), "there is no such time zone", "write one such as Europe/Berlin or UTC"
    formats = times.get("format") or ()
    every = [formats] if isinstance(formats, str) else formats
    for form in every:
        # the first of several may be there to be written only
        known = form in {ISO, EPOCH, MILLISECONDS} or ("%" in form and (len(every) > 1 or is_readable(form)))
        if not known:
            yield (
                ("times", "format"),
                f"{form!r} is no format",
                "write iso, epoch, epoch_ms or one such as %d.%m.%Y %H:%M",
            )


def _patterns(given: Shape, where: tuple[str | int, ...] = ()) -> Iterator[Trouble]:
    """Compile every regular expression."""
    for name, value in given.items():
        if name in {"pattern", "cut"} and isinstance(value, str):
            try:
                re.compile(value)
            except re.error as error:
                yield (*where, name), f"this is no regular expression: {error}", "try it on a text first"
        elif isinstance(value, Mapping) and name not in {"json", "words"}:
            yield from _patterns(value, (*where, name))


def first(given: dict[str, Any]) -> str:
    """Return the first trouble as one line; empty where there is none."""
    for where, message, hint in problems(given):
        return f"{'.'.join(str(step) for step in where)}: {message} ({hint})"
    return ""
