"""Settings: `assistant.toml` in ASSISTANT_DATA, then ASSISTANT_* variables, which win.

`[models] path = …` in the file is ASSISTANT_MODELS_PATH in the environment.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from assistant.errors import ConfigError

CHECKOUT = Path(__file__).resolve().parents[1]
_SCRYPT = re.compile(r"scrypt\$\d{4,7}\$\d{1,2}\$\d{1,2}\$[\w-]{22,}\$[\w-]{43,}")
LEAST_DISK = 0.3e9  # bytes free; below, the machine is in trouble
_SECRET = ("key", "token", "secret", "password")  # in a setting's name, also in one that does not exist


def _address(text: str) -> str:
    """An http(s) address without a password in it, which would end up in a log."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an address like http://10.0.0.5:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError("must hold neither a password nor ? or #; a key belongs into models.key")
    return text.rstrip("/")


def _database(text: str) -> str:
    """The address of a database without a password in it, which would end up in a log."""
    parts = urlsplit(text)
    if parts.scheme != "postgresql" or len(parts.path) < 2:
        raise ValueError("must be an address like postgresql://tro-ly@10.0.0.7/nhat_ky")
    if parts.password or "password" in parts.query:
        raise ValueError("must hold no password; it belongs into journal.password")
    return text


def _key(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", secret.get_secret_value()):
        raise ValueError("must be letters, digits and signs of ASCII, without spaces")
    return secret


def _hash(secret: SecretStr) -> SecretStr:
    if not _SCRYPT.fullmatch(secret.get_secret_value()):
        raise ValueError("is not a line of `assistant admin set-password`")
    return secret


Address = Annotated[str, AfterValidator(_address)]


class ModelSettings(BaseModel):
    """The language model: a file on this machine or servers; without either the guides answer alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: Literal["local", "openai"] = "local"
    path: Path | None = None  # of the GGUF of the backend `local`
    context: int = Field(default=4096, ge=512)  # tokens: rules, guide, question and answer together
    answer: int = Field(default=220, ge=16)  # tokens of an answer at most
    threads: int | None = Field(default=None, ge=1)  # None: physical cores minus one
    seconds: float = Field(default=60, gt=0)  # an answer that takes longer is cut after its last sentence
    people: int = Field(default=4, ge=1, le=16)  # answers written at the same time; more people wait
    cache: Literal["f16", "q8_0"] = "f16"  # how what has been read is kept in memory: q8_0 takes half of it
    states: float = Field(default=4, ge=0)  # GB on disk for guides the model has read; 0: none are kept
    memory: float | None = Field(default=None, gt=0)  # GB the model's process may take; None: no limit

    # The backend `openai`: servers that speak OpenAI's protocol, and nothing else is asked.
    endpoints: tuple[Address, ...] = ()  # the first is preferred; with equal load, and while it is well
    model: str = ""  # as the servers call it
    key: Annotated[SecretStr, AfterValidator(_key)] | None = None
    per_endpoint: int = Field(default=4, ge=1)  # answers at once of one server; beyond, the card stands alone
    connect: float = Field(default=2, gt=0)  # seconds
    first_token: float = Field(default=15, gt=0)  # seconds; then the next server is asked
    proxy: Address | None = None  # those of the environment are not used
    certificates: Path | None = None  # of an office's own authority (PEM), in place of the usual ones
    request: dict[str, Any] = Field(default_factory=dict)  # more fields of each request

    hub: Address = "https://huggingface.co"  # or a mirror of it; only `assistant models pull` asks it

    @property
    def wanted(self) -> bool:
        """Whether a model is configured at all."""
        return self.path is not None if self.backend == "local" else True

    @model_validator(mode="after")
    def _servers_are_named(self) -> ModelSettings:
        if self.backend == "openai" and not (self.endpoints and self.model):
            raise ValueError('backend = "openai" needs endpoints = ["http://…/v1"] and model = "…"')
        return self


class EmbedderSettings(BaseModel):
    """The sentence-transformers model; without a path search is lexical."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path | None = None
    query: str | None = None  # prefixes some models need, e.g. "query: " and "passage: " for E5
    passage: str | None = None  # none: those that the model brings itself


class JournalSettings(BaseModel):
    """What people asked, without what could tell who asked; nothing is kept unless it is switched on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: bool = False
    days: int = Field(default=90, ge=1, le=730)  # older entries are deleted
    url: Annotated[str, AfterValidator(_database)] | None = None  # PostgreSQL; none: a file of this machine
    password: SecretStr | None = None  # of that database


class WatchSettings(BaseModel):
    """What a program that watches over the machine gets of it; never a word of what was asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metrics: bool = False  # figures for Prometheus at /so-lieu, for this machine itself
    logs: Literal["text", "json"] = "text"  # lines of the log


class AdminSettings(BaseModel):
    """The page of maintainers; there is none without a password."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    password_hash: Annotated[SecretStr, AfterValidator(_hash)] | None = None


class VoiceSettings(BaseModel):
    """What reads aloud: espeak-ng where it is installed, or Piper where a voice of it is named."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path | None = None  # of a voice of Piper (*.onnx)
    program: str = "piper"  # looked for beside this Python, then where programs lie
    region: Literal["north", "central", "south"] = "north"  # how espeak-ng speaks
    cache: float = Field(default=1, ge=0)  # GB on disk for what was read before


class ListenSettings(BaseModel):
    """What hears: without a recogniser people type."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path | None = None  # the folder of a Zipformer for sherpa-onnx
    seconds: float = Field(default=20, gt=0)  # what hearing one question may take


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
    names: tuple[
        str, ...
    ] = ()  # host names by which browsers may ask, beside addresses and the machine's own
    models: ModelSettings = ModelSettings()
    https: bool = False  # with a certificate of this machine's own, for other devices on the LAN
    embedder: EmbedderSettings = EmbedderSettings()
    journal: JournalSettings = JournalSettings()
    admin: AdminSettings = AdminSettings()
    watch: WatchSettings = WatchSettings()
    voice: VoiceSettings = VoiceSettings()
    listen: ListenSettings = ListenSettings()

    @property
    def knowledge(self) -> Path:
        """The guides and all that goes with them: of the pack in use, else the shipped ones."""
        pack = self.pack
        return pack.resolve() / "knowledge" if pack.exists() else self.home / "knowledge"

    @property
    def pack(self) -> Path:
        """The link to the pack of knowledge in use (operations/packs.py); each release has its own."""
        release = hashlib.sha256(str(self.home.resolve()).encode()).hexdigest()[:12]
        return self.data / "packs" / f"over-{release}"

    @property
    def pack_before(self) -> Path:
        """The link to what was in use before."""
        return self.pack.with_name(self.pack.name.replace("over", "before"))

    @property
    def states(self) -> Path:
        """What the local model has made of the guides."""
        return self.data / "states"

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
        file = data / "assistant.toml"
        if file.is_dir():  # would be passed over, and with it all that an operator has set
            raise IsADirectoryError(f"{file} is a folder")
        toml = TomlConfigSettingsSource(settings_cls, file)
        return init_settings, env_settings, toml


def load_settings(changes: Mapping[str, object] | None = None) -> Settings:
    """Read the settings; `changes` (from the command line) win. Raises ConfigError."""
    try:
        return Settings.model_validate(Settings(**(changes or {})))  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(
            _told(problem["loc"], problem["input"], problem["msg"]) for problem in error.errors()
        )
        # Not `from error`: it holds what was typed, keys among it.
        raise ConfigError(f"{wrong} (in assistant.toml or an ASSISTANT_* variable)") from None
    except SettingsError as error:
        raise ConfigError(f'an ASSISTANT_* variable: {error}; lists are written ["…", "…"]') from None
    except (ValueError, OSError, RecursionError) as error:  # TOML syntax, unreadable file
        raise ConfigError(f"assistant.toml: {error}") from error


def _told(place: tuple[int | str, ...], value: object, message: str) -> str:
    """A wrong setting with its value, unless that may be or hold a secret."""
    name = ".".join(map(str, place))
    named = any(word in name.casefold() for word in _SECRET)
    held = "@" in str(value) or "password" in str(value)  # http://name:password@host
    hidden = named or isinstance(value, Mapping) or held
    return f"{name}: {message}" if hidden else f"{name} = {value!r}: {message}"
