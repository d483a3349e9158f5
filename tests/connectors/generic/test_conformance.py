"""A desk that is described by settings alone holds what every connector must hold."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import connectors.generic
from connectors.generic.bench import GenericBench
from connectors.sdk import IncomingRequest
from connectors.testing.conformance import Conformance, KnownAnswer

HERE = Path(__file__).parent


class TestGeneric(Conformance):
    """The desk made at home, by connectors/generic/home.yaml."""

    plugin = connectors.generic.gateway_connector()
    bench = GenericBench
    folder = Path(connectors.generic.__file__).parent
    samples = HERE / "samples"
    replay_seconds = 300
    known_answers = (
        KnownAnswer(
            IncomingRequest(
                "POST", "/hooks/desk", {},
                {
                    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
                    "webhook-timestamp": "1614265330",
                    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
                },
                b'{"test": 2432232314}',
            ),
            {"webhook_secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
            datetime.fromtimestamp(1614265330, UTC),
            "standard-webhooks/standard-webhooks, libraries/python/tests (test_sign_function)",
        ),
    )  # fmt: skip
