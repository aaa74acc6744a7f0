"""Everything that an operator can set, read from the environment, ``.env`` and ``colorizebot.toml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    StringConstraints,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "COLORIZEBOT_"
ENV_FILE = ".env"
TOML_FILE = "colorizebot.toml"
MIB = 2**20

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR"]
Trigger = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, to_lower=True)]
Folder = Annotated[Path, AfterValidator(Path.expanduser)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class WebSettings(_Section):
    """The bot's own page."""

    host: Annotated[
        str, Field(min_length=1, description="address that the page listens on; 0.0.0.0 lets everybody in")
    ] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535, description="port that the page listens on; 0 takes any free one")] = (
        8080
    )
    public_url: Annotated[
        HttpUrl | None, Field(description="address under which people reach the page, when it is behind a proxy")
    ] = None


class FetchSettings(_Section):
    """How far the bot goes to fetch a photo that somebody links to."""

    allow_private: Annotated[
        tuple[str, ...], Field(description="JSON list of host:port in private networks that may be reached")
    ] = ()
    max_bytes: Annotated[int, Field(gt=0, description="largest file that is fetched, in bytes")] = 50 * MIB
    timeout_seconds: Annotated[float, Field(gt=0, description="longest time that one fetch may take")] = 20.0
    max_redirects: Annotated[int, Field(ge=0, description="redirects that are followed")] = 3


class LimitSettings(_Section):
    """How much one person, one community, and everybody together may ask for."""

    queue_size: Annotated[int, Field(gt=0, description="requests that may wait; more are refused kindly")] = 500
    max_pictures: Annotated[int, Field(gt=0, description="photos in one request")] = 20
    max_upload_bytes: Annotated[int, Field(gt=0, description="largest photo taken as an upload, in bytes")] = 50 * MIB
    requester_per_hour: Annotated[int, Field(gt=0, description="photos that one person may send in an hour")] = 200
    community_per_hour: Annotated[int, Field(gt=0, description="photos that one community may send in an hour")] = 1000
    parallel: Annotated[int, Field(gt=0, description="requests that are worked on at the same time")] = 4
    worker_patience_seconds: Annotated[
        float, Field(gt=0, description="how long a request waits for a worker that is away before it is refused")
    ] = 300.0
    drain_seconds: Annotated[
        float, Field(ge=0, description="how long a stopping bot finishes work in hand; the rest goes on at next start")
    ] = 20.0

    @model_validator(mode="after")
    def _one_request_fits(self) -> LimitSettings:
        if min(self.requester_per_hour, self.community_per_hour) < self.max_pictures:
            raise ValueError("max_pictures has to be at most requester_per_hour and community_per_hour")
        return self


class Settings(BaseSettings):
    """The bot's settings; `bot.configuration.load_settings` reads them and explains what is wrong with them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=ENV_FILE,
        env_ignore_empty=True,
        toml_file=TOML_FILE,
        extra="ignore",
        frozen=True,
    )

    data_dir: Annotated[Folder, Field(description="folder where the database and the photos live")] = (
        platformdirs.user_data_path("colorizebot", appauthor=False)
    )
    database_url: Annotated[
        SecretStr | None, Field(description="SQLAlchemy URL; unset = an SQLite file in the data folder")
    ] = None
    inference_url: Annotated[
        HttpUrl | None, Field(description="a running worker or cluster; unset = the bot starts its own")
    ] = None
    triggers: Annotated[
        tuple[Trigger, ...], Field(min_length=1, description="JSON list of the words that call the bot")
    ] = ("colorizebot", "colourizebot")
    log_level: Annotated[LogLevel, Field(description="DEBUG, INFO, WARNING or ERROR")] = "INFO"
    web: WebSettings = WebSettings()
    fetch: FetchSettings = FetchSettings()
    limits: LimitSettings = LimitSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over ``.env``, and that over the TOML file."""
        return init_settings, env_settings, dotenv_settings, TomlConfigSettingsSource(settings_cls)
