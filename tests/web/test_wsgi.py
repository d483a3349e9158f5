from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from gateway.bootstrap import build
from gateway.cli.plan import answers
from gateway.config import Settings
from gateway.errors import ConfigError
from gateway.web.token import page_address, page_token
from rules.examples import example
from tests.cli.conftest import VARIABLES
from tests.cli.test_serving import free_port
from tests.processes import wait_until
from tests.web.test_hooks import BODY, signed


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Make a site with an active release."""
    for name, text in example("demo").items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    environ = {**VARIABLES, "GATEWAY_SITE": str(tmp_path)}
    gateway = build(Settings.from_env(environ), environ)
    gateway.activate_folder(author="tests")
    gateway.close()
    return tmp_path


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """Serve it with gunicorn, by nothing but the name of the application."""
    port = free_port()
    env = {**os.environ, **VARIABLES, "GATEWAY_SITE": str(site)}
    env.pop("REDIS_URL", None)
    root = Path(__file__).parents[2]
    words = [sys.executable, "-m", "gunicorn", "wsgi:app", "-b", f"127.0.0.1:{port}", "-k", "gthread", "--threads", "4"]
    with (site / "log").open("wb") as log:
        server = subprocess.Popen(words, cwd=root, env=env, stdout=log, stderr=log)
    assert wait_until(answers("127.0.0.1", port), 30), (site / "log").read_text()
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(20)


def test_gunicorn_serves_a_site(address: str, site: Path) -> None:
    """From the environment alone: webhooks in, the page with the token that is kept in the site."""
    secret = VARIABLES["DEMO_ZENDESK_SECRET"]
    url = f"{address}/hooks/acme-zendesk"
    answer = requests.post(url, data=BODY, headers=signed(BODY, secret), timeout=10)
    assert answer.json()["accepted"] is True
    assert requests.post(url, data=BODY, headers=signed(BODY, "wrong"), timeout=10).status_code == 401
    large = b"x" * (2 * 1024 * 1024)
    assert requests.post(url, data=large, headers=signed(large, secret), timeout=10).status_code == 413
    assert requests.post(url, data=(large[:1000] for _ in range(2000)), timeout=10).status_code == 413
    assert requests.get(f"{address}/readyz", timeout=10).json()["pending"] == 1
    token = page_token("", site / ".gateway")
    page = requests.get(page_address(address, token), timeout=10)
    assert page.status_code == 200
    assert "accepted" in page.text
    assert requests.get(address, timeout=10).status_code == 401


def test_the_module_does_nothing_when_it_is_imported(tmp_path: Path) -> None:
    """No site, no folder, no complaint."""
    root = Path(__file__).parents[2]
    script = f"import sys; sys.path.insert(0, {str(root)!r}); import wsgi; print(callable(wsgi.app))"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
    assert list(tmp_path.iterdir()) == []


def test_the_token_is_made_once_for_its_owner(tmp_path: Path) -> None:
    """Kept in a private file; a given one wins, unless anybody could guess it."""
    state = tmp_path / "state"
    token = page_token("", state)
    assert len(token) >= 24
    assert page_token("", state) == token
    assert (state / "token").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in state.iterdir()] == ["token"]
    assert page_token("a-given-token-of-tests", state) == "a-given-token-of-tests"
    with pytest.raises(ConfigError, match="guess"):
        page_token("short", state)
    (state / "token").write_text("\n")
    with pytest.raises(ConfigError, match="holds no token"):
        page_token("", state)
