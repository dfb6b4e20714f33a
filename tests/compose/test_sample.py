"""The sample configuration loads, and what it gives as defaults are the defaults."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from api.errors import SettingsError
from api.sections import MachineLearningModelConfig, SocketIOConfig, TrafficAnalyzerConfig
from api.settings import load_settings

if TYPE_CHECKING:
    from pydantic import BaseModel

SAMPLE = Path(__file__).resolve().parents[2] / "compose" / "nslabs.toml"
SET = {"logs", "state"}


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
    [("traffic", TrafficAnalyzerConfig), ("models", MachineLearningModelConfig), ("server", SocketIOConfig)],
)
def test_every_setting_is_shown_with_its_default(everything: Path, section: str, model: type[BaseModel]) -> None:
    shown: BaseModel = getattr(load_settings(everything), section)
    assert shown.model_fields_set == set(model.model_fields)
    assert shown.model_dump(exclude=SET) == model().model_dump(exclude=SET)
