"""What is on, what is off, and how to switch it on, as the operator reads it at every start."""

from __future__ import annotations

from ipaddress import ip_address

from rich.console import Console
from rich.text import Text

from bot.assembly import database_url
from bot.ledger.engine import shown
from bot.platforms import PLATFORMS
from bot.settings import Settings
from bot.worker_access import shown_address


def print_overview(settings: Settings, console: Console) -> None:
    """Print one line for each part of the bot, with the settings that would change it."""
    console.print("colorizebot", style="bold", highlight=False)
    for name, state, hint in _lines(settings):
        line = Text(f"  {name:<9} {state}")
        if hint:
            line.append(f"  ({hint})", style="dim")
        console.print(line, highlight=False, soft_wrap=True)


def _lines(settings: Settings) -> list[tuple[str, str, str]]:
    lines = [
        ("worker", *_worker(settings)),
        ("database", shown(database_url(settings)), ""),
        ("photos", str(settings.data_dir), "elsewhere: COLORIZEBOT_DATA_DIR"),
        ("page", *_page(settings)),
    ]
    for platform in PLATFORMS:
        if missing := platform.still_to_set(settings):
            lines.append((platform.name, "off", f"to switch it on: {', '.join(missing)}"))
    return lines


def _worker(settings: Settings) -> tuple[str, str]:
    if settings.inference_url is None:
        return "the bot's own, warming up", "another one: COLORIZEBOT_INFERENCE_URL"
    return shown_address(settings), "the bot's own: unset COLORIZEBOT_INFERENCE_URL"


def _page(settings: Settings) -> tuple[str, str]:
    if settings.web.host == "localhost" or _is_loopback(settings.web.host):
        return "for this machine only", "for everybody: COLORIZEBOT_WEB__HOST=0.0.0.0"
    if settings.web.public_url is None:
        return "for everybody who reaches this machine", "behind a proxy: COLORIZEBOT_WEB__PUBLIC_URL"
    return "for everybody", ""


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
