"""What operators see of Discord: how calls end, what its limits cost, when the gateway was last heard."""

from __future__ import annotations

import time

from tests.bot.adapters.discord.seat import Seat, answer_to, jpg, until
from tests.platforms.discord import Channel, DiscordDouble, Fault, User


def value(seat: Seat, name: str, **labels: str) -> float:
    return seat.parts.metrics.registry.get_sample_value(f"colorizebot_{name}", {"platform": "discord", **labels}) or 0.0


async def test_calls_waits_and_the_gateway_are_seen(
    seat: Seat, discord: DiscordDouble, channel: Channel, ada: User
) -> None:
    began = time.time()
    assert value(seat, "platform_calls_total", outcome="ok") > 0, "logging in is a call"
    discord.fail(Fault.RATE_LIMITED, "POST", r"^/channels/\d+/messages$", seconds=0.2)
    discord.fail(Fault.UNAVAILABLE, "POST", r"^/channels/\d+/messages$")
    discord.fail(Fault.DISCONNECT, "POST", r"^/channels/\d+/messages$")
    asked = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
    await answer_to(discord, asked)
    for outcome in ("rate_limited", "failed", "unreachable"):
        assert value(seat, "platform_calls_total", outcome=outcome) == 1
    assert value(seat, "rate_limit_wait_seconds_sum") >= 0.2
    heard = "stream_heartbeat_timestamp_seconds"
    await until(lambda: value(seat, heard, stream="gateway") > began - 1, "a heartbeat")
    assert value(seat, heard, stream="gateway") <= time.time()
