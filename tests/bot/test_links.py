"""Where answers elsewhere say that results are."""

from pydantic import HttpUrl

from bot.links import Links


async def test_the_operators_address_counts_wherever_the_page_listens() -> None:
    links = Links(HttpUrl("https://colors.example/bot/"))
    links.served_at("http://127.0.0.1:8080")
    assert links.public
    assert links.known.is_set()
    assert links.page("abc") == "https://colors.example/bot/r/abc"
    assert links.compare("abc", 2) == "https://colors.example/bot/results/abc/compare-2.jpg"


async def test_without_one_it_is_known_once_the_page_is_served() -> None:
    links = Links(None)
    assert not links.public
    assert not links.known.is_set()
    links.served_at("http://127.0.0.1:8080")
    assert links.known.is_set()
    assert links.picture("abc", "result-0.jpg") == "http://127.0.0.1:8080/results/abc/result-0.jpg"
