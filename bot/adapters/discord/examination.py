"""What ``python -m bot check`` says about Discord."""

from __future__ import annotations

from typing import Any

import aiohttp
import discord

from bot.findings import Finding, Verdict
from bot.settings import DiscordSettings, Settings

_API = "https://discord.com/api/v10"
_TIMEOUT = aiohttp.ClientTimeout(total=15)
_PORTAL = "discord.com/developers/applications"
_TOKEN_SETTING = "COLORIZEBOT_DISCORD__TOKEN"  # noqa: S105 - a setting's name
_USER_INSTALL = "1"

PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    attach_files=True,
    read_message_history=True,
)
"""What the bot asks for in a guild, and no more."""

_HOW_TO_GET_A_TOKEN = (
    f"1. {_PORTAL} > New Application. 2. Bot > Reset Token, copy it. 3. Same page: switch on Message Content Intent "
    "(for trigger words; optional). 4. Installation: tick User Install and Guild Install. "
    f"5. Set {_TOKEN_SETTING} to the token and run this check again: it prints the invite links."
)


async def examine(settings: Settings) -> list[Finding]:
    """Log in with the token, and say what is missing or how people get the bot."""
    discord_settings = settings.discord
    if discord_settings.token is None:
        return [Finding("Discord", Verdict.OFF, "not configured", _HOW_TO_GET_A_TOKEN)]
    headers = {"Authorization": f"Bot {discord_settings.token.get_secret_value().strip()}"}
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=_TIMEOUT) as session:
            user = await _get(session, discord_settings, "/users/@me")
            application = await _application(session, discord_settings)
    except _Refused as refused:
        return [_refused(refused)]
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        where = discord_settings.api_url or _API
        return [
            Finding(
                "Discord",
                Verdict.PROBLEM,
                f"{where} can't be reached ({type(error).__name__})",
                "check the network, or COLORIZEBOT_DISCORD__API_URL",
            )
        ]
    return _findings(user, application, discord_settings)


def invite_links(application_id: int) -> tuple[str, str]:
    """Return the links by which guilds and people install the bot."""
    for_guilds = discord.utils.oauth_url(
        application_id, permissions=PERMISSIONS, scopes=("bot", "applications.commands")
    )
    for_people = discord.utils.oauth_url(application_id, scopes=("applications.commands",))
    return f"{for_guilds}&integration_type=0", f"{for_people}&integration_type=1"


def _findings(user: dict[str, Any], application: dict[str, Any], settings: DiscordSettings) -> list[Finding]:
    for_guilds, for_people = invite_links(int(application["id"]))
    people_may = _USER_INSTALL in (application.get("integration_types_config") or {_USER_INSTALL: {}})
    return [
        Finding("Discord", Verdict.OK, f"logged in as @{user['username']}", f"invite it to a server: {for_guilds}"),
        Finding("", Verdict.OK, "people may install it for themselves", f"link for that: {for_people}")
        if people_may
        else Finding(
            "", Verdict.NOTE, "people can't install it for themselves", f"{_PORTAL} > Installation: User Install"
        ),
        _intent(application, settings),
    ]


def _intent(application: dict[str, Any], settings: DiscordSettings) -> Finding:
    if not settings.message_content:
        return Finding(
            "", Verdict.NOTE, "trigger words are not heard, as set", "unset COLORIZEBOT_DISCORD__MESSAGE_CONTENT"
        )
    flags = discord.ApplicationFlags._from_value(int(application.get("flags") or 0))
    if flags.gateway_message_content or flags.gateway_message_content_limited:
        return Finding("", Verdict.OK, "message content intent is on, trigger words are heard")
    return Finding(
        "",
        Verdict.NOTE,
        "message content intent is off: trigger words are not heard; commands and mentions work",
        f"{_PORTAL} > your application > Bot > Message Content Intent",
    )


class _Refused(Exception):  # noqa: N818 - says what happened
    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


def _refused(refused: _Refused) -> Finding:
    if refused.status == 401:
        state, cure = "Discord refuses the token", f"{_PORTAL} > your application > Bot > Reset Token; {_TOKEN_SETTING}"
    else:
        state, cure = f"Discord answered {refused.status}", "try again in a while"
    return Finding("Discord", Verdict.PROBLEM, state, cure)


async def _application(session: aiohttp.ClientSession, settings: DiscordSettings) -> dict[str, Any]:
    try:
        return await _get(session, settings, "/applications/@me")
    except _Refused as refused:
        if refused.status != 404:
            raise
        return await _get(session, settings, "/oauth2/applications/@me")  # the older address of the same


async def _get(session: aiohttp.ClientSession, settings: DiscordSettings, path: str) -> dict[str, Any]:
    async with session.get((settings.api_url or _API) + path) as response:
        if response.status != 200:
            raise _Refused(response.status)
        answer: dict[str, Any] = await response.json()
        return answer
