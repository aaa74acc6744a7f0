import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.fetching.pages import PAGE_BYTES, picture_link


@pytest.mark.parametrize(
    ("html", "picture"),
    [
        (
            '<meta property="og:image" content="https://example.org/a.jpg?w=1&amp;h=2">',
            "https://example.org/a.jpg?w=1&h=2",
        ),
        ("<META CONTENT=/a.jpg PROPERTY='OG:Image'/>", "/a.jpg"),
        ('<meta name="og:image" content="/a.jpg">', "/a.jpg"),
        ('<meta name="twitter:image" content="/a.jpg">', "/a.jpg"),
        ('<meta property="twitter:image:src" content=" /a.jpg ">', "/a.jpg"),
        ('<meta property="og:image:secure_url" content="/a.jpg">', "/a.jpg"),
        ('<link rel="preload image_src" href="/a.jpg">', "/a.jpg"),
        (
            "<link rel=image_src href=/c><meta name=twitter:image content=/b><meta property=og:image content=/a>",
            "/a",
        ),
        ('<meta property="og:image" content="/a"><meta property="og:image" content="/b">', "/a"),
        (
            '<meta property="og:image"><meta property="og:image" content=""><meta name="twitter:image" content="/b">',
            "/b",
        ),
        ('<meta property="og:image" content="/a"><![<![', "/a"),
        ('<meta property="og:image" content="/a"><meta content="&#' + "9" * 5000 + ';">', "/a"),
        ('<body><p><meta property="og:image" content="/a">', "/a"),
        ('<!-- <meta property="og:image" content="/a"> -->', None),
        ('<script>"<meta property=og:image content=/a>"</script>', None),
        ('<meta property="og:image" content="/cut', None),
        ('<meta property="og:title" content="/a"><link rel="icon" href="/b"><img src="/c">', None),
        ("", None),
    ],
)
def test_the_picture_that_a_page_names(html: str, picture: str | None) -> None:
    assert picture_link(html) == picture


@given(
    st.lists(
        st.sampled_from(
            ["<", ">", "meta ", "!--", "![", "</", "script", "&#", "9", "'", '"', "=", " ", "?", "/", "a", "["]
        )
    ).map("".join)
)
def test_no_page_breaks_it(html: str) -> None:
    picture_link(html)


@pytest.mark.parametrize(
    "piece", ["<", "<a", "<a ", "<a b='", "<!--", "</", "<!", "<?", "&#", "<script>", "<meta content="]
)
def test_hostile_pages_take_no_quadratic_time(piece: str) -> None:
    started = time.process_time()
    picture_link((piece * PAGE_BYTES)[:PAGE_BYTES])
    assert time.process_time() - started < 5
