"""Settings: who wins, and that a wrong one is told in one line that names its source and key."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from api.errors import SettingsError
from api.settings import default_state_directory, load_settings, setting_names

if TYPE_CHECKING:
    from collections.abc import Mapping

SECTIONS = ("TrafficAnalyzerConfig", "MachineLearningModelConfig", "SocketIOConfig")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start every test without settings of the machine it runs on."""
    for name in SECTIONS:
        monkeypatch.delenv(name, raising=False)


def toml(folder: Path, text: str) -> Path:
    path = folder / "nslabs.toml"
    path.write_text(text)
    return path


def test_defaults_listen_on_this_host_only() -> None:
    settings = load_settings()
    assert (settings.server.host, settings.server.port, settings.traffic.logs) == ("127.0.0.1", 8000, None)


def test_command_line_over_environment_over_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = toml(tmp_path, "[socket_io_config]\nport = 1\nhost = '192.0.2.1'\nhistory = 11\n")
    monkeypatch.setenv("SocketIOConfig", '{"port": 2, "host": "192.0.2.2"}')
    server = load_settings(file, {"SocketIOConfig": {"port": 3, "host": None}}).server
    assert (server.port, server.host, server.history) == (3, "192.0.2.2", 11)


@pytest.mark.parametrize("name", ["SocketIOConfig", "socket_io_config", "socketioconfig"])
def test_sections_of_the_file_may_be_in_snake_case(tmp_path: Path, name: str) -> None:
    assert load_settings(toml(tmp_path, f"[{name}]\nport = 7\n")).server.port == 7


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SocketIOConfig", "")
    assert load_settings().server.port == 8000


def test_networks_are_made_canonical(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TrafficAnalyzerConfig", '{"local_networks": ["203.0.113.9/24"]}')
    assert load_settings().traffic.local_networks == ("203.0.113.0/24",)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("SocketIOConfig", "{port", ("SocketIOConfig", "JSON")),
        ("SocketIOConfig", "[1]", ("SocketIOConfig", "object", "port")),
        ("SocketIOConfig", '{"prot": 1}', ("SocketIOConfig", "'prot'", "port")),
        ("SocketIOConfig", '{"port": 99999}', ("SocketIOConfig", "port", "65535")),
        ("SocketIOConfig", '{"port": "http"}', ("SocketIOConfig", "port", "integer")),
        ("SocketIOConfig", '{"cors_origins": ["*"]}', ("SocketIOConfig", "cors_origins", "http://")),
        ("SocketIOConfig", '{"cors_origins": "*"}', ("SocketIOConfig", "cors_origins", "a list")),
        ("SOCKET_IO_CONFIG", '{"port": 1}', ("not read", "SocketIOConfig")),
        ("TrafficAnalyserConfig", '{"logs": "logs"}', ("not read", "TrafficAnalyzerConfig")),
        ("MachineLearningConfig", "{}", ("not read", "MachineLearningModelConfig")),
        ("SocketConfig", "[1]", ("not read", "SocketIOConfig")),
        ("MachineLearningModelConfig", '{"alert_budget_per_day": 0}', ("alert_budget_per_day", "greater than 0")),
        ("TrafficAnalyzerConfig", '{"local_networks": ["10.0.0.0/99"]}', ("local_networks", "10.0.0.0/99")),
    ],
)
def test_a_wrong_variable_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, expected: tuple[str, ...]
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert_one_line(caught.value, (f"environment variable {name}", *expected))


@pytest.mark.parametrize("value", ["[1]", "[]", "0", "null"])
def test_what_is_no_object_is_told_though_options_lie_over_it(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SocketIOConfig", value)
    with pytest.raises(SettingsError, match="environment variable SocketIOConfig: expected an object"):
        load_settings(overrides={"SocketIOConfig": {"port": 1, "host": None}})


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORE_CONFIG", "SOCKET_CONFIG_PATH", "TRAFFIC_CONFIG", "ML_MODEL_CONFIG", "socketioconfig"):
        monkeypatch.setenv(name, "{}")
    assert load_settings().server.port == 8000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("port = ", ("expected TOML",)),
        ("[socketio]\nport = 1", ("[socketio]", "socket_io_config")),
        ("[socket_io_config]\nprot = 1", ("[socket_io_config]", "'prot'")),
        ("SocketIOConfig = 3", ("SocketIOConfig", "object")),
        ("[SocketIOConfig]\nprot = 1", ("[SocketIOConfig]", "'prot'")),
        ("[SocketIOConfig]\nport = -1", ("port", "greater than or equal to 0")),
    ],
)
def test_a_wrong_file_is_told_in_one_line(tmp_path: Path, text: str, expected: tuple[str, ...]) -> None:
    file = toml(tmp_path, text)
    with pytest.raises(SettingsError) as caught:
        load_settings(file)
    assert_one_line(caught.value, (f"configuration file {file}", *expected))


def test_a_missing_file_is_told() -> None:
    with pytest.raises(SettingsError, match=r"absent\.toml: No such file"):
        load_settings(Path("absent.toml"))


@pytest.mark.parametrize(
    ("overrides", "expected"), [({"SocketIOConfig": {"port": 70_000}}, ("--listen", "port", "65535"))]
)
def test_a_wrong_option_is_blamed_on_the_option(
    overrides: Mapping[str, Mapping[str, int]], expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SocketIOConfig", '{"port": 1}')
    with pytest.raises(SettingsError) as caught:
        load_settings(None, overrides)
    assert_one_line(caught.value, expected)


def test_default_state_is_one_folder_for_each_folder_of_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one, other = (default_state_directory(Path(logs)) for logs in ("/a/current", "/b/current"))
    assert one != other
    assert one.parent == other.parent == tmp_path / "nslabs"
    assert one == default_state_directory(Path("/a/current"))


def test_a_setting_is_named_as_each_place_names_it() -> None:
    assert setting_names("TrafficAnalyzerConfig", "logs") == (
        "give --logs, set logs in [traffic_analyzer_config] of the configuration file, or in the environment variable"
        " TrafficAnalyzerConfig"
    )


def assert_one_line(error: Exception, parts: tuple[str, ...]) -> None:
    text = str(error)
    assert "\n" not in text
    assert all(part in text for part in parts), text
