"""A worker without a model: it answers as the contract says, with pictures that can be told from the originals."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

from aiohttp import web
from PIL import Image, ImageOps

from inference.problems import PROBLEM_MEDIA_TYPE, NotAnImage, Problem
from inference.vocabulary import HEIGHT_HEADER, INPUT_HEADER, MODEL_HEADER, WIDTH_HEADER, Layout, RecolorOptions

_SKY, _GROUND = (120, 160, 235), (205, 150, 90)


class PaintingWorker:
    """Gives every photo a blue top and a brown bottom, once ``gate`` is open and when ``ready``."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.ready = True
        self.input = "gray"
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=2**30)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_post("/v1/recolor", self._recolor)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.UnixSite(self._runner, str(self.socket)).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _readyz(self, _request: web.Request) -> web.Response:
        return web.Response(status=200 if self.ready else 503)

    async def _recolor(self, request: web.Request) -> web.Response:
        self.asked += 1
        photo, options = await request.read(), RecolorOptions.from_query(request.query)
        await self.gate.wait()
        try:
            data, width, height = await asyncio.to_thread(_paint, photo, options)
        except OSError:
            return _problem(NotAnImage())
        headers = {
            MODEL_HEADER: "painting-0011aabb",
            INPUT_HEADER: self.input,
            WIDTH_HEADER: str(width),
            HEIGHT_HEADER: str(height),
        }
        return web.Response(body=data, content_type="image/jpeg", headers=headers)


def _paint(photo: bytes, options: RecolorOptions) -> tuple[bytes, int, int]:
    original = ImageOps.exif_transpose(Image.open(io.BytesIO(photo))).convert("RGB")
    luma = original.convert("L")
    tint = Image.new("RGB", (1, 2))
    tint.putdata([_SKY, _GROUND])
    chroma = tint.resize(original.size, Image.Resampling.BILINEAR).convert("YCbCr")
    planes = [plane.point(lambda value: round(128 + (value - 128) * options.vividness)) for plane in chroma.split()[1:]]
    painted = Image.merge("YCbCr", (luma, *planes)).convert("RGB")
    if options.layout is Layout.SIDE_BY_SIDE:
        both = Image.new("RGB", (2 * original.width, original.height))
        both.paste(original, (0, 0))
        both.paste(painted, (original.width, 0))
        painted = both
    file = io.BytesIO()
    painted.save(file, "JPEG", quality=88)
    return file.getvalue(), *original.size


def _problem(problem: Problem) -> web.Response:
    return web.json_response(problem.to_json(), status=problem.status, content_type=PROBLEM_MEDIA_TYPE)
