"""Several changes in one request that is done whole or not at all: an OData change set.

A case is resolved by the action CloseIncident and by no PATCH, so other columns that are set with it would be a second
write; so would be the contact whose a new case is. In a change set both are one transaction.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from connectors.dynamics365.account import API, Account
from connectors.dynamics365.asking import request
from connectors.sdk import Effect, HttpRequest, HttpResponse

_STATUS = re.compile(rb"^HTTP/1\.1 (\d{3})", re.MULTILINE)


#: method, path below the Web API, headers, body
Change = tuple[str, str, dict[str, str], dict[str, Any]]


def change_set(account: Account, name: str, changes: list[Change], label: str) -> HttpRequest:
    """Return one request for changes (method, path, headers, body); `name` marks its borders."""
    batch, inner = f"batch_{name}", f"changeset_{name}"
    lines = [f"--{batch}", f"Content-Type: multipart/mixed;boundary={inner}", ""]
    for number, (method, path, headers, body) in enumerate(changes, 1):
        lines += [f"--{inner}", "Content-Type: application/http", "Content-Transfer-Encoding: binary"]
        lines += [f"Content-ID: {number}", "", f"{method} {account.url}{API}/{path} HTTP/1.1"]
        lines += [f"{header}: {value}" for header, value in headers.items()]
        lines += ["Content-Type: application/json", "", msgspec.json.encode(body).decode()]
    lines += [f"--{inner}--", "", f"--{batch}--", ""]
    return request(
        "POST", "$batch", label, Effect.WRITE, body="\r\n".join(lines).encode(),
        headers={"Content-Type": f"multipart/mixed;boundary={batch}", "Accept": "application/json"},
    )  # fmt: skip


def answer_of(response: HttpResponse, changes: int) -> HttpResponse | None:
    """Return the answer that says what became of a change set; None where it is none to so many changes."""
    found = _inside(response)
    if found is None:
        return None if response.ok else response
    return None if found.ok and len(_STATUS.findall(response.body)) < changes else found


def _inside(response: HttpResponse) -> HttpResponse | None:
    """Return the first answer inside that is no success, else the last one; None where there is none at all.

    A change set that fails has one answer inside, and no change of it is made.
    """
    body = response.body
    answers: list[HttpResponse] = []
    for found in _STATUS.finditer(body):
        head, _, rest = body[found.end() :].partition(b"\r\n\r\n")
        headers = {}
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
        answers.append(HttpResponse(int(found[1]), headers, rest.partition(b"\r\n--")[0].strip()))
    return next((one for one in answers if not one.ok), answers[-1] if answers else None)
