"""The page in a real browser, before a real bot with its real model: what people do, and what they see."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import Browser, FilePayload, Page, expect

from tests.end_to_end.browsing import WAIT_MILLISECONDS, Visit, chroma, photo, send, settle, sliders
from tests.end_to_end.photos import gray_photo, size_of
from tests.end_to_end.running_bot import RunningBot

DROP = """([data, type, events]) => {
  const transfer = new DataTransfer();
  if (data) {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    transfer.items.add(new File([bytes], "grandmother.jpg", { type }));
  }
  for (const event of events) {
    document.body.dispatchEvent(new DragEvent(event, { dataTransfer: transfer, bubbles: true, cancelable: true }));
  }
}"""
PASTE = """([data]) => {
  const transfer = new DataTransfer();
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  transfer.items.add(new File([bytes], "image.png", { type: "image/jpeg" }));
  const how = { clipboardData: transfer, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new ClipboardEvent("paste", how));
}"""


def test_a_newcomer_sees_at_once_what_the_bot_does(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    example = page.locator("#welcome").get_by_role("slider")
    expect(example).to_be_visible()
    expect(page.locator("#welcome .before img")).to_have_class("left-half shown")


def test_a_dropped_photo_becomes_a_slider_and_is_still_there_after_reloading(page: Page) -> None:
    picture = _encoded(gray_photo(320, 240))
    page.evaluate(DROP, [picture, "image/jpeg", ["dragenter", "dragover"]])
    expect(page.locator("#veil")).to_be_visible()
    page.evaluate(DROP, [picture, "image/jpeg", ["drop"]])
    expect(page.locator("#veil")).to_be_hidden()
    expect(page.get_by_alt_text("grandmother.jpg")).to_be_visible()
    expect(sliders(page)).to_be_visible(timeout=WAIT_MILLISECONDS)
    expect(page.locator("#conversation")).to_contain_text("A black-and-white photo.")
    expect(page.locator("#welcome")).to_be_hidden()

    page.reload()
    expect(sliders(page)).to_be_visible(timeout=WAIT_MILLISECONDS)
    expect(page.locator(".asked-photos img")).to_be_visible()


def test_the_slider_shows_gray_at_one_end_and_colour_at_the_other(page: Page) -> None:
    send(page)
    settle(page)
    slider, compare = sliders(page), page.locator("#conversation .compare")
    slider.press("End")
    gray = chroma(compare.locator(".before"))
    slider.press("Home")
    assert gray < 1.5
    assert chroma(compare.locator(".after")) > gray + 2


def test_the_slider_follows_the_mouse(page: Page) -> None:
    send(page)
    settle(page)
    box = page.locator("#conversation .compare").bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.8, middle, steps=4)
    page.mouse.up()
    expect(sliders(page)).to_have_attribute("aria-valuenow", "80")
    expect(sliders(page)).to_have_attribute("aria-valuetext", "80 % before, 20 % after")


def test_a_link_is_fetched(page: Page, album: str) -> None:
    page.get_by_role("textbox").fill(f"{album}/photo.jpg")
    page.get_by_role("button", name="Send").click()
    expect(sliders(page)).to_be_visible(timeout=WAIT_MILLISECONDS)
    page.reload()
    expect(page.locator(".asked-words")).to_have_text(f"{album}/photo.jpg")
    expect(sliders(page)).to_be_visible(timeout=WAIT_MILLISECONDS)


def test_the_bot_is_called_by_its_name(page: Page, album: str) -> None:
    page.get_by_role("textbox").fill(f"colorizebot {album}/photo.jpg, please!")
    page.get_by_role("textbox").press("Enter")
    expect(sliders(page)).to_be_visible(timeout=WAIT_MILLISECONDS)


def test_other_words_are_answered_kindly(page: Page) -> None:
    page.get_by_role("textbox").fill("Hello, who are you?")
    page.get_by_role("textbox").press("Enter")
    expect(page.locator(".reply-words")).to_contain_text("Hello! Colouring photos is all I can do")


def test_a_pasted_photo_is_taken(page: Page) -> None:
    page.evaluate(PASTE, [_encoded(gray_photo(200, 160, seed=4))])
    expect(sliders(page)).to_be_visible(timeout=WAIT_MILLISECONDS)


def test_several_photos_at_once_are_answered_each(page: Page) -> None:
    send(page, *(photo(240 + 40 * index, 200, seed=index, name=f"photo-{index}.jpg") for index in range(4)))
    expect(page.locator(".asked-photos img")).to_have_count(4)
    page.reload()
    expect(page.locator("#conversation .compare")).to_have_count(4, timeout=WAIT_MILLISECONDS)


def test_what_is_no_photo_is_refused_in_one_kind_sentence(page: Page) -> None:
    page.set_input_files("#files", FilePayload(name="notes.jpg", mimeType="image/jpeg", buffer=b"just some text"))
    expect(page.locator(".reply-words")).to_contain_text("isn't a picture; please", timeout=WAIT_MILLISECONDS)
    expect(page.locator(".asked-photos")).to_have_text("notes.jpg")
    assert sliders(page).count() == 0


def test_deleting_asks_first_and_then_deletes_for_good(page: Page) -> None:
    send(page)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Keep").click()
    expect(sliders(page)).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete").click()
    expect(sliders(page)).to_have_count(0)
    expect(page.locator("#welcome")).to_be_visible()
    page.goto("/mine")
    expect(page.locator("#none")).to_be_visible()


def test_more_vivid_is_another_answer_with_stronger_colours(page: Page) -> None:
    send(page)
    settle(page)
    page.get_by_role("button", name="More vivid").click()
    expect(sliders(page)).to_have_count(2, timeout=WAIT_MILLISECONDS)
    settle(page)
    expect(page.locator(".asked-words").last).to_have_text("More vivid, please (130 %)")
    for slider in sliders(page).all():
        slider.press("Home")
    first, second = page.locator("#conversation .compare").all()
    assert chroma(second) > chroma(first) * 1.1


def test_side_by_side_shows_both_at_once(page: Page) -> None:
    send(page, photo(320, 240))
    settle(page)
    button = page.get_by_role("button", name="Side by side")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    before, after = page.locator("#conversation .before"), page.locator("#conversation .after")
    left, right = before.bounding_box(), after.bounding_box()
    assert left is not None
    assert right is not None
    assert left["x"] + left["width"] <= right["x"]
    assert abs(left["width"] - right["width"]) <= 1
    assert chroma(after) > chroma(before) + 2
    with page.expect_download() as both:
        page.get_by_role("link", name="Download").click()
    assert size_of(Path(both.value.path()).read_bytes()) == ("JPEG", (640, 240))


def test_the_download_has_the_photos_full_size(page: Page) -> None:
    send(page, photo(1201, 803))
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "recolored-1.jpg"
    assert size_of(Path(download.value.path()).read_bytes()) == ("JPEG", (1201, 803))


def test_a_shared_link_shows_others_the_slider_but_no_way_to_delete(visit: Visit) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    send(page)
    page.clock.install()
    page.clock.pause_at(datetime.now() + timedelta(minutes=1))  # it is said for a moment only
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    page.clock.run_for(5000)
    expect(page.get_by_role("button", name="Share")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")

    friend = visit()
    friend.goto(link)
    expect(friend.get_by_role("slider")).to_be_visible()
    expect(friend.get_by_role("link", name="Download")).to_be_visible()
    expect(friend.get_by_role("button", name="Delete")).to_have_count(0)
    page.goto(link)
    expect(page.get_by_role("button", name="Delete")).to_be_visible()


def test_ones_own_photos_are_in_a_gallery(page: Page) -> None:
    send(page, photo(320, 240), photo(200, 300, seed=2))
    page.get_by_role("link", name="My photos").click()
    tiles = page.locator(".tile")
    expect(tiles).to_have_count(2)
    expect(tiles.locator("img.shown")).to_have_count(2)
    tiles.first.hover()
    tiles.first.get_by_role("button").click()
    tiles.first.get_by_role("button", name="Really delete").click()
    expect(tiles).to_have_count(1)
    tiles.get_by_role("link").click()
    expect(page.get_by_role("slider")).to_be_visible()


def test_a_dead_link_is_told_kindly(served_bot: RunningBot, browser: Browser) -> None:
    context = browser.new_context(base_url=served_bot.url)
    page = context.new_page()
    answer = page.goto("/r/nothing-is-here")
    assert answer is not None
    assert answer.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text("There is nothing here.")
    context.close()


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
