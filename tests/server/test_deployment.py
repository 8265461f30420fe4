"""What an office deploys, as far as it can be read without Docker."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from server.settings import SETTINGS, read_settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]


def ini() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=(";",))
    parser.read(ROOT / "deploy" / "couchdb" / "local.ini", encoding="utf-8")
    return parser


def test_couchdb_cannot_be_reached_from_outside() -> None:
    couchdb = SERVICES["couchdb"]
    assert "ports" not in couchdb
    assert "network_mode" not in couchdb
    assert all(COMPOSE["networks"][name]["internal"] for name in couchdb["networks"])


def test_only_the_proxy_for_tls_is_published() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]


def test_couchdb_is_given_its_settings_within_its_image() -> None:
    """Its start script ends at a file below /opt/couchdb that is mounted read-only."""
    couchdb = SERVICES["couchdb"]
    assert not [volume for volume in couchdb["volumes"] if "/opt/couchdb/etc" in volume]
    recipe = (ROOT / couchdb["build"] / "Dockerfile").read_text(encoding="utf-8")
    assert "FROM couchdb:3.5" in recipe
    [source] = re.findall(
        r"^COPY --chown=couchdb:couchdb (\S+) /opt/couchdb/etc/default\.d/", recipe, re.MULTILINE
    )
    assert (ROOT / couchdb["build"] / source).is_file()


def test_couchdb_takes_the_signature_of_the_proxy_first() -> None:
    handlers = re.findall(r"\{chttpd_auth, (\w+)\}", ini()["chttpd"]["authentication_handlers"])
    assert handlers == [
        "proxy_authentication_handler",
        "cookie_authentication_handler",
        "default_authentication_handler",
    ]
    assert ini()["chttpd_auth"]["proxy_use_secret"] == "true"


def test_no_secret_is_written_down() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|SECRET|URL", name):
                assert "${" in str(value), f"{name} has a fixed value"
    assert not ini().has_option("chttpd_auth", "secret")
    assert not ini().has_section("admins")
    example = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    assert not re.findall(r"^\w+=.+$", example, re.MULTILINE)


def test_every_setting_of_the_application_is_known_and_can_be_meant() -> None:
    given = {name: str(value) for name, value in SERVICES["app"]["environment"].items()}
    assert set(given) <= set(SETTINGS)
    filled = {
        name: re.sub(r"\$\{(\w+)(?::[-?]([^}]*))?\}", lambda found: example(found[1], found[2]), value)
        for name, value in given.items()
    }
    assert read_settings(filled).secure


def example(name: str, default: str) -> str:
    return {"SITE_HOST": "go.example.vn", "COUCHDB_PASSWORD": "x"}.get(name, default)


def test_every_variable_is_explained_in_the_example() -> None:
    named = (ROOT / "deploy" / "env.example").read_text(encoding="utf-8")
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    for name in re.findall(r"\$\{(\w+):\?", text):
        assert f"{name}=" in named


@pytest.mark.parametrize("service", SERVICES)
def test_mounted_files_exist(service: str) -> None:
    for volume in SERVICES[service].get("volumes", ()):
        source = volume.partition(":")[0]
        if source.startswith("."):
            assert (ROOT / source).is_file(), source


def test_the_image_copies_what_exists_installs_by_hash_and_does_not_run_as_root() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
    assert any("--require-hashes -r requirements.txt" in line for line in lines)
    assert [line for line in lines if line.startswith("USER ")] == ["USER gtn"]
    assert lines.index("USER gtn") < next(i for i, line in enumerate(lines) if line.startswith("CMD"))
