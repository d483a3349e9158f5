"""The import contracts leave nothing out."""

import re
import tomllib
from importlib.metadata import packages_distributions
from typing import Any

from connectors.registry import BUILT_INS, load
from tests.house.tree import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REGISTRY = load()
CONTRACTS: list[dict[str, Any]] = PROJECT["tool"]["importlinter"]["contracts"]


def contract(kind: str, about: str) -> dict[str, Any]:
    """Return the contract of a kind whose name says what it is about."""
    (found,) = [one for one in CONTRACTS if one["type"] == kind and about in one["name"]]
    return found


def name(requirement: str) -> str:
    """Return the distribution that a requirement names, in one spelling."""
    return re.split(r"[\[><=!;~ ]", requirement)[0].lower().replace("_", "-")


def test_every_module_of_the_gateway_has_a_floor() -> None:
    """Each module directly in gateway/ stands in the ladder, and each of the other packages does."""
    ladder = {module for floor in contract("layers", "floors")["layers"] for module in re.findall(r"[\w.]+", floor)}
    inside = (ROOT / "gateway").iterdir()
    modules = {f"gateway.{path.stem}" for path in inside if path.suffix == ".py" and path.stem != "__init__"}
    modules |= {f"gateway.{path.parent.name}" for path in (ROOT / "gateway").glob("*/__init__.py")}
    assert modules | {"connectors", "rules", "dead_letters"} <= ladder


def test_the_domain_may_import_no_library_but_msgspec() -> None:
    """Each library that the product depends on is forbidden to the domain, msgspec excepted."""
    forbidden = set(contract("forbidden", "domain")["forbidden_modules"])
    project = PROJECT["project"]
    extras = [wanted for group in project["optional-dependencies"].values() for wanted in group]
    wanted = {name(one) for one in [*project["dependencies"], *extras]} - {"msgspec", "tzdata"}
    for module, distributions in packages_distributions().items():
        if wanted & {name(one) for one in distributions} and not module.startswith("_"):
            assert module in forbidden, f"{module} (of {distributions}) is missing from the domain's contract"


def test_every_connector_has_the_parts_of_its_folder() -> None:
    """By the names that one knows from any other (docs/adr/0089): where it speaks, reads, writes and pretends."""
    for connector in BUILT_INS:
        folder = ROOT / "connectors" / connector
        parts = {path.stem for path in folder.iterdir()}
        assert {"__init__", "simulator", "quality"} <= parts, connector
        assert (folder / "quality.yaml").is_file(), connector
        assert {"mapping", "reading"} & parts or connector == "webhook", connector
        assert "calls" in parts or {"writes", "reads"} <= parts, connector
        spec = REGISTRY.plugin(connector).spec
        assert "webhook" in parts or not spec.webhooks, connector
        assert (ROOT / "docs" / "connectors" / f"{connector}.md").is_file(), connector
