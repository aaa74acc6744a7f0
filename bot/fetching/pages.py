"""The picture that an HTML page says it is about."""

import logging
from html.parser import HTMLParser

_log = logging.getLogger(__name__)

PAGE_BYTES = 512 * 1024

# In order of preference; https://ogp.me and https://developer.x.com/en/docs/x-for-websites/cards.
_META = ("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src")
_LINK = "image_src"
_PREFERENCE = (*_META, _LINK)


def picture_link(html: str) -> str | None:
    """Return the address of the page's own picture as the page writes it (it may be relative), or None.

    >>> picture_link('<meta property="og:image" content="/photo.jpg">')
    '/photo.jpg'
    """
    page = _PictureTags()
    try:
        # Never `close()`: it rescans an unfinished tail from every "<" in it, which takes quadratic time.
        page.feed(html)
    except (AssertionError, ValueError):
        # How html.parser gives up: on a malformed declaration, and on a character number of thousands of digits.
        # What the page said before that still counts.
        _log.debug("A page was readable only in part.", exc_info=True)
    return next((page.found[name] for name in _PREFERENCE if name in page.found), None)


class _PictureTags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: (value or "").strip() for name, value in attrs}
        if tag == "meta":
            for name in {values.get("property", "").lower(), values.get("name", "").lower()} & set(_META):
                self._remember(name, values.get("content", ""))
        elif tag == "link" and _LINK in values.get("rel", "").lower().split():
            self._remember(_LINK, values.get("href", ""))

    def _remember(self, name: str, link: str) -> None:
        if link:
            self.found.setdefault(name, link)
