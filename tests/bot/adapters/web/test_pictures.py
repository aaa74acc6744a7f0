"""The pictures as files: their types, their names, and how long browsers may keep them."""

from __future__ import annotations

import asyncio
import io

from PIL import Image

from tests.bot.adapters.web.photos import a_photo
from tests.bot.adapters.web.site import Site
from tests.bot.adapters.web.visitor import Visitor


async def test_results_are_kept_by_browsers_and_never_taken_for_anything_else(site: Site, program: Visitor) -> None:
    site.work()
    [result] = (await program.finished(await program.sent()))["results"]
    told = await program.get(result["url"])
    assert told.headers["Content-Type"] == "image/jpeg"
    assert told.headers["X-Content-Type-Options"] == "nosniff"
    assert told.headers["Content-Disposition"] == 'inline; filename="recolored-1.jpg"'
    assert told.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert Image.open(io.BytesIO(told.body)).size == (64, 48)


async def test_download_makes_the_browser_keep_a_file(site: Site, program: Visitor) -> None:
    site.work()
    [result] = (await program.finished(await program.sent()))["results"]
    told = await program.get(result["url"] + "?download")
    assert told.headers["Content-Disposition"] == 'attachment; filename="recolored-1.jpg"'
    told = await program.get(result["compare_url"] + "?download")
    assert told.headers["Content-Disposition"] == 'attachment; filename="side-by-side-1.jpg"'


async def test_the_comparison_shows_both_and_is_made_once(site: Site, program: Visitor) -> None:
    site.work()
    [result] = (await program.finished(await program.sent(a_photo(64, 48))))["results"]
    first, *others = await asyncio.gather(*(program.get(result["compare_url"]) for _ in range(4)))
    assert Image.open(io.BytesIO(first.body)).size == (128, 48)
    assert {other.body for other in others} == {first.body}
    assert site.worker.asked == 2


async def test_there_is_no_picture_before_the_answer(program: Visitor) -> None:
    request_id = await program.sent()
    for file in ("result-0.jpg", "compare-0.jpg", "compare-7.jpg", "input-0", "..%2Fledger.sqlite3"):
        told = await program.get(f"/results/{request_id}/{file}")
        assert (told.status, told.reason) == (404, "not_found")


async def test_nothing_but_results_is_served_as_a_result(site: Site, program: Visitor) -> None:
    site.work()
    request_id = await program.sent()
    await program.finished(request_id)
    for file in ("input-0", "result-1.jpg", "compare-1.jpg", "..%2F..%2Fledger.sqlite3"):
        assert (await program.get(f"/results/{request_id}/{file}")).status == 404


async def test_people_see_their_own_photo_as_it_came(visitor: Visitor) -> None:
    photo = a_photo(kind="PNG")
    request_id = await visitor.sent(photo)
    told = await visitor.get(f"/api/requests/{request_id}/photos/0")
    assert told.headers["Content-Type"] == "image/png"
    assert told.body == photo
    assert (await visitor.get(f"/api/requests/{request_id}/photos/1")).status == 404


async def test_what_browsers_might_run_is_not_served_at_all(visitor: Visitor) -> None:
    for file in (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", b"<!doctype html><script></script>"):
        request_id = await visitor.sent(file)
        assert (await visitor.get(f"/api/requests/{request_id}/photos/0")).status == 404


async def test_that_a_picture_is_missing_is_kept_by_no_browser(site: Site, program: Visitor) -> None:
    site.work()
    request_id = await program.sent()
    [result] = (await program.finished(request_id))["results"]
    site.parts.storage.path(request_id, "result-0.jpg").unlink()
    told = await program.get(result["url"])
    assert (told.status, told.reason) == (404, "not_found")
    assert "Cache-Control" not in told.headers
