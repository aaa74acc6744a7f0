"""The page for everybody: by keyboard, on a phone, by day and night, without motion."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.end_to_end.browsing import WAIT_MILLISECONDS, Visit, photo, send, settle, sliders


def test_everything_goes_by_keyboard(page: Page) -> None:
    page.on("filechooser", lambda _: None)  # from now on, no window of the system's opens
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="colorizebot")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the message field")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_label("Choose photos", exact=True)).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files([photo()])
    expect(sliders(page)).to_be_visible(timeout=WAIT_MILLISECONDS)
    settle(page)

    page.keyboard.press("Shift+Tab")  # from the field below, back through the buttons of the answer
    expect(page.get_by_role("button", name="Delete")).to_be_focused()
    for _ in range(6):
        page.keyboard.press("Shift+Tab")
    expect(sliders(page)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(sliders(page)).to_have_attribute("aria-valuenow", "52")
    page.keyboard.press("Home")
    expect(sliders(page)).to_have_attribute("aria-valuenow", "0")

    for _ in range(6):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(sliders(page)).to_have_count(0)
    expect(page.get_by_role("textbox")).to_be_focused()


def test_a_phone_shows_everything_without_scrolling_sideways(visit: Visit) -> None:
    page = visit(viewport={"width": 360, "height": 740}, is_mobile=True, has_touch=True, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    send(page, photo(900, 500))
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    for target in page.locator("#conversation .actions:visible .button, .composer button, .composer .round").all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
    box = page.locator("#conversation .compare").bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] / 4, box["y"] + 30)
    expect(sliders(page)).to_have_attribute("aria-valuenow", re.compile("^2[456]$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_can_be_read_by_day_and_by_night(visit: Visit, scheme: str) -> None:
    page = visit(color_scheme=scheme)
    send(page)
    paper = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (_luminance(paper) > 0.5) == (scheme == "light")
    for selector in (".kind", ".fine", ".top nav a", "#text", ".actions .button:not(.button-strong)"):
        ink = page.locator(selector).first.evaluate("(node) => getComputedStyle(node).color")
        assert _contrast(ink, paper) >= 4.5, selector
    strong = page.locator("#conversation .button-strong").first.evaluate(
        "(node) => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"
    )
    assert _contrast(*strong) >= 4.5


def test_nothing_moves_by_itself_for_those_who_cannot_bear_it(visit: Visit) -> None:
    page = visit(reduced_motion="reduce")
    page.set_input_files("#files", [photo()])
    expect(sliders(page)).to_be_visible(timeout=WAIT_MILLISECONDS)
    expect(sliders(page)).to_have_attribute("aria-valuenow", "50")
    assert page.evaluate("document.getAnimations().length") == 0


def test_nothing_jumps_while_the_page_loads(page: Page) -> None:
    send(page, photo(800, 600), photo(500, 700, seed=3))
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver((list) => {"
        "for (const entry of list.getEntries()) window.shift += entry.value;"
        "}).observe({ type: 'layout-shift', buffered: true });"
    )
    page.reload()
    expect(page.locator("#conversation .compare.ready")).to_have_count(2, timeout=WAIT_MILLISECONDS)
    page.wait_for_timeout(300)
    assert page.evaluate("window.shift") < 0.1


def _channels(color: str) -> list[float]:
    return [float(value) / 255 for value in color[color.index("(") + 1 : -1].split(",")[:3]]


def _luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in _channels(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(one: str, other: str) -> float:
    lighter, darker = sorted([_luminance(one), _luminance(other)], reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
