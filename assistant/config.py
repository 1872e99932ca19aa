"""Settings: `assistant.toml` in ASSISTANT_DATA, then ASSISTANT_* variables, which win.

`[models] path = …` in the file is ASSISTANT_MODELS_PATH in the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from assistant.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parents[1]


class ModelSettings(BaseModel):
    """The local language model; without a path the guides answer alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path | None = None
    context: int = Field(default=4096, ge=512)  # tokens: rules, guide, question and answer together
    answer: int = Field(default=220, ge=16)  # tokens of an answer at most
    threads: int | None = Field(default=None, ge=1)  # None: physical cores minus one
    seconds: float = Field(default=60, gt=0)  # an answer that takes longer is cut after its last sentence


class EmbedderSettings(BaseModel):
    """The sentence-transformers model; without a path search is lexical."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path | None = None
    query: str = ""  # prefixes some models need, e.g. "query: " and "passage: " for E5
    passage: str = ""


class Settings(BaseSettings):
    """Everything an operator can set (README, "Cấu hình")."""

    model_config = SettingsConfigDict(
        env_prefix="ASSISTANT_",
        env_ignore_empty=True,
        env_nested_delimiter="_",
        env_nested_max_split=1,
        frozen=True,
        extra="forbid",
    )

    home: Path = CHECKOUT  # holds knowledge/ and prompts/
    data: Path = CHECKOUT / ".data"  # everything written
    local: Path | None = None  # the ward's overlay; default data/local
    today: date | None = None  # stands for the clock in tests and demonstrations
    host: str = "127.0.0.1"
    port: int = Field(default=7860, ge=0, le=65535)
    models: ModelSettings = ModelSettings()
    embedder: EmbedderSettings = EmbedderSettings()

    @property
    def knowledge(self) -> Path:
        """The shipped knowledge."""
        return self.home / "knowledge"

    @property
    def overlay(self) -> Path:
        """The ward's own contacts and guides, laid over the shipped ones."""
        return self.local or self.data / "local"

    @property
    def pictures(self) -> tuple[Path, Path]:
        """Folders of drawn scenes, the ward's own last."""
        return self.knowledge / "pictures", self.overlay / "pictures"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment over file; the file lies where ASSISTANT_DATA says."""
        data = Path(os.environ.get("ASSISTANT_DATA") or CHECKOUT / ".data")
        toml = TomlConfigSettingsSource(settings_cls, data / "assistant.toml")
        return init_settings, env_settings, toml


def load_settings(changes: Mapping[str, object] | None = None) -> Settings:
    """Read the settings; `changes` (from the command line) win. Raises ConfigError."""
    try:
        return Settings.model_validate(Settings(**(changes or {})))  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])} = {problem['input']!r}: {problem['msg']}"
            for problem in error.errors()
        )
        raise ConfigError(f"{wrong} (in assistant.toml or an ASSISTANT_* variable)") from error
    except (ValueError, OSError) as error:  # TOML syntax, unreadable file
        raise ConfigError(f"assistant.toml: {error}") from error
