"""The enforcer process's file: where the service is, what must never be blocked here, and the enforcers."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prevention.errors import EnforcerSetupError
from prevention.policy.config import Protect

if TYPE_CHECKING:
    from collections.abc import Mapping


class AgentConfig(BaseModel):
    """The whole file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: str = Field(default="enforce", min_length=1, max_length=64, description="what it is called in /health")
    service: str = Field(default="http://127.0.0.1:8000", pattern=r"^https?://", description="where nslabs is")
    token_file: Path | None = Field(default=None, description="file with a token of scope respond")
    state: Path = Field(default=Path("/var/lib/nslabs-enforce"), description="folder for what is held")
    protect: Protect = Protect()
    enforcers: dict[str, dict[str, Any]] = Field(default_factory=dict)


def load_agent_config(path: Path | None, overrides: Mapping[str, Any] | None = None) -> AgentConfig:
    """Read the file, with what the command line says over it.

    Raises
    ------
    EnforcerSetupError
        If it cannot be read, is no TOML, or has a wrong value.
    """
    document: dict[str, Any] = {}
    if path is not None:
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise EnforcerSetupError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise EnforcerSetupError(f"{path}: expected TOML, but {error}") from error
    document |= {name: value for name, value in (overrides or {}).items() if value is not None}
    try:
        return AgentConfig.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise EnforcerSetupError(f"{path or 'command line'}: {place}: {first['msg']}") from error
