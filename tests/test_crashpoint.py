"""Crash points: silent when nothing is armed, and a SIGKILL where one is."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import crashpoint
from gateway.bootstrap import build
from gateway.config import Settings
from gateway.errors import ConfigError
from tests.house.tree import ROOT


def test_each_named_point_stands_in_the_code_and_each_in_the_code_is_named() -> None:
    """A point that nothing reaches would prove nothing."""
    texts = [
        path.read_text(encoding="utf-8") for top in ("gateway", "dead_letters") for path in (ROOT / top).rglob("*.py")
    ]
    reached = {name for text in texts for name in re.findall(r'crashpoint\.reach\("([\w.]+)"\)', text)}
    assert reached == set(crashpoint.POINTS)


def test_chances_are_read_and_what_is_wrong_is_said() -> None:
    """A point or `*`, and a chance from 0 to 1."""
    assert crashpoint.chances("deliver.guarded=0.5, *=0.01") == {"deliver.guarded": 0.5, "*": 0.01}
    for wrong, why in (("deliver.gone=1", "no crash point"), ("*=often", "a chance"), ("*=2", "from 0 to 1")):
        with pytest.raises(ValueError, match=why):
            crashpoint.chances(wrong)


def test_a_wrong_setting_is_refused_by_name(tmp_path: Path) -> None:
    """Whoever asks for a point that does not exist is told so."""
    environ = {"GATEWAY_SITE": str(tmp_path), "GATEWAY_CRASH_AT": "nowhere=1"}
    with pytest.raises(ConfigError, match="GATEWAY_CRASH_AT: there is no crash point 'nowhere'"):
        build(Settings.from_env(environ), environ)


@pytest.mark.parametrize(("chance", "code"), [("1", -signal.SIGKILL), ("0", 0)])
def test_a_process_dies_where_its_environment_asks(tmp_path: Path, chance: str, code: int) -> None:
    """SIGKILL at the point itself; without luck it passes."""
    program = (
        "from gateway import crashpoint; from gateway.bootstrap import build; from gateway.config import *\n"
        "build(Settings.from_env(environment()), environment()); crashpoint.reach('sweep.ringing')"
    )
    environ = {**os.environ, "GATEWAY_SITE": str(tmp_path), "GATEWAY_CRASH_AT": f"sweep.ringing={chance}"}
    ended = subprocess.run([sys.executable, "-c", program], env=environ, cwd=ROOT, capture_output=True, check=False)
    assert ended.returncode == code
