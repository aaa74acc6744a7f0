"""What people see of photos that were kept for as long as the operator wants, and no longer."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.ledger import Retention
from bot.retention import Forgetting, Forgotten
from bot.retention_settings import RetentionSettings
from tests.bot.adapters.web.photos import a_photo
from tests.bot.adapters.web.site import Site
from tests.bot.adapters.web.visitor import Visitor

HTML = {"Accept": "text/html,*/*"}


async def forget_all_photos(site: Site) -> Forgotten:
    settings = RetentionSettings(result_days=1e-9)
    forgetting = Forgetting(Retention(site.parts.ledger.engine), site.parts.storage, lambda: settings, ["web"])
    return await forgetting.forget()


async def test_a_kind_page_says_that_a_photo_is_gone(site: Site, visitor: Visitor) -> None:
    site.work()
    request_id = await visitor.sent(a_photo(64, 48))
    [result] = (await visitor.finished(request_id))["results"]
    assert await forget_all_photos(site) == Forgotten(photos=1)
    assert site.folders() == []
    page = await visitor.get(f"/r/{request_id}", headers=HTML)
    assert page.status == 410
    assert "This photo is gone by now." in page.body.decode()
    for path in (f"/api/requests/{request_id}", f"/api/requests/{request_id}/photos/0", result["url"]):
        told = await visitor.get(path)
        assert (told.status, told.json["reason"]) == (410, "gone"), path
        assert "send it to me again" in told.json["detail"]
    assert (await visitor.get("/api/requests")).json == {"requests": []}
    assert request_id not in (await visitor.get("/mine", headers=HTML)).body.decode()


async def test_what_is_gone_can_not_be_asked_for_again_but_deleted_for_good(site: Site, visitor: Visitor) -> None:
    site.work()
    request_id = await visitor.sent(a_photo(64, 48))
    await visitor.finished(request_id)
    await forget_all_photos(site)
    again = await visitor.ask("POST", f"/api/requests/{request_id}/again", json={"vividness": 1.5})
    assert (again.status, again.json["reason"]) == (410, "gone")
    assert (await visitor.ask("DELETE", f"/api/requests/{request_id}")).status == 204
    assert (await visitor.get(f"/r/{request_id}", headers=HTML)).status == 404


async def test_what_waits_or_is_in_work_is_never_too_old(site: Site, visitor: Visitor) -> None:
    request_id = await visitor.sent(a_photo(64, 48))
    assert await forget_all_photos(site) == Forgotten()
    site.work()
    assert (await visitor.finished(request_id))["state"] == "answered"


async def test_photos_that_a_crash_spared_are_found(site: Site, visitor: Visitor) -> None:
    site.work()
    request_id = await visitor.sent(a_photo(64, 48))
    await visitor.finished(request_id)
    await Retention(site.parts.ledger.engine).expire("web", finished_before=datetime.now(UTC), limit=9)
    assert site.folders() == [request_id], "as if the bot had been killed right there"
    await site.parts.storage.save_input("an-upload-on-its-way", 0, b"...")
    assert await forget_all_photos(site) == Forgotten(photos=1)
    assert site.folders() == ["an-upload-on-its-way"]
