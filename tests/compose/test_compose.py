"""compose.yaml follows the Compose specification, and gives each service what it needs and no more."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator, ValidationError

from prevention.agent import load_agent_config

PROJECT = Path(__file__).resolve().parents[2]
COMPOSE = PROJECT / "compose" / "compose.yaml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return document


@pytest.fixture(scope="module")
def specification() -> Draft202012Validator:
    """Return the Compose specification's own schema, as check-jsonschema ships it."""
    schema = files("check_jsonschema") / "builtin_schemas" / "vendor" / "compose-spec.json"
    return Draft202012Validator(json.loads(schema.read_text(encoding="utf-8")))


def mounts(service: dict[str, Any]) -> list[list[str]]:
    return [volume.split(":") for volume in service["volumes"]]


def enforcing(compose: dict[str, Any]) -> dict[str, Any]:
    service: dict[str, Any] = compose["services"]["enforce"]
    return service


def test_it_follows_the_specification(compose: dict[str, Any], specification: Draft202012Validator) -> None:
    specification.validate(compose)


def test_the_specification_refuses_a_mistake(compose: dict[str, Any], specification: Draft202012Validator) -> None:
    wrong = deepcopy(compose)
    wrong["services"]["zeek"]["cap_ad"] = ["NET_RAW"]
    with pytest.raises(ValidationError, match="cap_ad"):
        specification.validate(wrong)


def test_zeek_may_capture_and_nothing_else(compose: dict[str, Any]) -> None:
    zeek = compose["services"]["zeek"]
    assert zeek["network_mode"] == "host"
    assert zeek["cap_drop"] == ["ALL"]
    assert set(zeek["cap_add"]) == {"NET_RAW", "NET_ADMIN"}


def test_nslabs_may_read_logs_and_write_state(compose: dict[str, Any]) -> None:
    nslabs = compose["services"]["nslabs"]
    assert nslabs["cap_drop"] == ["ALL"]
    assert "cap_add" not in nslabs
    assert nslabs["read_only"] is True
    assert int(nslabs["user"].split(":")[0]) > 0
    writable = [mount[1] for mount in mounts(nslabs) if mount[-1] != "ro"]
    assert writable == ["/state"]


def test_the_page_is_published_on_loopback_only(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ()))
    assert "ports" not in compose["services"]["zeek"]


def test_what_listens_on_all_addresses_says_so(compose: dict[str, Any]) -> None:
    server = json.loads(compose["services"]["nslabs"]["environment"]["SocketIOConfig"])
    assert server == {"host": "0.0.0.0", "insecure": True}  # noqa: S104 - published on loopback only, as tested above


def test_every_file_that_is_mounted_exists(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for source, *_ in mounts(service):
            known = source in compose["volumes"] if "/" not in source else (COMPOSE.parent / source).exists()
            assert known, source


def test_both_services_restart_and_share_the_logs(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert {service["restart"] for service in services.values()} == {"unless-stopped"}
    assert mounts(services["zeek"])[0] == ["logs", services["zeek"]["working_dir"]]
    assert ["logs", "/logs", "ro"] in mounts(services["nslabs"])


def test_only_the_enforcer_may_change_the_firewall(compose: dict[str, Any]) -> None:
    """It reads no log, and the service, which does, has no capability and no such profile."""
    enforce = enforcing(compose)
    assert (enforce["cap_drop"], enforce["cap_add"]) == (["ALL"], ["NET_ADMIN"])
    assert enforce["read_only"] is True
    assert enforce["profiles"] == ["enforce"]
    assert not any(source == "logs" for source, *_ in mounts(enforce))
    assert "profiles" not in compose["services"]["nslabs"]


def test_nobody_is_privileged(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert "privileged" not in service
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_enforcer_process_asks_where_the_service_is_published(compose: dict[str, Any]) -> None:
    given = load_agent_config(COMPOSE.parent / "enforce.toml")
    host, port, _ = compose["services"]["nslabs"]["ports"][0].split(":")
    assert given.service == f"http://{host}:{port}"
    assert enforcing(compose)["network_mode"] == "host"


def test_secrets_are_files_that_are_told_of(compose: dict[str, Any]) -> None:
    example = (COMPOSE.parent / ".env.example").read_text(encoding="utf-8")
    for secret in compose["secrets"].values():
        assert set(secret) == {"file"}
        assert f"secrets/{secret['file'].rsplit('/', 1)[-1]}" in example
    used = {name for service in compose["services"].values() for name in service.get("secrets", ())}
    assert used == set(compose["secrets"])
    names = [name for service in compose["services"].values() for name in service.get("environment", ())]
    assert [name for name in names if re.search("PASSWORD|SECRET|TOKEN", name) and not name.endswith("__FILE")] == []


def test_every_variable_has_an_example(compose: dict[str, Any]) -> None:
    del compose
    used = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text(encoding="utf-8")))
    lines = (COMPOSE.parent / ".env.example").read_text(encoding="utf-8").splitlines()
    examples = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert used == set(examples)
    for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", COMPOSE.read_text(encoding="utf-8")):
        assert examples[name] == default


def test_health_is_asked_where_the_service_listens(compose: dict[str, Any]) -> None:
    nslabs = compose["services"]["nslabs"]
    port = nslabs["ports"][0].split(":")[-1]
    assert f"http://127.0.0.1:{port}/health" in nslabs["healthcheck"]["test"][-1]
