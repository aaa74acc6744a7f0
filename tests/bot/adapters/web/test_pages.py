"""The pages as they leave the server; `tests.end_to_end.test_page` looks at them in a browser."""

from __future__ import annotations

import re

from bot.vocabulary import Answer
from tests.bot.adapters.web.photos import a_photo
from tests.bot.adapters.web.site import Site
from tests.bot.adapters.web.visitor import Visitor

HTML = {"Accept": "text/html,*/*"}


async def test_pages_hold_nothing_inline_and_nothing_from_elsewhere(site: Site, visitor: Visitor) -> None:
    site.work()
    request_id = await visitor.sent()
    await visitor.finished(request_id)
    for path in ("/", "/mine", f"/r/{request_id}", "/nowhere"):
        page = (await visitor.get(path, headers=HTML)).body.decode()
        assert "<style" not in page
        assert not re.search(r"<script(?![^>]* src=)", page)
        assert not re.search(r"\s(style|on\w+)=", page)
        for address in re.findall(r"(?:src|href)=\"([^\"#]+)\"", page):
            assert address.startswith("/"), address
            assert (await visitor.get(address)).status == 200


async def test_static_files_may_be_kept_for_ever_under_an_address_of_their_content(visitor: Visitor) -> None:
    page = (await visitor.get("/")).body.decode()
    for address in re.findall(r"\"(/static/[0-9a-f]{16}/[^\"]+)\"", page):
        told = await visitor.get(address)
        assert told.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert (await visitor.get("/static/0000000000000000/chat.js")).status == 404


async def test_the_page_of_a_result_can_be_shared(site: Site, visitor: Visitor) -> None:
    site.work()
    request_id = await visitor.sent(a_photo(64, 48))
    [result] = (await visitor.finished(request_id))["results"]
    page = (await visitor.get(f"/r/{request_id}", headers=HTML)).body.decode()
    properties = dict(re.findall(r'<meta property="(og:[^"]+)" content="([^"]*)">', page))
    assert properties["og:image"] == site.url + result["url"]
    assert properties["og:url"] == f"{site.url}/r/{request_id}"
    assert (properties["og:image:width"], properties["og:image:height"]) == ("64", "48")
    assert properties["og:image:type"] == "image/jpeg"


async def test_only_its_owner_gets_a_page_to_change_it_with(site: Site, visitor: Visitor, stranger: Visitor) -> None:
    site.work()
    request_id = await visitor.sent()
    await visitor.finished(request_id)
    assert b"data-owned" in (await visitor.get(f"/r/{request_id}")).body
    assert b"data-owned" not in (await stranger.get(f"/r/{request_id}")).body


async def test_pages_of_unfinished_and_refused_requests_say_so(site: Site, visitor: Visitor) -> None:
    waiting = await visitor.sent()
    assert b"finished yet" in (await visitor.get(f"/r/{waiting}")).body
    site.work()
    refused = await visitor.sent(b"this is no photo")
    message = (await visitor.finished(refused))["refusal"]["message"]
    assert message.replace("'", "&#39;") in (await visitor.get(f"/r/{refused}")).body.decode()


async def test_dead_links_get_people_a_page_and_programs_a_problem(visitor: Visitor) -> None:
    told = await visitor.get("/r/nope", headers=HTML)
    assert told.status == 404
    assert told.headers["Content-Type"].startswith("text/html")
    assert (await visitor.get("/r/nope")).reason == "not_found"


async def test_ones_own_photos_are_on_a_page_of_their_own(site: Site, visitor: Visitor, stranger: Visitor) -> None:
    site.work()
    await visitor.get("/")
    ids = [await visitor.sent(), await visitor.sent(a_photo(), a_photo())]
    for one in ids:
        await visitor.finished(one)
    page = (await visitor.get("/mine")).body.decode()
    assert page.count('class="tile"') == 3
    assert all(f'href="/r/{one}"' in page for one in ids)
    assert 'class="tile"' not in (await stranger.get("/mine")).body.decode()


async def test_what_people_write_is_never_markup(site: Site, visitor: Visitor) -> None:
    request_id = await visitor.sent()
    entry = await site.parts.ledger.by_id(request_id)
    assert entry is not None
    assert not isinstance(entry.outcome, Answer)
    page = (await visitor.get("/r/%3Cscript%3Ealert(1)%3C%2Fscript%3E", headers=HTML)).body
    assert b"<script>alert" not in page
