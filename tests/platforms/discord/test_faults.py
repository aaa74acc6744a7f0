"""What goes wrong on demand, as a plain HTTP client and real discord.py see it."""

from __future__ import annotations

import json
import time

import aiohttp
import discord
import pytest

from tests.platforms.discord import DiscordDouble, Fault
from tests.platforms.discord.conftest import LogIn


async def post(double: DiscordDouble, channel_id: int) -> tuple[int, str, str]:
    """Post a message; return the status, the content type, and the body."""
    headers = {"Authorization": f"Bot {double.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{double.api_url}/channels/{channel_id}/messages", json={"content": "x"}) as answer,
    ):
        return answer.status, answer.content_type, await answer.text()


@pytest.mark.parametrize(
    ("fault", "status", "there"),
    [
        (Fault.RATE_LIMITED, 429, 0),
        (Fault.GLOBALLY_RATE_LIMITED, 429, 0),
        (Fault.CLOUDFLARE_BAN, 429, 0),
        (Fault.ERROR, 500, 0),
        (Fault.BAD_GATEWAY, 502, 0),
        (Fault.UNAVAILABLE, 503, 0),
        (Fault.BAD_GATEWAY_AFTER, 502, 1),
        (Fault.ERROR_AFTER, 500, 1),
    ],
)
async def test_answers_that_fail(double: DiscordDouble, fault: Fault, status: int, there: int) -> None:
    channel = double.channel(double.guild())
    double.fail(fault, "POST", f"/channels/{channel.id}/messages", seconds=0.2)
    answered, kind, body = await post(double, channel.id)
    assert (answered, len(double.said_in(channel))) == (status, there)
    if fault in (Fault.RATE_LIMITED, Fault.GLOBALLY_RATE_LIMITED):
        assert json.loads(body)["global"] is (fault is Fault.GLOBALLY_RATE_LIMITED)
    if fault is Fault.CLOUDFLARE_BAN:
        assert kind == "text/html"
    assert (await post(double, channel.id))[0] == 200


@pytest.mark.parametrize(("fault", "there"), [(Fault.DISCONNECT, 0), (Fault.DISCONNECT_AFTER, 1), (Fault.TRUNCATED, 1)])
async def test_connections_that_break(double: DiscordDouble, fault: Fault, there: int) -> None:
    channel = double.channel(double.guild())
    double.fail(fault, "POST", f"/channels/{channel.id}/messages")
    with pytest.raises(aiohttp.ClientError):
        await post(double, channel.id)
    assert len(double.said_in(channel)) == there


async def test_malformed_and_slow_answers(double: DiscordDouble) -> None:
    channel = double.channel(double.guild())
    double.fail(Fault.MALFORMED)
    _, kind, body = await post(double, channel.id)
    assert kind == "application/json"
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)
    double.fail(Fault.SLOW, seconds=0.3)
    began = time.monotonic()
    assert (await post(double, channel.id))[0] == 200
    assert time.monotonic() - began > 0.3


async def test_discord_py_stays_inside_the_buckets(log_in: LogIn) -> None:
    async with DiscordDouble(calls_per_bucket=3, bucket_seconds=0.4) as double:
        client = await log_in(double)
        channel = double.channel(double.guild())
        there = await client.fetch_channel(channel.id)
        began = time.monotonic()
        for number in range(7):
            await there.send(str(number))
        assert time.monotonic() - began > 0.6
        assert [call.status for call in double.journal.find("POST", r"/channels/\d+/messages")] == [200] * 7
        await there.send("so")
        double.fail(Fault.RATE_LIMITED, "POST", seconds=0.1)
        await there.send("again")
        assert double.said_in(channel)[-1].content == "again"


async def test_chance_is_the_same_for_the_same_seed(double: DiscordDouble) -> None:
    async def run() -> list[str | None]:
        channel = double.channel(double.guild())
        double.misbehave(7, 0.5, faults=(Fault.ERROR, Fault.BAD_GATEWAY), seconds=0)
        first = len(double.calls)
        for _ in range(20):
            await post(double, channel.id)
        double.behave()
        return [call.fault for call in double.calls[first:]]

    once = await run()
    assert await run() == once
    assert 3 < sum(fault is not None for fault in once) < 17


async def test_a_login_survives_what_discord_py_survives(double: DiscordDouble, log_in: LogIn) -> None:
    double.fail(Fault.BAD_GATEWAY, "GET", "/users/@me")
    assert isinstance(await log_in(), discord.Client)
