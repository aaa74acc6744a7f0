"""What the fetcher's tests ask with."""

import pytest

from bot.fetching import Fetcher, FetchRefused
from bot.settings import FetchSettings
from tests.bot.fetching.site import JPEG, Site, raw

MAX_BYTES = 100_000
SECONDS = 30.0
"""The patience of a fetch: longer than a busy machine pauses."""


def settings(site: Site, **changes: object) -> FetchSettings:
    hosts = ("127.0.0.1", "photos.test", "two.test")
    allowed = [f"{host}:{site.port}" for host in hosts]
    chosen = {"allow_private": allowed, "max_bytes": MAX_BYTES, "timeout_seconds": SECONDS}
    return FetchSettings.model_validate(chosen | changes)


async def refusal(fetcher: Fetcher, url: str) -> FetchRefused:
    with pytest.raises(FetchRefused) as refused:
        await fetcher.fetch(url)
    return refused.value


def picture(data: bytes = JPEG, **headers: str) -> bytes:
    return raw("200 OK", data, **{"Content_Type": "image/jpeg", **headers})
