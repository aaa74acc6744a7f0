"""What the chat shows while an answer is on its way, and when there is none. In a real browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Dialog, FilePayload, Page, Route, async_playwright, expect

from bot.settings import LimitSettings
from tests.bot.adapters.web.photos import a_photo
from tests.bot.adapters.web.site import Site, open_site
from tests.chromium import ARGUMENTS, chromium_path

expect.set_options(timeout=60_000)  # milliseconds


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    path = chromium_path()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield await browser.new_page()
        await browser.close()


async def send(page: Page, *photos: bytes) -> None:
    await page.wait_for_selector("#welcome:not([hidden]), .exchange", state="attached")  # it has asked what was before
    await page.set_input_files(
        "#files",
        [
            FilePayload(name=f"photo-{index}.jpg", mimeType="image/jpeg", buffer=photo)
            for index, photo in enumerate(photos or [a_photo()])
        ],
    )


async def test_while_the_worker_warms_up_the_page_says_so_and_takes_photos(site: Site, page: Page) -> None:
    site.worker.ready = False
    site.work()
    await page.goto(site.url)
    await expect(page.locator("#warming")).to_be_visible()
    await send(page)
    await expect(page.locator(".reply-words")).to_have_text("Getting ready…")
    site.worker.ready = True
    await expect(page.get_by_role("slider")).to_be_visible()
    await expect(page.locator("#warming")).to_be_hidden()


async def test_a_waiting_photo_shows_its_place_then_the_work_then_the_answer(site: Site, page: Page) -> None:
    site.worker.gate.clear()
    await page.goto(site.url)
    await send(page, a_photo(), a_photo(80, 60))
    words = page.locator(".reply-words")
    await expect(words).to_have_text(["You’re next.", "You’re 2nd in line."])
    await expect(page.locator(".developing img")).to_have_count(2)
    site.work()
    await expect(words).to_have_text(["Finding the colours…", "Finding the colours…"])
    await expect(page.locator("#live")).to_have_text("Finding the colours…")
    site.worker.gate.set()
    await expect(page.get_by_role("slider")).to_have_count(2)
    await expect(page.locator("#live")).to_have_text("Your photo is ready.")
    await expect(page.locator(".developing:visible")).to_have_count(0)


@pytest.mark.parametrize("last", ["what was asked before", "the answer to the photo"])
async def test_a_photo_sent_before_the_page_knows_what_was_asked_is_shown_once(
    site: Site, page: Page, last: str
) -> None:
    site.work()
    await page.goto(site.url)
    await send(page, a_photo(80, 60))
    sliders = page.locator("#conversation").get_by_role("slider")
    await expect(sliders).to_have_count(1)
    taken, shown = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        if route.request.method == "POST":
            answer = await route.fetch()
            taken.set()
            await (taken if last == "what was asked before" else shown).wait()
            await route.fulfill(response=answer)
        else:
            await (shown if last == "what was asked before" else taken).wait()
            await route.continue_()

    await page.route("**/api/requests", hold)
    await page.reload()
    await page.set_input_files("#files", [FilePayload(name="new.jpg", mimeType="image/jpeg", buffer=a_photo(60, 80))])
    await expect(page.locator("#conversation [data-id]")).to_have_count(1 if last == "what was asked before" else 2)
    shown.set()
    await expect(sliders).to_have_count(2)
    await expect(page.locator("#conversation > *")).to_have_count(2)
    widths = await page.locator("#conversation .asked-photos img").evaluate_all("all => all.map(i => i.naturalWidth)")
    assert widths == [80, 60], "what is new is below"


async def test_reloading_in_the_middle_loses_nothing(site: Site, page: Page) -> None:
    site.worker.gate.clear()
    site.work()
    await page.goto(site.url)
    await send(page)
    await expect(page.locator(".reply-words")).to_have_text("Finding the colours…")
    await page.reload()
    await expect(page.locator(".reply-words")).to_have_text("Finding the colours…")
    site.worker.gate.set()
    await expect(page.get_by_role("slider")).to_be_visible()


async def test_the_kind_of_photo_is_said(site: Site, page: Page) -> None:
    site.work()
    await page.goto(site.url)
    sentences = {
        "gray": "A black-and-white photo.",
        "tinted": "A toned photo, as sepia prints are.",
        "color": "This photo was already in colour.",
    }
    for kind, sentence in sentences.items():
        site.worker.input = kind
        await send(page)
        await expect(page.locator(".kind", has_text=sentence)).to_be_visible()


async def test_a_photo_that_was_turned_away_can_be_sent_again(tmp_path: Path, page: Page) -> None:
    async with open_site(tmp_path, limits=LimitSettings(queue_size=1)) as site:
        await page.goto(site.url)
        await send(page, a_photo(), a_photo(80, 60))
        await expect(page.locator(".reply-words").last).to_contain_text("please try again in a few minutes")
        site.work()
        await expect(page.get_by_role("slider")).to_have_count(1)
        await page.get_by_role("button", name="Try again").click()
        await expect(page.get_by_role("slider")).to_have_count(2)


async def test_a_bot_that_is_away_is_told_and_the_photo_kept(site: Site, page: Page) -> None:
    site.work()
    await page.goto(site.url)
    await expect(page.get_by_role("slider")).to_be_visible()
    await page.context.set_offline(True)
    await send(page)
    await expect(page.locator(".reply-words")).to_contain_text("I can’t be reached right now.")
    await page.context.set_offline(False)
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator("#conversation").get_by_role("slider")).to_be_visible()


async def test_what_is_deleted_in_one_window_goes_from_the_other(site: Site, page: Page) -> None:
    await page.goto(site.url)
    await send(page)
    exchange = page.locator(".exchange[data-id]")
    await expect(exchange).to_be_visible()
    await site.parts.intake.withdraw(await exchange.get_attribute("data-id") or "")
    await expect(exchange).to_have_count(0)
    await expect(page.locator("#welcome")).to_be_visible()


async def test_a_page_shared_too_early_shows_the_answer_by_itself(site: Site, page: Page) -> None:
    await page.goto(site.url)
    await send(page)
    exchange = page.locator(".exchange[data-id]")
    await page.goto(f"{site.url}/r/{await exchange.get_attribute('data-id')}")
    await expect(page.locator("#waiting")).to_be_visible()
    site.work()
    await expect(page.get_by_role("slider")).to_be_visible()


async def test_when_there_is_no_comparison_the_photo_is_shown_nevertheless(site: Site, page: Page) -> None:
    site.work()
    await page.goto(site.url)
    await page.route("**/compare-0.jpg", lambda route: route.fulfill(status=503))
    await send(page)
    await expect(page.locator(".kind:visible")).to_contain_text("The comparison can’t be shown just now")
    await expect(page.locator("#conversation .after img")).to_have_class("shown")
    await expect(page.get_by_role("slider")).to_be_hidden()
    await expect(page.get_by_role("link", name="Download")).to_be_visible()


async def test_a_proxys_error_does_not_end_the_watching(site: Site, page: Page) -> None:
    await page.route("**/api/events*", lambda route: route.fulfill(status=502), times=1)
    await page.goto(site.url)
    async with page.expect_response(lambda answer: answer.status == 502):
        await send(page)
    site.work()
    await expect(page.locator("#conversation").get_by_role("slider")).to_be_visible()


async def test_a_link_whose_answer_got_lost_is_sent_again_under_the_same_key(site: Site, page: Page) -> None:
    async def get_lost(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await page.goto(site.url)
    await expect(page.locator("#welcome")).to_be_visible()
    await page.route("**/api/requests", get_lost, times=1)
    await page.get_by_role("textbox").fill("https://example.org/photo.jpg")
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.locator(".reply-words").last).to_have_text("You’re next.")
    assert len(site.parts.queue) == 1


async def test_a_link_keeps_the_brackets_that_it_opened(site: Site, page: Page) -> None:
    await page.goto(site.url)
    await expect(page.locator("#welcome")).to_be_visible()
    await page.get_by_role("textbox").fill("(see https://example.org/Killarney_(1910)), please!")
    async with page.expect_request("**/api/requests") as sent:
        await page.keyboard.press("Enter")
    assert (await sent.value).post_data_json == {"url": "https://example.org/Killarney_(1910)"}


async def test_what_is_too_large_is_not_sent_at_all(tmp_path: Path, page: Page) -> None:
    async with open_site(tmp_path, limits=LimitSettings(max_upload_bytes=100)) as site:
        posts: list[str] = []
        page.on("request", lambda request: posts.append(request.method) if request.method == "POST" else None)
        await page.goto(site.url)
        await send(page)
        await expect(page.locator(".reply-words")).to_contain_text("larger than I can take")
        assert posts == []


async def test_what_a_proxy_finds_too_large_is_told_so(site: Site, page: Page) -> None:
    await page.goto(site.url)
    await expect(page.locator("#welcome")).to_be_visible()
    await page.route("**/api/requests", lambda route: route.fulfill(status=413, body="<h1>413</h1>"))
    await send(page)
    await expect(page.locator(".reply-words")).to_contain_text("larger than I can take")


async def test_leaving_while_photos_are_on_their_way_is_asked_about(site: Site, page: Page) -> None:
    gate = asyncio.Event()

    async def hold(route: Route) -> None:
        await gate.wait()
        await route.continue_()

    await page.goto(site.url)
    await expect(page.locator("#welcome")).to_be_visible()
    await page.route("**/api/requests", hold)
    await send(page, a_photo(), a_photo(80, 60))
    await expect(page.locator(".reply-words")).to_have_text(["Sending…", "Sending…"])
    await page.locator("#text").click()  # browsers ask only where somebody has touched the page
    asked: list[str] = []

    async def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.dismiss()

    page.on("dialog", stay)
    await page.get_by_role("link", name="My photos").click(no_wait_after=True)
    gate.set()
    await expect(page.locator(".reply-words")).to_have_text(["You’re next.", "You’re 2nd in line."])
    await page.get_by_role("link", name="My photos").click()
    await expect(page.get_by_role("heading", name="My photos")).to_be_visible()
    assert asked == ["beforeunload"]


async def test_what_was_refused_can_be_deleted(site: Site, page: Page) -> None:
    site.work()
    await page.goto(site.url)
    await send(page, b"no photo at all")
    await page.locator("#conversation").get_by_role("button", name="Delete").click()
    await expect(page.locator(".exchange")).to_have_count(0)
    assert site.folders() == []


async def test_a_deleted_photo_can_be_seen_where_it_was_asked_for_again(site: Site, page: Page) -> None:
    site.work()
    await page.goto(site.url)
    await send(page)
    await page.get_by_role("button", name="More vivid").click()
    await expect(page.locator("#conversation").get_by_role("slider")).to_have_count(2)
    await page.get_by_role("button", name="Delete").first.click()
    await page.locator("#conversation [data-do=really]").first.click()
    await expect(page.locator(".exchange")).to_have_count(1)
    await page.get_by_role("button", name="Softer").click()
    await expect(page.locator("#conversation").get_by_role("slider")).to_have_count(2)
    await expect(page.locator(".asked-photos img.shown")).to_have_count(2)


async def test_photos_of_long_ago_are_loaded_when_somebody_looks(site: Site, page: Page) -> None:
    site.work()
    await page.goto(site.url)
    await send(page, *(a_photo(60 + index, 60) for index in range(16)))
    await expect(page.locator("#conversation").get_by_role("slider")).to_have_count(16)
    loaded: list[str] = []
    page.on("requestfinished", lambda request: loaded.append(request.url))
    await page.reload()
    await expect(page.locator("#conversation .compare").last).to_contain_class("ready")
    await page.wait_for_load_state("networkidle")
    assert len({url for url in loaded if "/results/" in url or "/photos/" in url}) < 36
    await page.locator(".exchange").first.scroll_into_view_if_needed()
    await expect(page.locator("#conversation .compare").first).to_contain_class("ready")


async def test_a_long_name_stays_in_its_box(site: Site, page: Page) -> None:
    await page.goto(site.url)
    name = "a photo with a name that never ends " * 6
    await page.set_input_files("#files", [FilePayload(name=name, mimeType="image/heic", buffer=b"as phones take them")])
    box, reply = page.locator(".unshown"), page.locator(".reply-state")
    await expect(box).to_be_visible()
    assert await box.evaluate("(node) => node.scrollHeight <= node.clientHeight")
    above, below = await box.bounding_box(), await reply.bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] + above["height"] <= below["y"]


async def test_results_can_be_seen_without_scripts(site: Site, page: Page) -> None:
    site.work()
    await page.goto(site.url)
    await send(page)
    await expect(page.locator("#conversation").get_by_role("slider")).to_be_visible()
    assert page.context.browser is not None
    plain = await page.context.browser.new_context(
        java_script_enabled=False, storage_state=await page.context.storage_state()
    )
    there = await plain.new_page()
    await there.goto(f"{site.url}/mine")
    await expect(there.locator(".tile noscript img")).to_be_visible()
    await there.locator(".tile a").click()
    await expect(there.locator("noscript img")).to_be_in_viewport(ratio=1)
    await expect(there.get_by_role("button")).to_have_count(0)
