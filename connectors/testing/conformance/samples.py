"""Written payloads: each is read into the facts that stand beside it, or refused for the reason that stands there.

A sample is a file as the desk sends it (`NAME.json`, `NAME.xml`, `NAME.txt`, `NAME.form`) with `NAME.yaml` beside it:

    source: where the fact is from (documentation, a real server)
    headers: {x-desk-event: ticket.updated}      # those that parse needs
    options: {}                                  # of the connection, where it needs others
    events:                                      # what must be there, in order; more may be
      - {kind: commented, remote_id: "7", comment: {body: Hello, visibility: internal}}
    # or
    ignored: why it is none of our business      # parse returns nothing
    refused: words of the reason                 # parse raises UnreadableError with these words
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from connectors.sdk import Envelope, IncomingRequest, UnreadableError
from connectors.testing.bench import Bench
from connectors.testing.conformance.stand import Stand, as_json, raw

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Samples(Stand):
    """Every sample, in full."""

    def test_every_sample_is_read(self, there: Bench, subtests: pytest.Subtests) -> None:
        """Content, not merely no crash."""
        expected = sorted(self.samples.glob("*.yaml"))
        bodies = {path.stem for path in self.samples.glob("*") if path.suffix != ".yaml"}
        if not self.lacks("webhooks"):
            assert expected, f"no samples in {self.samples.name}"
        assert {path.stem for path in expected} == bodies, "a sample without its facts, or facts without a sample"
        for path in expected:
            with subtests.test(path.stem):
                self.read_sample(there, path)

    def read_sample(self, there: Bench, path: Path) -> None:
        """Read one sample and compare."""
        facts = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        assert facts.get("source"), "say where the sample is from"
        told = [name for name in ("events", "ignored", "refused") if name in facts]
        assert len(told) == 1, "one of events, ignored and refused"
        connector = self.plugin.factory(there.settings(**facts.get("options", {})))
        request = written(path, facts)
        named = connector.envelope(request)
        assert isinstance(named, Envelope)
        delivery = msgspec.structs.replace(raw(request, named), received_at=NOW)
        if "refused" in facts:
            with pytest.raises(UnreadableError, match="(?i)" + str(facts["refused"])):
                connector.parse(delivery)
            return
        events = connector.parse(delivery)
        if "ignored" in facts:
            assert len(str(facts["ignored"]).split()) >= 3, "say why it is none of our business"
            assert events == ()
            return
        found = [as_json(plain(event)) for event in events]
        assert len(found) == len(facts["events"]), f"{len(found)} events: {found}"
        for event, wanted in zip(found, facts["events"], strict=True):
            differ = list(differences(as_json(wanted), event))
            assert differ == [], f"{differ}\nof {event}"
        for event in events:
            assert event.at.utcoffset() == timedelta()


def written(path: Path, facts: dict[str, Any]) -> IncomingRequest:
    """Return the request that a sample is."""
    (body,) = [each for each in path.parent.glob(f"{path.stem}.*") if each.suffix != ".yaml"]
    headers = {name.lower(): str(value) for name, value in facts.get("headers", {}).items()}
    return IncomingRequest("POST", "/hooks/desk", facts.get("query", {}), headers, body.read_bytes())


def plain(value: Any) -> Any:
    """Return a value with every part that has its default, which its JSON leaves out; what is not said is left out."""
    if isinstance(value, msgspec.Struct):
        return {name: plain(each) for name, each in msgspec.structs.asdict(value).items() if each is not msgspec.UNSET}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return {name: plain(each) for name, each in value.items()} if isinstance(value, dict) else value


def differences(wanted: Any, found: Any, where: str = "") -> list[str]:
    """Return where a part of what is wanted is not what was found; mappings may hold more than is wanted."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            line
            for name, value in wanted.items()
            for line in (
                differences(value, found[name], f"{where}.{name}")
                if name in found
                else [f"{where}.{name}: {value!r} is missing"]
            )
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [line for place, (one, other) in pairs for line in differences(one, other, f"{where}[{place}]")]
    return [] if wanted == found else [f"{where}: {wanted!r} wanted, {found!r} found"]
