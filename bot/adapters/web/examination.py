"""Whether the page can be served, for ``python -m bot check``."""

from __future__ import annotations

import asyncio
import errno
import socket

import aiohttp

from bot.findings import Finding, Verdict
from bot.settings import Settings, WebSettings

_PATIENCE_SECONDS = 5.0


async def examine(settings: Settings) -> list[Finding]:
    """Look whether the page's address is free, or a bot is serving there."""
    return [await _page(settings.web)]


async def _page(web: WebSettings) -> Finding:
    address = f"http://[{web.host}]:{web.port}" if ":" in web.host else f"http://{web.host}:{web.port}"
    try:
        await asyncio.to_thread(_try_to_listen, web)
    except OSError as error:
        if error.errno == errno.EACCES:
            return Finding("page", Verdict.PROBLEM, f"{address}: {error.strerror}", "set COLORIZEBOT_WEB__PORT")
        if error.errno != errno.EADDRINUSE:
            return Finding("page", Verdict.PROBLEM, f"{address}: {error.strerror}", "set COLORIZEBOT_WEB__HOST")
        if await _bot_answers(address):
            return Finding("page", Verdict.OK, f"{address}, served by a running bot")
        return Finding("page", Verdict.PROBLEM, f"{address} is taken by another program", "set COLORIZEBOT_WEB__PORT")
    return Finding("page", Verdict.OK, f"{address}, served once the bot runs", "start it: python -m bot")


def _try_to_listen(web: WebSettings) -> None:
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    with socket.create_server((web.host, web.port), family=family):
        pass


async def _bot_answers(address: str) -> bool:
    timeout = aiohttp.ClientTimeout(total=_PATIENCE_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{address}/healthz") as response,
        ):
            return response.content_type == "application/json" and "worker" in await response.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False
