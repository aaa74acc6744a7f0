"""The application over REST: itself, its bot, its commands, and the way to the gateway."""

from __future__ import annotations

from typing import Any

from tests.platforms.discord import errors
from tests.platforms.discord.journal import Call
from tests.platforms.discord.rendering import guild_document, member_document, user_document
from tests.platforms.discord.routing import Answer, Route, whole_body
from tests.platforms.discord.world import World

_GUILD_EVENTS = (
    "channels", "threads", "presences", "voice_states", "members", "stage_instances", "guild_scheduled_events",
    "soundboard_sounds", "unavailable", "member_count", "large", "joined_at",
)  # fmt: skip


class Application:
    """What the bot may ask about itself."""

    def __init__(self, world: World) -> None:
        self._world = world

    def routes(self) -> list[Route]:
        commands = "/applications/{application}/commands"
        return [
            Route("GET", "/users/@me", self.me),
            Route("GET", "/users/@me/guilds", self.my_guilds),
            Route("GET", "/users/{user}", self.user),
            Route("GET", "/applications/@me", self.application),
            Route("GET", "/oauth2/applications/@me", self.application),
            Route("GET", "/gateway", self.gateway, by_token=True),
            Route("GET", "/gateway/bot", self.gateway_for_bot),
            Route("GET", commands, self.commands),
            Route("PUT", commands, self.set_commands),
            Route("POST", commands, self.add_command),
            Route("GET", "/guilds/{guild}", self.guild),
            Route("GET", "/guilds/{guild}/members/{user}", self.member),
        ]

    def me(self, call: Call) -> Answer:
        private = {"mfa_enabled": True, "locale": "en-US", "verified": True, "email": None, "premium_type": 0}
        return 200, {**user_document(self._world.bot), **private}

    def my_guilds(self, call: Call) -> Answer:
        guilds = [guild for guild in self._world.guilds.values() if guild.has_bot]
        return 200, [
            {
                "id": str(guild.id),
                "name": guild.name,
                "icon": None,
                "banner": None,
                "owner": False,
                "permissions": str(int(guild.everyone)),
                "features": [],
            }
            for guild in guilds
        ]

    def user(self, call: Call, user_id: str) -> Answer:
        user = self._world.users.get(int(user_id))
        if user is None:
            raise errors.unknown_user()
        return 200, user_document(user)

    def application(self, call: Call) -> Answer:
        world = self._world
        return 200, {
            "id": str(world.bot.id),
            "name": "colorizebot",
            "icon": None,
            "description": "",
            "type": None,
            "bot": user_document(world.bot),
            "bot_public": True,
            "bot_require_code_grant": False,
            "integration_types_config": {"0": {}, "1": {}},
            "verify_key": "0" * 64,
            "flags": world.application_flags,
            "flags_new": str(world.application_flags),
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "owner": user_document(world.owner),
            "approximate_guild_count": len(world.guilds),
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": [],
        }

    def gateway(self, call: Call) -> Answer:
        return 200, {"url": self._world.gateway.url}

    def gateway_for_bot(self, call: Call) -> Answer:
        used = len(self._world.gateway.identified)
        limit = {"total": 1000, "remaining": max(0, 1000 - used), "reset_after": 86_400_000, "max_concurrency": 1}
        shards = self._world.rules.shards
        return 200, {"url": self._world.gateway.url, "shards": shards, "session_start_limit": limit}

    def commands(self, call: Call, application_id: str) -> Answer:
        self._check(application_id)
        return 200, list(self._world.commands.values())

    def set_commands(self, call: Call, application_id: str) -> Answer:
        self._check(application_id)
        wanted = call.body or []
        kept = {_key(command): command for command in self._world.commands.values()}
        made = [self._command(command, kept.get(_key(command))) for command in wanted]
        self._world.commands = {int(command["id"]): command for command in made}
        return 200, made

    def add_command(self, call: Call, application_id: str) -> Answer:
        self._check(application_id)
        command = whole_body(call)
        old = next((known for known in self._world.commands.values() if _key(known) == _key(command)), None)
        made = self._command(command, old)
        self._world.commands[int(made["id"])] = made
        return 200 if old else 201, made

    def guild(self, call: Call, guild_id: str) -> Answer:
        guild = self._world.guilds.get(int(guild_id))
        if guild is None:
            raise errors.unknown_guild()
        if not guild.has_bot:
            raise errors.missing_access()
        document = guild_document(guild, self._world.bot)
        return 200, {name: value for name, value in document.items() if name not in _GUILD_EVENTS}

    def member(self, call: Call, guild_id: str, user_id: str) -> Answer:
        guild, user = self._world.guilds.get(int(guild_id)), self._world.users.get(int(user_id))
        if guild is None or not guild.has_bot:
            raise errors.missing_access()
        if user is None or user.id not in guild.members:
            raise errors.ApiError(404, 10007, "Unknown Member")
        return 200, member_document(guild, user, with_user=True)

    def _check(self, application_id: str) -> None:
        if application_id != str(self._world.bot.id):
            raise errors.ApiError(403, 20012, "You are not authorized to perform this action on this application")

    def _command(self, wanted: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
        kind = wanted.get("type") or 1
        if kind == 1 and not wanted.get("description"):
            raise errors.invalid_form("description", code="BASE_TYPE_REQUIRED", message="This field is required")
        permissions = wanted.get("default_member_permissions")
        command: dict[str, Any] = {
            "id": old["id"] if old else str(self._world.snowflakes.new()),
            "application_id": str(self._world.bot.id),
            "version": str(self._world.snowflakes.new()),
            "default_member_permissions": None if permissions is None else str(permissions),
            "type": kind,
            "name": wanted["name"],
            "name_localizations": wanted.get("name_localizations"),
            "description": wanted.get("description") or "",
            "description_localizations": wanted.get("description_localizations"),
            "dm_permission": wanted.get("dm_permission", True),
            "contexts": wanted.get("contexts"),
            "integration_types": wanted.get("integration_types") or [0],
            "nsfw": bool(wanted.get("nsfw")),
        }
        if wanted.get("options"):
            command["options"] = [
                {name: value for name, value in option.items() if value is not None} for option in wanted["options"]
            ]
        return command


def _key(command: dict[str, Any]) -> tuple[str, int]:
    return command["name"], command.get("type") or 1
