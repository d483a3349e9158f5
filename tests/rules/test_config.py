# ruff: noqa: E501 - tables of whole messages
"""The environment and the folder of a site: bounded, checked, and silent about secrets."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.config import FileError, Settings, load, read_site, resolve_settings, without_password
from gateway.errors import ConfigError
from rules import load_site
from rules.examples import example
from tests.rules.making import GATEWAY, SPECS, installed, site

FILES = {"gateway.yaml": GATEWAY, "rules/a.yaml": "classify: []\n", "rules/deep/b.yml": "sync: []\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of a site."""
    put(tmp_path, FILES)
    return tmp_path


def put(folder: Path, files: dict[str, str]) -> None:
    """Write files."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


# ---------------------------------------------------------------- the folder


def test_gateway_yaml_and_the_rule_files_are_read(folder: Path) -> None:
    """By their names below the folder; nothing else is."""
    put(folder, {"notes.yaml": "x", "rules/.hidden.yaml": "x", "rules/.git/c.yaml": "x", "rules/readme.md": "x"})
    assert read_site(folder) == FILES


def test_a_folder_without_gateway_yaml_says_what_to_do(tmp_path: Path) -> None:
    """Which is the first thing that goes wrong."""
    with pytest.raises(ConfigError) as caught:
        read_site(tmp_path)
    assert str(caught.value) == f"no gateway.yaml in {tmp_path}: run `gateway init {tmp_path}` or pass --site"


def test_a_link_may_point_inside_the_site_and_nowhere_else(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A mounted configuration is made of links."""
    (folder / "rules" / "c.yaml").symlink_to(folder / "rules" / "a.yaml")
    assert read_site(folder)["rules/c.yaml"] == FILES["rules/a.yaml"]
    outside = tmp_path_factory.mktemp("outside") / "x.yaml"
    outside.write_text("a: 1")
    (folder / "rules" / "d.yaml").symlink_to(outside)
    with pytest.raises(ConfigError, match=r"d\.yaml points outside the site"):
        read_site(folder)


def test_what_is_no_regular_file_is_refused_at_once(folder: Path) -> None:
    """A pipe would wait for ever."""
    os.mkfifo(folder / "rules" / "pipe.yaml")
    with pytest.raises(ConfigError, match="is not a regular file"):
        read_site(folder)


def test_a_dangling_link_is_named(folder: Path) -> None:
    """With the reason of the system."""
    (folder / "rules" / "gone.yaml").symlink_to(folder / "nothing")
    with pytest.raises(ConfigError, match=r"gone\.yaml cannot be read: No such file"):
        read_site(folder)


def test_sizes_and_numbers_are_limited(folder: Path) -> None:
    """Before anything is parsed."""
    (folder / "rules" / "big.yaml").write_text("#" * (1024 * 1024 + 1))
    with pytest.raises(
        ConfigError, match=r"rules/big\.yaml:1:1: error\[yaml-size\]: the file has more than 1,048,576 bytes"
    ):
        read_site(folder)
    (folder / "rules" / "big.yaml").unlink()
    put(folder, {f"rules/{number}.yaml": "" for number in range(501)})
    with pytest.raises(ConfigError, match="more than 500 files"):
        read_site(folder)


def test_a_file_that_is_not_utf8_is_said_with_its_place(folder: Path) -> None:
    """As an editor from long ago saves it."""
    (folder / "rules" / "a.yaml").write_bytes(b"people:\n  a: {name: Andr\xe9}\n")
    with pytest.raises(FileError, match=r"rules/a\.yaml:2:17: error\[yaml-syntax\]: this is not UTF-8") as raised:
        read_site(folder)
    assert str(raised.value).splitlines()[1:] == ["  2 |   a: {name: Andr\ufffd}", "    |                 ^"]


# ---------------------------------------------------------------- secrets

CONNECTION = """\
connections:
  zen:
    connector: desk
    url: ${ZEN_URL}
    token: ${ZEN_TOKEN}
    size: ${SIZE}
    auth: {password: "${file:secret}", user: "me-${NAME}"}
    reconcile_every: 30s
"""


def test_references_are_resolved(tmp_path: Path) -> None:
    """From the environment and from files; a number is one where the connector asks for it."""
    (tmp_path / "secret").write_text("s3cret\n")
    environ = {
        "ZEN_URL": "https://zen.example/", "ZEN_TOKEN": "t0ken", "SIZE": "12", "NAME": "x", "GATEWAY_SITE": str(tmp_path),
    }  # fmt: skip
    settings, problems = resolve_settings(site("", CONNECTION), environ, SPECS)
    assert problems == ()
    zen = settings["zen"]
    assert zen.url == "https://zen.example"
    assert zen.options == {"token": "t0ken", "size": 12, "auth": {"password": "s3cret", "user": "me-x"}}
    assert zen.reconcile_every == timedelta(seconds=30)
    assert "t0ken" not in repr(zen)


@pytest.mark.parametrize(
    ("said", "more", "every"),
    [
        ("", {}, timedelta(seconds=30)),
        ("", {"webhooks": False}, timedelta(seconds=30)),
        ("", {"polling": False}, None),
        ("    reconcile_every: 20s\n", {}, timedelta(seconds=20)),
        ("    reconcile_every: 20s\n", {"polling": False}, None),
        ("    reconcile_every: never\n", {}, None),
    ],
)
def test_a_desk_that_can_be_asked_is_asked_unless_the_site_says_never(
    tmp_path: Path, said: str, more: dict[str, Any], every: timedelta | None
) -> None:
    """So that a lost webhook heals; more often where nothing else tells of a change."""
    (tmp_path / "secret").write_text("s3cret\n")
    environ = {
        "ZEN_URL": "https://zen.example/", "ZEN_TOKEN": "t0ken", "SIZE": "12", "NAME": "x", "GATEWAY_SITE": str(tmp_path),
    }  # fmt: skip
    specs = {name: msgspec.structs.replace(spec, **more) for name, spec in SPECS.items()}
    content = CONNECTION.replace("    reconcile_every: 30s\n", said)
    settings, _ = resolve_settings(site("", content), environ, specs)
    assert settings["zen"].reconcile_every == every


@pytest.mark.parametrize(
    ("said", "lists", "every"),
    [
        ("", timedelta(minutes=1), timedelta(minutes=1)),
        ("    agents_every: 20s\n", timedelta(minutes=1), timedelta(seconds=20)),
        ("    agents_every: 0s\n", timedelta(minutes=1), None),
        ("    agents_every: 20s\n", None, None),
    ],
)
def test_agents_are_asked_for_as_the_connector_has_it_unless_the_site_says_otherwise(
    said: str, lists: timedelta | None, every: timedelta | None
) -> None:
    """Never with `0s`, and never where the desk cannot list them: that is a warning."""
    specs = {name: msgspec.structs.replace(spec, agents_every=lists) for name, spec in SPECS.items()}
    text = f"connections:\n  zen:\n    connector: desk\n    url: https://zen.example\n    token: ${{T}}\n{said}"
    loaded, problems = load_site({"gateway.yaml": text}, specs)
    assert loaded is not None
    assert [each.code for each in problems] == (["no-agents"] if said and lists is None else [])
    settings, _ = resolve_settings(loaded, {"T": "t0ken"}, specs)
    assert settings["zen"].agents_every == every


def test_what_is_missing_is_named_with_its_place(tmp_path: Path) -> None:
    """Each variable and each file; the connection is left out."""
    settings, problems = resolve_settings(site("", CONNECTION), {"GATEWAY_SITE": str(tmp_path), "SIZE": "1"}, SPECS)
    assert settings == {}
    assert [each.head for each in problems] == [
        f"gateway.yaml:{line}:{column}: error[{code}]: {what}, and the connection 'zen' needs it; set it where the gateway is started"
        for line, column, code, what in [
            (4, 10, "missing-variable", "the environment variable ZEN_URL is not set"),
            (5, 12, "missing-variable", "the environment variable ZEN_TOKEN is not set"),
            (7, 22, "missing-file", "the file secret cannot be read: No such file or directory"),
            (7, 46, "missing-variable", "the environment variable NAME is not set"),
        ]
    ]


def test_what_does_not_fit_is_said_without_its_value(tmp_path: Path) -> None:
    """It may be a secret that stands in the wrong variable."""
    (tmp_path / "secret").write_text("s3cret")
    environ = {"ZEN_URL": "s3cret", "ZEN_TOKEN": "t", "SIZE": "s3cret", "NAME": "x", "GATEWAY_SITE": str(tmp_path)}
    settings, problems = resolve_settings(site("", CONNECTION), environ, SPECS)
    assert settings == {}
    assert [(each.line, each.code) for each in problems] == [(4, "bad-url"), (6, "wrong-type")]
    assert "s3cret" not in "".join(each.text for each in problems)


def test_a_connection_without_its_connector_is_left_alone() -> None:
    """Its variables need not be set."""
    loaded = site("", CONNECTION, {})
    assert resolve_settings(loaded, {}, {}) == ({}, ())


# ---------------------------------------------------------------- process settings


def test_settings_without_an_environment_are_for_one_laptop(tmp_path: Path) -> None:
    """SQLite in the site, our own Redis, the loopback."""
    settings = Settings.from_env({"GATEWAY_SITE": str(tmp_path)})
    assert settings == Settings(
        site=tmp_path, state=tmp_path / ".gateway", database_url=f"sqlite:///{tmp_path}/.gateway/gateway.db"
    )
    assert (settings.host, settings.port, settings.max_body, settings.log_level) == ("127.0.0.1", 8080, 1048576, "INFO")
    assert settings.secrets() == ()


def test_settings_are_read_and_their_secrets_hidden(tmp_path: Path) -> None:
    """From the repr, and known for redaction."""
    settings = Settings.from_env(
        {
            "GATEWAY_SITE": str(tmp_path), "GATEWAY_STATE": str(tmp_path / "state"), "GATEWAY_PORT": "9000",
            "GATEWAY_DATABASE_URL": "postgresql://me:p%40ss@db.example/gw", "REDIS_URL": "redis://:r3dis@cache.example/0",
            "GATEWAY_TOKEN": "t0ken", "GATEWAY_ENCRYPTION_KEYS": "a==,b==", "GATEWAY_LOG_LEVEL": "debug",
        }
    )  # fmt: skip
    assert (settings.state, settings.port, settings.log_level) == (tmp_path / "state", 9000, "DEBUG")
    assert set(settings.secrets()) == {"t0ken", "a==", "b==", "p@ss", "r3dis"}
    assert "postgresql://me:***@db.example/gw" in repr(settings)
    assert not any(secret in repr(settings) for secret in ("t0ken", "a==", "p%40ss", "r3dis"))


def test_every_wrong_variable_is_named() -> None:
    """All at once."""
    environ = {"GATEWAY_PORT": "http", "GATEWAY_MAX_BODY": "1", "GATEWAY_LOG_LEVEL": "loud", "REDIS_URL": "cache"}
    with pytest.raises(ConfigError) as caught:
        Settings.from_env(environ)
    assert [line.split(" ")[0] for line in str(caught.value).splitlines()] == [
        "GATEWAY_PORT", "GATEWAY_MAX_BODY", "GATEWAY_LOG_LEVEL", "REDIS_URL",
    ]  # fmt: skip


def test_a_password_in_an_address_is_covered() -> None:
    """And an address without one stays."""
    assert without_password("redis://:a@h/0") == "redis://:***@h/0"
    assert without_password("sqlite:////x.db") == "sqlite:////x.db"
    assert without_password("http://[") == "***"


def test_a_whole_site_is_loaded_with_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `gateway up` does it."""
    put(tmp_path, example("starter"))
    names = ("ZENDESK_API_TOKEN", "ZENDESK_WEBHOOK_SECRET", "RT_TOKEN", "RT_WEBHOOK_SECRET")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert all(name in str(caught.value) for name in names)
    for name in names:
        monkeypatch.setenv(name, f"value-of-{name}")
    assert set(load(tmp_path).secrets()) == {f"value-of-{name}" for name in names}
    put(tmp_path, {"rules/10-classify.yaml": "clasify: []"})
    with pytest.raises(ConfigError, match=r"rules/10-classify\.yaml:1:1: error\[unknown-key\]"):
        load(tmp_path)
    assert "zendesk" in installed()
