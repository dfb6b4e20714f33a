"""The sample configuration loads, and what it gives as defaults are the defaults."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from api.errors import SettingsError
from api.sections import (
    MachineLearningModelConfig,
    PreventionConfig,
    SocketIOConfig,
    StoreConfig,
    TrafficAnalyzerConfig,
)
from api.settings import load_settings
from api.sinks.protocol import GROUP as SINKS
from api.sinks.registry import make_sinks
from prevention.agent import load_agent_config
from prevention.enforcers import GROUP, load_enforcer
from prevention.policy import Policy, load_policy

if TYPE_CHECKING:
    from pydantic import BaseModel

SAMPLE = Path(__file__).resolve().parents[2] / "compose" / "nslabs.toml"
SET = {"logs", "state", "policy", "rules", "first_token", "tls_cert", "tls_key"}


@pytest.fixture
def everything(tmp_path: Path) -> Path:
    """Write the sample with its commented settings switched on."""
    text = re.sub(r"^# (\w+ = )", r"\1", SAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    path = tmp_path / "everything.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_sample_loads() -> None:
    settings = load_settings(SAMPLE)
    assert settings.traffic.logs == Path("/opt/zeek/logs/current")
    assert settings.traffic.state == Path("/var/lib/nslabs")


def test_a_misspelt_setting_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(SAMPLE.read_text(encoding="utf-8").replace("state =", "sate ="), encoding="utf-8")
    with pytest.raises(SettingsError, match="sate"):
        load_settings(wrong)


@pytest.mark.parametrize(
    ("section", "model"),
    [
        ("traffic", TrafficAnalyzerConfig),
        ("models", MachineLearningModelConfig),
        ("server", SocketIOConfig),
        ("store", StoreConfig),
        ("prevention", PreventionConfig),
    ],
)
def test_every_setting_is_shown_with_its_default(everything: Path, section: str, model: type[BaseModel]) -> None:
    shown: BaseModel = getattr(load_settings(everything), section)
    assert shown.model_fields_set == set(model.model_fields)
    assert shown.model_dump(exclude=SET) == model().model_dump(exclude=SET)


def test_the_sample_of_sinks_names_every_type_and_is_right(tmp_path: Path) -> None:
    assert load_settings(SAMPLE).sinks == {}
    text = re.sub(r"^# (?:  (\w+ = )|(\[sinks))", r"\1\2", SAMPLE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    secret, authority = tmp_path / "secret", tmp_path / "ca"
    secret.write_text("whsec_c2VjcmV0", encoding="utf-8")
    text = re.sub(r'(secret|password)_file = ".*"', rf'\1_file = "{secret}"', text)
    authority.write_text("ntfys://ntfy.example/nslabs", encoding="utf-8")
    text = re.sub(r'url_file = ".*"', f'url_file = "{authority}"', re.sub(r"ca_file = .*", "", text))
    path = tmp_path / "sample.toml"
    path.write_text(text, encoding="utf-8")
    made = make_sinks(load_settings(path).sinks)
    ours = {entry.name for entry in entry_points(group=SINKS) if entry.value.startswith("api.")}
    assert {sink.type for sink in made} == ours


def switched_on(name: str, tmp_path: Path) -> Path:
    """Write a sample with its commented settings and tables switched on."""
    text = re.sub(r"^# (\[|\w[\w-]* = )", r"\1", (SAMPLE.parent / name).read_text(encoding="utf-8"), flags=re.MULTILINE)
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_sample_policy_observes_and_shows_the_defaults(tmp_path: Path) -> None:
    assert load_policy(SAMPLE.parent / "policy.toml") == Policy()
    shown = load_policy(switched_on("policy.toml", tmp_path))
    assert shown.limits == Policy().limits
    assert set(shown.limits.model_fields_set) == set(type(shown.limits).model_fields)
    assert shown.escalation == Policy().escalation
    assert shown.rules[0].name == "guests"


def test_the_sample_of_the_enforcer_process_names_every_enforcer(tmp_path: Path) -> None:
    assert set(load_agent_config(SAMPLE.parent / "enforce.toml").enforcers) == {"nftables"}
    shown = load_agent_config(switched_on("enforce.toml", tmp_path))
    ours = {entry.name for entry in entry_points(group=GROUP) if entry.value.startswith("prevention.")}
    assert set(shown.enforcers) == ours
    for name in ("webhook", "crowdsec"):
        key = next(key for key in shown.enforcers[name] if key.endswith("_file"))
        secret = tmp_path / name
        secret.write_text("whsec_c2VjcmV0", encoding="utf-8")
        shown.enforcers[name][key] = str(secret)
    for name, settings in shown.enforcers.items():
        load_enforcer(name, settings, tmp_path).close()
