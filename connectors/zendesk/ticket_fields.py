"""Custom fields by name: what the settings do not say is learned from the account's own list of ticket fields.

A name of `custom.NAME` is that of `custom_fields:` in gateway.yaml, the field's id, or its title in Zendesk: `SLA due`
is sla_due. What was learned is kept with the account, and by `gateway connections test` for every process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from connectors.sdk import Call
from connectors.zendesk.account import Account
from connectors.zendesk.asking import API, MAX_PAGES, PAGE, ask, get, more_after, next_params
from connectors.zendesk.mapping import ident, objects, text

_GAPS = re.compile(r"[^a-z0-9]+")


def slug(title: str) -> str:
    """Return a title as it is named in rules: lower case, `_` for everything between words."""
    return _GAPS.sub("_", title.lower()).strip("_")


def resolve(account: Account, names: Iterable[str]) -> Call[None]:
    """Learn the ids of custom fields whose names neither the settings nor an earlier look tells.

    A name that Zendesk does not have either stays unknown. Raises what reads raise.
    """
    unknown = {name for name in names if name not in account.field_ids and not name.isdigit()}
    if not unknown:
        return
    found = yield from _titles(account, unknown)
    for name, number in found.items():
        account.field_ids[name] = number
        account.field_names[number] = name


def _titles(account: Account, names: set[str]) -> Call[dict[str, str]]:
    by_slug = {slug(name): name for name in names}
    found: dict[str, str] = {}
    params = {"page": "1", "per_page": str(PAGE)}
    for page in range(1, MAX_PAGES + 1):
        body = yield from ask(
            get(f"{API}/ticket_fields", "look for custom fields", **params), none=frozenset({403, 404})
        )
        listed = objects((body or {}).get("ticket_fields"))
        for field in listed:
            name = by_slug.get(slug(text(field.get("title")))) or by_slug.get(slug(text(field.get("raw_title"))))
            number = ident(field.get("id"))
            if name is not None and number and number not in account.field_names and field.get("active") is not False:
                found.setdefault(name, number)
        if body is None or not listed or not more_after(body) or set(found) == names:
            break
        params = next_params(body, page)
    return found
