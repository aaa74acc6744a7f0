"""The worker's settings: one class, read from flags, the environment, ``.env`` and ``colorizebot.toml``."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from inference import secret_files

ENVIRONMENT_PREFIX = "COLORIZEBOT_WORKER_"
ENV_FILE = ".env"
TOML_FILE = Path("colorizebot.toml")
TOML_TABLE = "worker"

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+)?")


class UnusableSettings(Exception):  # noqa: N818 - it is a message to the operator, not a bug
    """Settings that can't be used here; the message is one sentence that names them."""


def names_of(setting: str, prefix: str = ENVIRONMENT_PREFIX) -> str:
    """Return a setting's flag and environment variable, ``--port (COLORIZEBOT_WORKER_PORT)``, for messages."""
    return f"{flag_of(setting)} ({variable_of(setting, prefix)})"


def flag_of(setting: str) -> str:
    """Return a setting's flag, ``--max-bytes`` for ``max_bytes``."""
    return "--" + setting.replace("_", "-")


def variable_of(setting: str, prefix: str = ENVIRONMENT_PREFIX) -> str:
    """Return a setting's environment variable, ``COLORIZEBOT_WORKER_MAX_BYTES`` for ``max_bytes``."""
    return prefix + setting.upper()


class WorkerSettings(BaseSettings):
    """How a worker runs.

    Sources, the first that has a value wins: keyword arguments (the flags of ``python -m inference``), environment
    variables (``COLORIZEBOT_WORKER_PORT``), ``.env``, the table ``[worker]`` of ``colorizebot.toml``, the defaults.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_file=ENV_FILE, env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8090, ge=0, le=65535, description="TCP port to listen on; 0 takes any free one")
    socket: Path | None = Field(
        None, description="UNIX socket to listen on instead of TCP; together with it when host or port are set too"
    )
    token: SecretStr | None = Field(
        None, description="what clients on TCP have to know (Authorization: Bearer …), at least 16 characters"
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file with the certificate, and those that vouch for it, to speak TLS on TCP"
    )
    tls_key: Path | None = Field(None, description="PEM file with its key; when unset, it is in the certificate's file")
    tls_client_ca: Path | None = Field(
        None, description="PEM file with the authority whose certificates clients on TCP have to show"
    )
    open: bool = Field(
        False, description="let in whoever reaches it beyond this machine; for networks that are closed otherwise"
    )
    device: str = Field("auto", description="where the network runs: auto, cpu, cuda, cuda:<number> or mps")
    weights: Path | None = Field(None, description="weights file (.safetensors); the bundled one when unset")
    photo_processes: int = Field(
        os.cpu_count() or 1, ge=1, description="processes that decode and encode photos; by default one per CPU"
    )
    photo_memory_bytes: int = Field(
        4 * 2**30, ge=2**26, description="most memory that one of these may take; a photo that needs more is refused"
    )
    photo_seconds: float = Field(
        300, gt=0, description="longest that one may take to decode or to encode a photo; then it is killed"
    )
    batch_size: int = Field(8, ge=1, description="most pictures that go through the network at once")
    queue_size: int = Field(64, ge=1, description="most requests taken in at once; more are answered 429")
    queue_bytes: int = Field(
        512 * 2**20, ge=1, description="most bytes of uploaded files held at once; more are answered 429"
    )
    pixels_in_memory: int = Field(
        96_000_000,
        ge=1,
        description="most pixels decoded at once (1 to 20 bytes each, of a WebP up to 42); more wait their turn",
    )
    max_bytes: int = Field(50 * 2**20, ge=1, description="largest file taken, in bytes")
    max_pixels: int = Field(64_000_000, ge=1, description="largest picture taken, in pixels")
    max_frames: int = Field(300, ge=1, description="longest animation taken, in frames")
    max_total_pixels: int = Field(200_000_000, ge=1, description="largest animation taken, in frames times pixels")
    body_timeout_seconds: float = Field(
        30, gt=0, description="longest pause within an upload, or of a connection, before it is given up"
    )
    drain_seconds: float = Field(30, ge=0, description="longest time that requests in progress get at shutdown")
    exit_with_stdin: bool = Field(
        False, description="shut down when standard input closes, so that the worker never outlives its parent"
    )
    profile: bool = Field(False, description="tell where the time went, by stage and line of code, when it stops")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severe events logged")
    log_format: Literal["text", "json"] = Field("text", description="lines of the log: text for people, or json")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Add secrets in files, and the table ``[worker]`` of ``colorizebot.toml`` as the last source."""
        files = secret_files.files_in_environment(settings_cls, ENVIRONMENT_PREFIX, ENV_FILE)
        return (
            init_settings,
            env_settings,
            dotenv_settings,
            InitSettingsSource(settings_cls, files),
            InitSettingsSource(settings_cls, toml_table(TOML_TABLE)),
        )

    @property
    def serves_tcp(self) -> bool:
        """Whether to listen on TCP: always without a UNIX socket, beside one only when host or port were given."""
        return self.socket is None or not self.model_fields_set.isdisjoint({"host", "port"})

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, given: dict[str, Any]) -> dict[str, Any]:
        return secret_files.fill_in(cls, given)

    @field_validator("device")
    @classmethod
    def _known_device(cls, device: str) -> str:
        if not _DEVICE.fullmatch(device):
            raise ValueError("it has to be auto, cpu, cuda, cuda:<number> or mps")
        return device

    @field_validator("weights")
    @classmethod
    def _existing_file(cls, weights: Path | None) -> Path | None:
        if weights is not None and not weights.is_file():
            raise ValueError("there is no such file")
        return weights

    @model_validator(mode="after")
    def _one_file_fits(self) -> WorkerSettings:
        if self.queue_bytes < self.max_bytes:
            raise ValueError("queue_bytes has to be at least max_bytes, or the largest files would never be taken")
        return self


def toml_table(name: str) -> dict[str, Any]:
    """Return a table of ``colorizebot.toml``, empty where there is none; raises ``tomllib.TOMLDecodeError``."""
    if not TOML_FILE.is_file():
        return {}
    try:
        table = tomllib.loads(TOML_FILE.read_text(encoding="utf-8")).get(name, {})
    except UnicodeDecodeError as error:
        raise tomllib.TOMLDecodeError("it is no text in UTF-8") from error
    if not isinstance(table, dict):
        raise tomllib.TOMLDecodeError(f"“{name}” has to be a table: [{name}]")
    return table
