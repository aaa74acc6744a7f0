"""Everything that an operator can set, read from the environment, ``.env`` and ``colorizebot.toml``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar

import platformdirs
from pydantic import (
    Field,
    HttpUrl,
    SecretStr,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from bot.retention_settings import RetentionSettings
from bot.setting_types import Endpoint, Folder, Gateway, LogLevel, Name, Section, Trigger, in_small_letters
from bot.tracing_settings import TracingSettings
from inference import secret_files
from inference.log_lines import LogFormat

PREFIX = "COLORIZEBOT_"
ENV_FILE = ".env"
TOML_FILE = "colorizebot.toml"
MIB = 2**20
_A_CENTURY_IN_HOURS = 876_000
"""Longer than that, moments leave the calendar."""


class WebSettings(Section):
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


class FetchSettings(Section):
    """How far the bot goes to fetch a photo that somebody links to."""

    allow_private: Annotated[
        tuple[str, ...], Field(description="JSON list of host:port in private networks that may be reached")
    ] = ()
    max_bytes: Annotated[int, Field(gt=0, description="largest file that is fetched, in bytes")] = 50 * MIB
    timeout_seconds: Annotated[float, Field(gt=0, description="longest time that one fetch may take")] = 20.0
    max_redirects: Annotated[int, Field(ge=0, description="redirects that are followed")] = 3


class LimitSettings(Section):
    """How much one person, one community, and everybody together may ask for."""

    renamed: ClassVar[Mapping[str, str]] = {"result_hours": "reuse_hours"}

    queue_size: Annotated[int, Field(gt=0, description="requests that may wait; more are refused kindly")] = 500
    max_pictures: Annotated[int, Field(gt=0, description="photos in one request")] = 20
    max_upload_bytes: Annotated[int, Field(gt=0, description="largest photo taken as an upload, in bytes")] = 50 * MIB
    requester_per_hour: Annotated[int, Field(gt=0, description="photos that one person may send in an hour")] = 200
    community_per_hour: Annotated[int, Field(gt=0, description="photos that one community may send in an hour")] = 1000
    reuse_hours: Annotated[
        float,
        Field(
            ge=0,
            le=_A_CENTURY_IN_HOURS,
            description="how long a result is used again when the same photo is asked for again",
        ),
    ] = 168.0
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


class Hosting(StrEnum):
    """Where the pictures of an answer on Reddit are."""

    AUTO = "auto"
    """The first of the others, in their order, that the community allows."""
    COMMENT = "comment"
    """In the comment itself, as a native image."""
    PROFILE = "profile"
    """In a post on the bot's own profile."""
    WEB = "web"
    """On the bot's own web page."""


class RedditSettings(Section):
    """The bot's account on Reddit, and its manners there."""

    client_id: Annotated[str | None, Field(description="id of the app, from reddit.com/prefs/apps")] = None
    client_secret: Annotated[SecretStr | None, Field(description="secret of the app, from the same page")] = None
    username: Annotated[str | None, Field(description="name of the bot's account, without u/")] = None
    password: Annotated[SecretStr | None, Field(description="the account's password, or else a refresh token")] = None
    refresh_token: Annotated[SecretStr | None, Field(description="an OAuth refresh token in place of a password")] = (
        None
    )
    user_agent: Annotated[
        str | None, Field(description="how the bot names itself to Reddit; unset = as Reddit's API rules ask")
    ] = None
    subreddits: Annotated[
        tuple[Name, ...],
        Field(description="JSON list of the subreddits whose comments are watched; mentions (u/name) work everywhere"),
    ] = ()
    hosting: Annotated[
        Hosting,
        Field(description="where results go: comment, profile, web, or auto, the first of these that works"),
    ] = Hosting.AUTO
    reddit_url: Annotated[Endpoint, Field(description="Reddit's address for signing in")] = "https://www.reddit.com"
    oauth_url: Annotated[Endpoint, Field(description="Reddit's address for everything else")] = (
        "https://oauth.reddit.com"
    )
    poll_seconds: Annotated[float, Field(gt=0, description="pause between two looks at what is new")] = 3.0
    catch_up_hours: Annotated[
        float,
        Field(
            ge=0,
            le=_A_CENTURY_IN_HOURS,
            description="how old a comment may be that was posted while the bot was down",
        ),
    ] = 24.0
    answers_per_thread: Annotated[int, Field(gt=0, description="answers under one post")] = 250
    answers_per_user_hour: Annotated[int, Field(gt=0, description="answers to one person in an hour")] = 60
    blocked_users: Annotated[tuple[Name, ...], Field(description="JSON list of people who get no answer")] = ()
    blocked_subreddits: Annotated[
        tuple[Name, ...], Field(description="JSON list of subreddits where the bot stays silent")
    ] = ()
    ignored_bots: Annotated[tuple[Name, ...], Field(description="JSON list of other bots, which get no answer")] = (
        "automoderator",
        "remindmebot",
        "repostsleuthbot",
        "savevideo",
        "sneakpeekbot",
        "bot-sleuth-bot",
        "wikitextbot",
    )


class DiscordSettings(Section):
    """The bot's application on Discord, and its manners there."""

    token: Annotated[SecretStr | None, Field(description="token of the bot, from discord.com/developers")] = None
    message_content: Annotated[
        bool,
        Field(description="whether to read messages for the trigger words; needs the message content intent"),
    ] = True
    look_back_messages: Annotated[
        int, Field(ge=0, le=100, description="how many messages back the photo may be that a trigger word means")
    ] = 10
    catch_up_minutes: Annotated[
        float,
        Field(
            ge=0,
            le=60 * _A_CENTURY_IN_HOURS,
            description="how old a message may be that was posted while the bot was down",
        ),
    ] = 60.0
    blocked_users: Annotated[tuple[int, ...], Field(description="JSON list of ids of people who get no answer")] = ()
    blocked_guilds: Annotated[
        tuple[int, ...], Field(description="JSON list of ids of servers where the bot stays silent")
    ] = ()
    shard_count: Annotated[
        int | None, Field(gt=0, description="shards of all bots together; unset = as many as Discord advises")
    ] = None
    shard_ids: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...],
        Field(description="JSON list of the shards that are this bot's; unset = all of them"),
    ] = ()
    api_url: Annotated[Endpoint | None, Field(description="Discord's API; unset = the real one")] = None
    gateway_url: Annotated[Gateway | None, Field(description="Discord's gateway; unset = the real one")] = None

    @model_validator(mode="after")
    def _shards_exist(self) -> DiscordSettings:
        if self.shard_ids and self.shard_count is None:
            raise ValueError("shard_ids needs shard_count, the same for all bots")
        if len(set(self.shard_ids)) < len(self.shard_ids):
            raise ValueError("shard_ids names a shard twice")
        if self.shard_count is not None and any(shard >= self.shard_count for shard in self.shard_ids):
            raise ValueError(f"shard_ids go from 0 to {self.shard_count - 1}, one less than shard_count")
        return self

    @property
    def has_first_shard(self) -> bool:
        """Whether direct messages, and what one bot does for all, are this bot's."""
        return not self.shard_ids or 0 in self.shard_ids


class Settings(BaseSettings):
    """The bot's settings; `bot.configuration.load_settings` reads them and explains what is wrong with them."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
    )

    data_dir: Annotated[Folder, Field(description="folder where the database and the photos live")] = (
        platformdirs.user_data_path("colorizebot", appauthor=False)
    )
    database_url: Annotated[
        SecretStr | None, Field(description="SQLAlchemy URL; unset = an SQLite file in the data folder")
    ] = None
    lease_seconds: Annotated[
        float,
        Field(ge=1, le=86400, description="how long after a bot's last sign of life another on its ledger takes over"),
    ] = 30.0
    inference_url: Annotated[
        HttpUrl | None, Field(description="a running worker or cluster; unset = the bot starts its own")
    ] = None
    inference_token: Annotated[
        SecretStr | None, Field(description="what that worker wants to be told, its COLORIZEBOT_WORKER_TOKEN")
    ] = None
    inference_tls_ca: Annotated[
        Path | None, Field(description="PEM file with the authority that vouches for that worker; unset = the system's")
    ] = None
    inference_tls_certificate: Annotated[
        Path | None, Field(description="PEM file with the certificate that the bot shows to that worker")
    ] = None
    inference_tls_key: Annotated[
        Path | None, Field(description="PEM file with the key of that certificate; unset = in the certificate's file")
    ] = None
    triggers: Annotated[
        tuple[Trigger, ...], Field(min_length=1, description="JSON list of the words that call the bot")
    ] = ("colorizebot", "colourizebot")
    log_level: Annotated[LogLevel, Field(description="DEBUG, INFO, WARNING or ERROR")] = "INFO"
    log_format: Annotated[LogFormat, Field(description="lines of the log: text for people, or json")] = "text"
    web: WebSettings = WebSettings()
    reddit: RedditSettings = RedditSettings()
    discord: DiscordSettings = DiscordSettings()
    fetch: FetchSettings = FetchSettings()
    limits: LimitSettings = LimitSettings()
    retention: RetentionSettings = RetentionSettings()
    tracing: TracingSettings = TracingSettings()

    @model_validator(mode="before")
    @classmethod
    def _read_secret_files(cls, given: dict[str, Any]) -> dict[str, Any]:
        return secret_files.fill_in(cls, given)

    @model_validator(mode="after")
    def _what_is_caught_up_with_is_still_known(self) -> Settings:
        reach_back = {
            "reddit": timedelta(hours=self.reddit.catch_up_hours),
            "discord": timedelta(minutes=self.discord.catch_up_minutes),
        }
        for platform, time in reach_back.items():
            if self.retention.days_of(platform)[1] <= time / timedelta(days=1):
                raise ValueError(
                    f"requests on {platform} have to be kept for longer than the bot catches up with: raise "
                    f"{PREFIX}RETENTION__REQUEST_DAYS"
                )
        return self

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
        files = InitSettingsSource(settings_cls, secret_files.files_in_environment(settings_cls, PREFIX, ENV_FILE))
        toml = TomlConfigSettingsSource(settings_cls, TOML_FILE).toml_data
        lowest = InitSettingsSource(settings_cls, in_small_letters(toml))
        return init_settings, env_settings, dotenv_settings, files, lowest
