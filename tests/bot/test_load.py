"""A load test: its photos are other files that look like those they were made from, and it takes any answer."""

import io
from pathlib import Path

import aiohttp
import pillow_heif
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from PIL import Image
from rich.console import Console

from bot.commands.load import load
from bot.load import Visitor, photos_in, varied
from bot.load.visitor import Declined, Taken
from bot.orders import Load
from bot.problems import OperatorError

pillow_heif.register_heif_opener()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "TIFF"])
def test_a_varied_photo_is_another_file_that_looks_the_same(name: str) -> None:
    buffer = io.BytesIO()
    Image.effect_noise((64, 48), 60).convert("RGB").save(buffer, name)
    photo = buffer.getvalue()
    first, second = varied(photo), varied(photo)
    assert len({photo, first, second}) == 3
    seen = [Image.open(io.BytesIO(data)).convert("RGB").tobytes() for data in (photo, first, second)]
    assert seen[0] == seen[1] == seen[2]


async def test_whoever_is_told_to_come_later_in_other_words_comes_soon() -> None:
    async def busy(_: web.Request) -> web.Response:
        return web.Response(
            status=503, headers={"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, text="a proxy's words"
        )

    app = web.Application()
    app.router.add_post("/api/requests", busy)
    async with TestServer(app) as server, aiohttp.ClientSession(server.make_url("/")) as session:
        with pytest.raises(Declined) as declined:
            await Visitor(session).send(b"photo")
    assert (declined.value.reason, declined.value.retry_after) == ("HTTP 503", 1.0)


async def test_whoever_else_answers_while_the_bot_is_restarted_is_not_believed() -> None:
    proxy = (404, "default backend - 404")
    answers = iter([proxy, (200, 'data: {"state": "answered"}\n\n'), proxy, (204, "")])

    async def answer(_: web.Request) -> web.Response:
        status, text = next(answers)
        return web.Response(status=status, text=text)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server, aiohttp.ClientSession(server.make_url("/")) as session:
        visitor, taken = Visitor(session), Taken("id", "token")
        assert await visitor.wait(taken) == {"state": "answered"}
        assert await visitor.delete(taken)


@pytest.mark.parametrize("address", ["http://[::1", "http://bot:99999", "bot", "ftp://bot"])
async def test_what_is_no_address_is_said(address: str) -> None:
    with pytest.raises(OperatorError, match="is no address of a page"):
        await load(Console(), Load(address, 1, None, 1.0, None, as_json=False))


def test_photos_come_from_a_folder_by_name_and_nothing_else_does(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.png", "notes.txt"):
        (tmp_path / name).write_text(name)
    assert photos_in(tmp_path) == [b"a.png", b"b.JPG"]
    assert len(photos_in(None)) == 1
