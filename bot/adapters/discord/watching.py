"""What operators see of the connection to Discord: how its calls end, how it asks to wait, when it was last heard."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import aiohttp
import discord

from bot.adapters.discord.notes import PLATFORM
from bot.metrics import Metrics

STREAM = "gateway"
_LOOK_SECONDS = 5.0


def watched_calls(metrics: Metrics) -> aiohttp.TraceConfig:
    """Count every call that discord.py makes, those that it repeats by itself too."""

    async def ended(_session: aiohttp.ClientSession, _: SimpleNamespace, call: aiohttp.TraceRequestEndParams) -> None:
        metrics.called(PLATFORM, call.response.status)
        if call.response.status == 429 and (seconds := _seconds(call.response)) is not None:
            metrics.rate_limited(PLATFORM, seconds)

    async def failed(
        _session: aiohttp.ClientSession, _: SimpleNamespace, _call: aiohttp.TraceRequestExceptionParams
    ) -> None:
        metrics.called(PLATFORM, None)

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(ended)
    trace.on_request_exception.append(failed)
    return trace


async def watch_gateway(client: discord.AutoShardedClient, metrics: Metrics) -> None:
    """Note until cancelled when the quietest shard was last heard; Discord answers heartbeats all the time."""
    while True:
        if (silence := _longest_silence(client)) is not None:
            metrics.heard(PLATFORM, STREAM, seconds_ago=silence)
        await asyncio.sleep(_LOOK_SECONDS)


def _longest_silence(client: discord.AutoShardedClient) -> float | None:
    """Return for how many seconds the quietest shard has been silent; ``None`` while not all are connected."""
    keepers = [client._get_websocket(shard_id=shard)._keep_alive for shard in client.shards]
    heard = [keeper._last_recv for keeper in keepers if keeper is not None]
    if not heard or len(heard) < len(keepers):
        return None
    return time.perf_counter() - min(heard)


def _seconds(response: aiohttp.ClientResponse) -> float | None:
    try:
        return max(0.0, float(response.headers.get("Retry-After", "")))
    except ValueError:
        return None
