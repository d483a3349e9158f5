"""What a write teaches about a link is put over the link as it stands then."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.link import Link, LinkPatch, LinkState, Observed, Role, patched

AT = datetime(2026, 3, 1, tzinfo=UTC)
LINK = Link("l", "t", "desk", LinkState.PENDING, Role.TARGET)
values = st.builds(Observed, value=st.text(max_size=3), at=st.just(AT), version=st.integers(0, 9))
fields = st.dictionaries(st.sampled_from(["title", "status", "priority"]), values)


@given(known=fields, taught=fields, version=st.integers(0, 9), patch_version=st.integers(0, 9))
def test_an_observation_never_goes_back(
    known: dict[str, Observed], taught: dict[str, Observed], version: int, patch_version: int
) -> None:
    """Neither the link's version nor a field's known version ever falls."""
    link = Link("l", "t", "desk", LinkState.LIVE, Role.TARGET, "7", observed=known, version=version)
    after = patched(link, LinkPatch(observed=taught, version=patch_version))
    assert after.version == max(version, patch_version)
    for field, before in known.items():
        if before.version and after.observed[field].version:
            assert after.observed[field].version >= before.version
    assert set(after.observed) == set(known) | set(taught)


def test_a_created_ticket_makes_its_link_live() -> None:
    """The remote id ends the pending state and stays when a later patch says none."""
    live = patched(LINK, LinkPatch(remote_id="20", key="RT-20"))
    assert (live.state, live.remote_id) == (LinkState.LIVE, "20")
    assert patched(live, LinkPatch()).remote_id == "20"
