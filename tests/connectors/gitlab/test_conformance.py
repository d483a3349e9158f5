"""GitLab holds what every connector must hold."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import connectors.gitlab
from connectors.gitlab.bench import GitLabBench
from connectors.sdk import IncomingRequest
from connectors.testing.conformance import Conformance, KnownAnswer

HERE = Path(__file__).parent
SIGNED = IncomingRequest(
    "POST",
    "/hooks/desk",
    {},
    {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    b'{"test": 2432232314}',
)


class TestGitLab(Conformance):
    """The simulated one."""

    plugin = connectors.gitlab.gateway_connector()
    bench = GitLabBench
    folder = Path(connectors.gitlab.__file__).parent
    samples = HERE / "samples"
    known_answers = (
        KnownAnswer(
            SIGNED,
            {"webhook_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
            datetime.fromtimestamp(1_614_265_330, UTC),
            "the example of the Standard Webhooks specification, whose scheme GitLab's signing tokens have",
        ),
    )
    replay_seconds = 300
