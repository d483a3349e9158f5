"""What the gateway shows of its clocks in RT, against the simulated one and a real one alike."""

from __future__ import annotations

from gateway.domain.event import EventKind
from gateway.domain.update import Absent, Done, Found, Rejected
from tests.connectors.driver import Driver
from tests.connectors.request_tracker.behaviour import context
from tests.connectors.request_tracker.stand import Stand, fields

DUE = "2027-01-02T10:00:00Z"


class DueTimes:
    """RT's own due time, whatever the zones of its users and its own."""

    def test_a_due_time_is_set_moved_and_cleared(self, stand: Stand) -> None:
        """RT shows it to people as that instant, and its unset date where it was cleared."""
        number = stand.ticket()
        for due in (DUE, "2027-03-04T05:06:07Z", None):
            stand.done(stand.write(fields(due=due), context(number)))
            assert stand.shown(number)["Due"] == (due or "1970-01-01T00:00:00Z")

    def test_its_webhook_carries_what_as_read_foretold(self, stand: Stand) -> None:
        """The change and the snapshot beside it, so that the ledger knows it for ours."""
        number = stand.ticket()
        stand.events()
        intent = fields(due=DUE)
        stand.done(stand.write(intent, context(number)))
        (event,) = stand.events()
        (change,) = event.changes
        assert event.kind is EventKind.CHANGED
        assert (change.field, change.value.strftime("%Y-%m-%dT%H:%M:%SZ")) == ("due", DUE)
        assert stand.connector.as_read(intent) == {"due": DUE}
        assert event.snapshot is not None
        assert event.snapshot.due == change.value
        read = stand.driver.run(stand.connector.read(number))
        assert read is not None
        assert read.due == change.value

    def test_the_same_due_time_again_changes_nothing(self, stand: Stand) -> None:
        """A resend leaves no transaction, and a probe tells whether it landed."""
        number = stand.ticket()
        intent = fields(due=DUE)
        assert isinstance(stand.probe(intent, context(number)), Absent)
        first = stand.done(stand.write(intent, context(number)))
        assert isinstance(stand.probe(intent, context(number)), Found)
        assert stand.done(stand.write(intent, context(number))).version == first.version

    def test_a_custom_field_holds_it_and_a_missing_one_is_refused(self, stand: Stand) -> None:
        """RT says 200 to a field that it does not have: the read-back shows it."""
        number = stand.ticket()
        # the one custom field that every RT with our set-up has; here it is not the mark
        connector = stand.connect(ticket_marker="Mark")
        driver = Driver(connector)
        assert isinstance(driver.run(connector.write(fields(**{"custom.ExternalRef": DUE}), context(number))), Done)
        values = {each["name"]: each["values"] for each in stand.shown(number)["CustomFields"]}
        assert values["ExternalRef"] == [DUE]
        outcome = driver.run(connector.write(fields(**{"custom.NotThere": DUE}), context(number)))
        driver.close()
        assert isinstance(outcome, Rejected)
        assert "RT refused NotThere" in outcome.detail
