"""compose.yaml follows the Compose specification, and gives each service what it needs and no more."""

from __future__ import annotations

import json
import re
import subprocess
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


def test_whoever_asks_the_service_needs_a_token(compose: dict[str, Any]) -> None:
    server = json.loads(compose["services"]["nslabs"]["environment"]["SocketIOConfig"])
    assert "insecure" not in server
    assert server["first_token"].startswith("/state/")


def test_who_is_to_ask_the_service_has_a_token_by_file(compose: dict[str, Any]) -> None:
    scrape = yaml.safe_load((COMPOSE.parent / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"][0]
    assert scrape["authorization"] == {"credentials_file": "/run/secrets/prometheus_token"}
    assert "prometheus_token" in compose["services"]["prometheus"]["secrets"]
    enforce = enforcing(compose)
    assert enforce["command"][-2:] == ["--token-file", "/run/secrets/enforce_token"]
    assert "enforce_token" in enforce["secrets"]


def test_the_service_answers_to_the_name_by_which_prometheus_asks(compose: dict[str, Any]) -> None:
    scrape = yaml.safe_load((COMPOSE.parent / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"][0]
    name, _, port = scrape["static_configs"][0]["targets"][0].partition(":")
    server = json.loads(compose["services"]["nslabs"]["environment"]["SocketIOConfig"])
    assert name in server["allowed_hosts"]
    assert compose["services"]["nslabs"]["ports"][0].endswith(f":{port}")


def test_each_profile_that_a_team_may_want_is_there(compose: dict[str, Any]) -> None:
    profiles = {profile for service in compose["services"].values() for profile in service.get("profiles", ())}
    assert profiles == {"suricata", "enforce", "crowdsec", "mosquitto", "monitoring"}


def test_suricata_reads_the_rules_and_leaves_the_logs_to_zeek_as_well(compose: dict[str, Any]) -> None:
    """Its image gives all of /etc/suricata and of the log folder to its user, and ends where it cannot."""
    suricata = compose["services"]["suricata"]
    rules = next(mount for mount in mounts(suricata) if mount[0].endswith("nslabs.rules"))
    assert suricata["command"][-2:] == ["-s", rules[1]]
    assert not rules[1].startswith("/etc/suricata")
    assert (suricata["environment"]["PUID"], suricata["environment"]["PGID"]) == ("0", "0"), "as Zeek's"
    socket = {mount[1] for mount in mounts(enforcing(compose)) if mount[0] == "suricata-run"}
    assert socket == {"/run/suricata"}


def test_the_secrets_are_made_as_the_example_says(tmp_path: Path) -> None:
    """Each container reads its own as another user; on the host the folder keeps everybody else out."""
    lines = (COMPOSE.parent / ".env.example").read_text(encoding="utf-8").splitlines()
    commands = [line[1:].strip() for line in lines if line.startswith("#   ") and "docker" not in line]
    done = subprocess.run(
        ["sh", "-euc", "umask 077\ntouch unrelated\n" + "\n".join(commands).replace("secrets/*-token", "unrelated")],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    folder = tmp_path / "secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    made = {path.name: path.stat() for path in folder.iterdir()}
    assert set(made) == {"crowdsec-password", "grafana-password", "mqtt-password"}
    assert all(status.st_mode & 0o777 == 0o644 and status.st_size > 30 for status in made.values())


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
    tokens = [one for one in compose["secrets"] if one.endswith("_token")]
    assert all(f"token create {one.removesuffix('_token')} --scope" in example for one in tokens)
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
    assert f"http://127.0.0.1:{port}/livez" in nslabs["healthcheck"]["test"][-1]
