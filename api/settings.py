"""Reads the configuration: command line over environment over TOML file over defaults.

The only module that reads the environment. Everything below it gets small frozen objects.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import orjson
from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from api.errors import SettingsError
from api.sections import (
    MachineLearningModelConfig,
    PreventionConfig,
    SocketIOConfig,
    StoreConfig,
    TrafficAnalyzerConfig,
)

SECTIONS: Final[dict[str, type[BaseModel]]] = {
    "TrafficAnalyzerConfig": TrafficAnalyzerConfig,
    "MachineLearningModelConfig": MachineLearningModelConfig,
    "SocketIOConfig": SocketIOConfig,
    "StoreConfig": StoreConfig,
    "PreventionConfig": PreventionConfig,
}
SINKS: Final = "sinks"
"""The section that holds a table for each sink."""
_BY_FOLDED: Final = {name.lower(): name for name in (*SECTIONS, SINKS)}
_DISTINCT: Final = ("trafficanalyzerconfig", "machinelearningmodelconfig", "socketioconfig")
"""Names of sections that no other program is likely to have a variable for."""
_SAME_NAME: Final = 0.87
"""Likeness (`difflib`) from which on a name is a slip: a word left out, British spelling, a plural."""
_IN_FILE: Final = {
    "TrafficAnalyzerConfig": "traffic_analyzer_config",
    "MachineLearningModelConfig": "machine_learning_model_config",
    "SocketIOConfig": "socket_io_config",
    "StoreConfig": "store_config",
    "PreventionConfig": "prevention_config",
    SINKS: SINKS,
}
_FLAGS: Final = {
    ("TrafficAnalyzerConfig", "logs"): "--logs",
    ("TrafficAnalyzerConfig", "state"): "--state",
    ("MachineLearningModelConfig", "kinds"): "--kind",
    ("SocketIOConfig", "host"): "--listen",
    ("SocketIOConfig", "port"): "--listen",
    ("SocketIOConfig", "root_path"): "--root-path",
}
Layer = Mapping[str, Mapping[str, Any]]


class _JsonEnvironment(EnvSettingsSource):
    """The environment variables, with an error that names the variable which is not JSON."""

    def decode_complex_value(self, field_name: str, field: Any, value: Any) -> Any:
        name = field.alias or field_name
        try:
            found = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise SettingsError(
                f"environment variable {name}: expected a JSON object such as"
                f' {{"{_example_key(name)}": …}}, but it is not JSON ({error})'
            ) from error
        return _section(found, name, f"environment variable {name}")


class Settings(BaseSettings):
    """All settings, read once at the start."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, env_ignore_empty=True, hide_input_in_errors=True)

    traffic: TrafficAnalyzerConfig = Field(default_factory=TrafficAnalyzerConfig, alias="TrafficAnalyzerConfig")
    models: MachineLearningModelConfig = Field(
        default_factory=MachineLearningModelConfig, alias="MachineLearningModelConfig"
    )
    server: SocketIOConfig = Field(default_factory=SocketIOConfig, alias="SocketIOConfig")
    store: StoreConfig = Field(default_factory=StoreConfig, alias="StoreConfig")
    sinks: dict[str, dict[str, Any]] = Field(default_factory=dict, description="a table for each sink, by its name")
    prevention: PreventionConfig = Field(default_factory=PreventionConfig, alias="PreventionConfig")


def load_settings(config: Path | None = None, overrides: Layer | None = None) -> Settings:
    """Read file, environment and overrides, the later over the earlier; and declare the log kinds that they name.

    Parameters
    ----------
    config
        TOML file whose sections are named as the environment variables, in their own or in snake case.
    overrides
        Section to key to value, from the command line; keys with value None count as not given.

    Raises
    ------
    SettingsError
        With one line that names the source, the key, and what was expected.
    DeclarationError
        With a line for each thing that is wrong with a declaration of a log kind.
    """
    _refuse_misspelt_variables()
    file_layer = read_toml(config) if config else {}
    given = {s: {k: v for k, v in keys.items() if v is not None} for s, keys in (overrides or {}).items()}

    class Configured(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *args: Any, **kwargs: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del args, kwargs
            return (
                InitSettingsSource(settings_cls, init_kwargs=given),
                _JsonEnvironment(settings_cls),
                InitSettingsSource(settings_cls, init_kwargs=dict(file_layer)),
            )

    try:
        settings = Configured()
    except ValidationError as error:
        raise SettingsError(_explain(error, given, file_layer, config)) from error
    _declare(settings.models.kinds)
    return settings


def _declare(kinds: tuple[str, ...]) -> None:
    """Have these log kinds and no others beside the built-in ones; who names none need not load the models for it."""
    if kinds or "online_models.kinds" in sys.modules:
        import_module("online_models.kinds").declare(kinds)


def read_toml(path: Path) -> Layer:
    """Return the file's sections under their canonical names."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"configuration file {path}: {error.strerror}") from error
    except ValueError as error:
        raise SettingsError(f"configuration file {path}: expected TOML, but {error}") from error
    named = [(_section_name(name, path), name, keys) for name, keys in document.items()]
    return {section: _section(keys, section, f"configuration file {path}: [{name}]") for section, name, keys in named}


def _section(found: Any, section: str, source: str) -> Any:
    """Return what a source has for a section; another layer would be laid over what is no table without a word."""
    if isinstance(found, Mapping):
        return found
    raise SettingsError(f"{source}: {_problem('dict_type', '', section, '')}")


def _refuse_misspelt_variables() -> None:
    """Refuse a variable whose name is almost that of a section: what it says would count for nothing."""
    for name in os.environ:
        folded = name.replace("_", "").lower()
        close = get_close_matches(folded, _DISTINCT, n=1, cutoff=_SAME_NAME)
        if close and name.lower() != close[0]:
            raise SettingsError(f"environment variable {name}: is not read; name it {_BY_FOLDED[close[0]]}")


def _section_name(name: str, path: Path) -> str:
    try:
        return _BY_FOLDED[name.replace("_", "").lower()]
    except KeyError:
        raise SettingsError(
            f"configuration file {path}: unknown section [{name}]; expected one of {', '.join(_IN_FILE.values())}"
        ) from None


def _explain(error: ValidationError, given: Layer, file_layer: Layer, config: Path | None) -> str:
    """Say in one line what the first error is, where the value came from, and what was expected."""
    first = error.errors(include_url=False)[0]
    section, *keys = [str(part) for part in first["loc"]]
    key = keys[0] if keys else ""
    problem = _problem(first["type"], first["msg"], section, key)
    if key in given.get(section, {}):
        source = _FLAGS.get((section, key), "command line")
    elif _holds(file_layer.get(section, {}), key) and not _holds(_from_environment(section), key):
        source = f"configuration file {config}: [{_name_in_file(config, section)}]"
    else:
        source = f"environment variable {section}"
    return f"{source}: {problem}"


def _name_in_file(config: Path | None, section: str) -> str:
    """Return the name of a section as its file has it: its own, or that in snake case."""
    names = tomllib.loads(config.read_text(encoding="utf-8")) if config else {}
    return next((name for name in names if _BY_FOLDED.get(name.replace("_", "").lower()) == section), section)


def setting_names(section: str, key: str) -> str:
    """Return where a person sets something: by an option if there is one, a line in TOML, or a key in JSON."""
    flag = _FLAGS.get((section, key))
    named = f"set {key} in [{_IN_FILE[section]}] of the configuration file, or in the environment variable {section}"
    return f"give {flag}, {named}" if flag else named


def _example_key(section: str) -> str:
    return next(iter(SECTIONS[section].model_fields)) if section in SECTIONS else "webhook"


def _problem(kind: str, message: str, section: str, key: str) -> str:
    if section == SINKS:
        return f"{key}: expected a table such as [sinks.webhook]" if key else "expected tables such as [sinks.webhook]"
    known = ", ".join(SECTIONS[section].model_fields)
    if kind == "extra_forbidden":
        return f"unknown setting {key!r}; expected one of {known}"
    if not key:
        return f"expected an object with any of {known}"
    if kind == "tuple_type":
        return f'{key}: expected a list such as ["…"]'
    message = message.removeprefix("Value error, ")
    return f"{key}: {message[:1].lower()}{message[1:]}"


def _from_environment(section: str) -> Any:
    folded = {name.lower(): value for name, value in os.environ.items()}
    return orjson.loads(folded.get(section.lower()) or "{}")


def _holds(layer: Any, key: str) -> bool:
    """Whether this layer is to blame: it has the key, or with an empty key, it is no object at all."""
    return key in layer if isinstance(layer, Mapping) else not key


def supervisor() -> tuple[str, float | None]:
    """Return the socket that a supervisor such as systemd names (``$NOTIFY_SOCKET``), and its watchdog's seconds.

    The watchdog is None if there is none, or it is another process's (sd_watchdog_enabled(3)).
    """
    period, process = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    is_ours = period.isascii() and period.isdigit() and int(period) > 0 and process in {"", str(os.getpid())}
    return os.environ.get("NOTIFY_SOCKET", ""), int(period) / 1e6 if is_ours else None


def state_base() -> Path:
    """Return the folder of the states for which no directory was set: ``$XDG_STATE_HOME/nslabs``."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "nslabs"


def default_state_directory(logs: Path) -> Path:
    """Return where the state of a log folder goes when nothing was set: a folder of its own in `state_base`."""
    place = str(logs.absolute())
    digest = hashlib.sha256(os.fsencode(place)).hexdigest()[:8]
    return state_base() / f"{logs.absolute().name or 'root'}-{digest}"
