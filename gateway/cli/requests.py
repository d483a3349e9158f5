"""The very requests that a replay would send, written for a person or a program: without credentials or secrets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import click
import msgspec

from dead_letters import plan_replay
from dead_letters.look import Looked, Preview, preview
from gateway.cli.bench import Bench, waits
from gateway.cli.doing import SAID
from gateway.cli.tables import block, tame, write_json
from gateway.http.pieces import json_pieces, multipart, shown
from gateway.ports import Blob, Connector, HttpRequest
from gateway.store.unit import SqlTx
from gateway.telemetry import Redactor

Shown = tuple[dict[str, Any], tuple[Preview, Connector] | None]


def request_document(request: HttpRequest, connector: Connector) -> dict[str, Any]:
    """Return a request as it would leave, but for its credentials."""
    base = connector.settings.url.rstrip("/")
    url = request.url if "://" in request.url else base + request.url
    if request.params:
        url += ("&" if "?" in url else "?") + urlencode(request.params)
    body: Any = msgspec.json.decode(shown(json_pieces(request.json))) if request.json is not None else None
    if isinstance(request.body, Blob):
        body = f"(a file of {request.body.size} bytes)"
    elif request.parts:
        body = shown(multipart(request.parts)[1])
    elif request.body:
        body = request.body.decode("utf-8", "replace")
    return {"method": request.method, "url": url, "headers": request.headers, "body": body}


def looked_at(here: Bench, tx: SqlTx, update_id: str) -> Looked | None:
    """Read what the request of a given-up update depends on; None when it is none (any more)."""
    letter = tx.dead_letters.letter(update_id, here.named)
    if letter is None:
        return None
    if letter.waits:
        raise waits(update_id, letter.update.connection)
    stored = tx.outbox.last_request(update_id, letter.update.payload_version)
    return Looked(letter, stored, tx.tickets.known_comments(letter.link.id))


def would(here: Bench, looked: Looked, *, accept_duplicate: bool, among_many: bool = False) -> Shown:
    """Say what a replay of an update would do, with its request; raises DeadLetterError where it would be refused."""
    update = looked.letter.update
    terms = here.terms(update.connection, update.operation)
    replay = plan_replay(looked.letter, terms, here.now(), accept_duplicate=accept_duplicate, among_many=among_many)
    connector = here.connector(update.connection)
    said = SAID["stored" if replay.stored else replay.how.state.value]
    about = {"what": "update", "id": update.id, "would": said, "warnings": list(replay.warnings)}
    return about, (preview(looked, replay, connector, here.gateway.transport), connector)


def write_preview(shown: Sequence[Shown], redactor: Redactor, *, as_json: bool) -> None:
    """Write what would happen with each, and the request."""
    documents = []
    for about, seen in shown:
        document = dict(about)
        if seen is not None:
            found, connector = seen
            document["note"] = found.note
            document["request"] = request_document(found.request, connector) if found.request is not None else None
        documents.append(redactor.value(msgspec.to_builtins(document)))
    if as_json:
        write_json({"dry_run": True, "done": documents})
        return
    for document in documents:
        click.echo(f"would be {document['would']}: {document['what']} {document['id']}")
        for warning in document["warnings"]:
            click.echo(f"  warning: {tame(warning)}", err=True)
        write_request(document)


def write_request(document: dict[str, Any]) -> None:
    """Write the request of one, as a person reads it."""
    if document.get("note"):
        click.echo(f"  {tame(document['note'])}")
    request = document.get("request")
    if not request:
        return
    click.echo(f"  {request['method']} {tame(request['url'])}")
    for name, value in request["headers"].items():
        click.echo(f"  {tame(name)}: {tame(value)}")
    body = request["body"]
    if body is not None:
        text = body if isinstance(body, str) else msgspec.json.format(msgspec.json.encode(body), indent=2).decode()
        click.echo("\n".join(f"  {line}" for line in block(text).splitlines()))
