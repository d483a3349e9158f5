"""The sites that come with the gateway, and the one that the language is shown by."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.domain.ticket import Kind
from rules import Mode, Site, decide, load_site
from rules.examples import NAMES, example
from tests.rules.making import NOW, installed, ticket

LANGUAGE = Path(__file__).parent / "language"
SHARED = Path(__file__).parents[3] / "shared" / "example-site"


def texts(folder: Path) -> dict[str, str]:
    """Return the YAML files of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in sorted(folder.rglob("*.yaml"))}


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_site_has_no_problem_at_all(name: str) -> None:
    """Not even a warning."""
    loaded, problems = load_site(example(name), installed())
    assert problems == ()
    assert loaded is not None
    assert loaded.mode is (Mode.LIVE if name == "demo" else Mode.OBSERVE)


def test_there_is_no_other_example() -> None:
    """A name is no path."""
    with pytest.raises(KeyError):
        example("../examples/starter")


@pytest.mark.parametrize("folder", [LANGUAGE, SHARED], ids=["ours", "shared"])
def test_every_section_of_the_language_loads_with_true_warnings_only(folder: Path) -> None:
    """RT's `deleted` is not mapped, and a text stays there as it was first written."""
    if not folder.is_dir():
        pytest.skip("not in this checkout")
    loaded, problems = load_site(texts(folder), installed())
    assert loaded is not None, "\n".join(str(each) for each in problems)
    assert {(each.file, each.code) for each in problems} == {
        ("rules/50-sync.yaml", "status-map-gap"),
        ("rules/50-sync.yaml", "only-at-creation"),
    }
    assert all("deleted" in each.message or "'body'" in each.message for each in problems)


def demo() -> Site:
    """Return the demo's site."""
    loaded, _ = load_site(example("demo"), installed())
    assert loaded is not None
    return loaded


@pytest.mark.parametrize(
    ("title", "kind", "rule"),
    [
        ("Please set up SSO for us", Kind.IMPLEMENTATION, "implementations-to-rt"),
        ("Bitte SSO einrichten", Kind.IMPLEMENTATION, "implementations-to-rt"),
        ("The portal is DOWN for everyone", Kind.INCIDENT, "incidents-and-billing-to-rt"),
        ("システム障害です", Kind.INCIDENT, "incidents-and-billing-to-rt"),
        ("Factura incorrecta", Kind.QUESTION, "incidents-and-billing-to-rt"),
        ("How are you?", Kind.OTHER, None),
    ],
)
def test_the_demo_sends_its_tickets_where_they_belong(title: str, kind: Kind, rule: str | None) -> None:
    """In the languages in which its traffic comes."""
    new = ticket(source="acme-zendesk", title=title)
    decision = decide(demo().rules, new, previous=None, links=frozenset({"acme-zendesk"}), now=NOW)
    assert decision.ticket.kind is kind
    assert [each.name for each in decision.create] == ([rule] if rule else [])
