"""`gateway connections test`: what of a connection holds, and the exact fix of what does not. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from connectors.roundup.calls.desk import Desk, collection, maybe
from connectors.roundup.calls.reads import item_of, name_of, whoami
from connectors.roundup.mapping import number, text
from connectors.sdk import AuthenticationError, Call, CheckResult, TransportError


def check(desk: Desk) -> Call[Sequence[CheckResult]]:
    """Try the account, the issues that it sees, conditional writes, and the words of the tracker."""
    try:
        identity = yield from whoami(desk)
    except (AuthenticationError, TransportError) as error:
        return [CheckResult("account", ok=False, detail=str(error))]
    results = [CheckResult("account", ok=True, detail=identity.detail)]
    results.append((yield from _issues(desk)))
    options = desk.options
    words = options.words
    results.append((yield from _words(desk, "status", "statuses", set(words.statuses), words.writes())))
    results.append((yield from _words(desk, "priority", "priorities", set(words.priorities), {})))
    results.append((yield from _addresses(desk, identity.person.external_id)))
    return results


def _issues(desk: Desk) -> Call[CheckResult]:
    """See the newest issue, whose ETag every write needs."""
    try:
        params = {"@sort": "-activity", "@fields": "activity", "@protected": "true", "@page_size": "1"}
        rows = yield from collection(desk, desk.issues, params, "newest issue")
        if not rows:
            return CheckResult("issues", ok=True, detail="no issue is visible yet", warning=True)
        response = yield desk.issue(number(rows[0].get("id")))
        etag = item_of(response).etag
    except (AuthenticationError, TransportError) as error:
        kind = desk.options.kind
        others = yield from _classes(desk)
        if others and kind not in others:
            said = f"the tracker has no class {kind}, it has {', '.join(others)}"
            hint = "say which holds tickets, as issues: {class: bug, assignee: assignee, tags: keywords}"
            return CheckResult("issues", ok=False, detail=f"{said}: {hint}")
        return CheckResult(
            "issues", ok=False, detail=f"{error}: give the role View and Search of `{kind}` and Rest Access"
        )
    if not etag:
        return CheckResult("issues", ok=False, detail="an issue has no ETag: is this a Roundup before 1.6?")
    return CheckResult("issues", ok=True, detail="issues are visible, with the ETag that a write needs")


def _classes(desk: Desk) -> Call[list[str]]:
    """Return the classes that our role sees; none where the tracker does not say."""
    try:
        response = yield desk.request("GET", "", label="list classes")
    except TransportError:
        return []
    return sorted(name for name in (maybe(response) or {}) if response.ok)


def _words(desk: Desk, kind: str, setting: str, known: set[str], writes: dict[str, list[str]]) -> Call[CheckResult]:
    """Compare the tracker's own words with those whose meaning is known, and with those that would be written."""
    try:
        rows = yield from collection(desk, f"/{kind}", {"@verbose": "2", "@fields": "name"}, f"list {kind}")
    except (AuthenticationError, TransportError) as error:
        return CheckResult(setting, ok=False, detail=str(error), warning=True)
    names = [name_of(row) for row in rows]
    strange = sorted(name for name in names if name.lower() not in known)
    if strange:
        return CheckResult(
            setting, ok=False, detail=f"say under `{setting}:` what these mean: {', '.join(strange)}", warning=True
        )
    lacking = [f"{word} (for {', '.join(meant)})" for word, meant in writes.items() if names and word not in names]
    if lacking:
        said = f"the tracker has {', '.join(names)}, and not what would be written: {', '.join(lacking)}"
        return CheckResult(
            setting, ok=False, detail=f"{said}: say under `{setting}:` what its words mean", warning=True
        )
    return CheckResult(setting, ok=True, detail=", ".join(names), facts={setting: names})


def _addresses(desk: Desk, ours: str) -> Call[CheckResult]:
    """Say whether our role sees the addresses of others: people are known across desks by them."""
    try:
        rows = yield from collection(
            desk, "/user", {"@fields": "username,address", "@verbose": "2", "@page_size": "5"}, "addresses of users"
        )
    except (AuthenticationError, TransportError) as error:
        return CheckResult("people", ok=False, detail=str(error), warning=True)
    others = [row for row in rows if text(row.get("username")) != ours]
    if others and not any("address" in row for row in others):
        detail = "addresses of users are hidden: give the gateway's role View of `user`, or people are not known again"
        return CheckResult("people", ok=False, detail=detail, warning=True)
    return CheckResult("people", ok=True, detail="addresses of users are visible")
