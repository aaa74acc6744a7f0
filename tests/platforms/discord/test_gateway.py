"""The gateway as real discord.py meets it."""

from __future__ import annotations

import asyncio
import math
import time

import aiohttp
import discord
import pytest

from tests.platforms.discord import DiscordDouble, Gateway
from tests.platforms.discord.conftest import Client, LogIn


async def until(look: object, what: str) -> None:
    for _ in range(3000):
        if look():  # type: ignore[operator]
            return
        await asyncio.sleep(0.02)
    raise AssertionError(what)


async def heard(client: Client) -> str:
    return (await client.next_heard()).content


@pytest.mark.parametrize("hurt", [Gateway.reconnect, Gateway.drop, lambda gateway: gateway.close_all(4000)])
async def test_what_was_missed_is_told_after_a_resume(double: DiscordDouble, log_in: LogIn, hurt: object) -> None:
    channel, ada = double.channel(double.guild()), double.user("ada")
    client = await log_in()
    double.says(ada, channel, "before")
    assert await heard(client) == "before"
    double.on_gateway(hurt)
    double.says(ada, channel, "meanwhile")
    assert await heard(client) == "meanwhile"
    assert double.gateway.resumed == 1
    assert len(double.gateway.identified) == 1


async def test_an_invalid_session_begins_a_new_one(double: DiscordDouble, log_in: LogIn) -> None:
    channel, ada = double.channel(double.guild()), double.user("ada")
    client = await log_in()
    double.on_gateway(Gateway.invalidate)
    await until(lambda: len(double.gateway.identified) == 2 and double.gateway.live, "no second IDENTIFY")
    double.says(ada, channel, "after")
    assert await heard(client) == "after"


async def test_events_may_be_told_twice(double: DiscordDouble, log_in: LogIn) -> None:
    channel, ada = double.channel(double.guild()), double.user("ada")
    client = await log_in()
    double.on_gateway(lambda gateway: setattr(gateway, "repeat_each", 2))
    double.says(ada, channel, "echo")
    assert [await heard(client), await heard(client)] == ["echo", "echo"]
    double.on_gateway(lambda gateway: (setattr(gateway, "repeat_on_resume", 2), gateway.reconnect()))
    assert [await heard(client), await heard(client)] == ["echo", "echo"]


async def test_a_closed_gateway_refuses_connections(double: DiscordDouble, log_in: LogIn) -> None:
    async with DiscordDouble(gateway_open=False) as closed, aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.ws_connect(closed.gateway_url)
        closed.open_gateway()
        async with session.ws_connect(closed.gateway_url + "/?v=10&encoding=json") as socket:
            assert (await socket.receive_json())["op"] == 10
        closed.close_gateway()
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.ws_connect(closed.gateway_url)


@pytest.mark.parametrize(
    ("identify", "code"),
    [
        ({"token": "wrong", "intents": 1}, 4004),
        ({"token": "double.of-a.token", "intents": 1, "shard": [2, 2]}, 4010),
        ({"token": "double.of-a.token", "intents": 1 << 40}, 4013),
        ({"token": "double.of-a.token", "intents": 1 << 1}, 4014),
    ],
)
async def test_who_may_not_identify(double: DiscordDouble, identify: dict[str, object], code: int) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(double.gateway_url + "/?v=10&encoding=json") as socket,
    ):
        await socket.receive_json()
        await socket.send_json({"op": 2, "d": {"properties": {}, **identify}})
        message = await socket.receive()
        assert (message.type, socket.close_code) == (aiohttp.WSMsgType.CLOSE, code)


async def test_guilds_are_split_over_shards(log_in: LogIn) -> None:
    async with DiscordDouble(shards=2) as double:
        guilds = []
        while {(guild.id >> 22) % 2 for guild in guilds} != {0, 1}:
            guilds.append(double.guild(f"guild {len(guilds)}"))
            time.sleep(0.002)
        client = await log_in(double)
        assert {guild.id for guild in client.guilds} == {guild.id for guild in guilds}
        assert {tuple(sent["shard"]) for sent in double.gateway.identified} == {(0, 2), (1, 2)}
        for guild in guilds:
            said = double.says(double.user("ada"), double.channel(guild), guild.name)
            assert await heard(client) == said.content


async def test_heartbeats_are_acknowledged(log_in: LogIn) -> None:
    async with DiscordDouble(heartbeat_seconds=0.1) as double:
        client = await log_in(double)
        await until(lambda: double.gateway.heartbeats >= 3, "too few heartbeats")
        await until(lambda: math.isfinite(client.latency), "no heartbeat was acknowledged")


async def test_a_wrong_token_is_no_login(double: DiscordDouble, log_in: LogIn) -> None:
    double.rules.token = "another"
    client = discord.Client(intents=discord.Intents.none())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("discord.http.Route.BASE", double.api_url)
        with pytest.raises(discord.LoginFailure):
            await client.login("double.of-a.token")
    await client.close()
