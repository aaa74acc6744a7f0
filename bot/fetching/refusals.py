"""Why a link is refused, and every sentence that people read about it."""

from enum import Enum, StrEnum


class Reason(StrEnum):
    """The stable words that the ledger and the API carry."""

    BAD_LINK = "bad_link"
    PRIVATE_ADDRESS = "private_address"
    TOO_MANY_REDIRECTS = "too_many_redirects"
    TOO_LARGE = "too_large"
    NOT_FOUND = "not_found"
    LINK_UNREACHABLE = "link_unreachable"
    LINK_TIMEOUT = "link_timeout"
    NOT_A_PICTURE = "not_a_picture"


class FetchRefused(Exception):  # noqa: N818 - a refusal is an answer, not an error
    """A link that won't be fetched.

    `reason` is one of `Reason`; `message` is one kind sentence for the person who posted the link. The message never
    holds an address that a name resolved to: that would tell strangers about the network the bot lives in.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class Cause(Enum):
    """What went wrong: its reason, and what to say; `raise Cause.GONE.refused()`."""

    NOT_A_LINK = (
        Reason.BAD_LINK,
        "I can't read that link, so please copy the picture's whole address, from http:// or https:// to the end.",
    )
    WITH_PASSWORD = (
        Reason.BAD_LINK,
        "That link carries a name or password before the @, so please send one that works without.",
    )
    UNUSUAL_PORT = (
        Reason.BAD_LINK,
        "That link has a port where no web page lives, so please send an ordinary web link or the picture itself.",
    )
    PRIVATE = (
        Reason.PRIVATE_ADDRESS,
        "That link points into a private network where I don't go, so please send the picture itself or a public link.",
    )
    TOO_MANY_REDIRECTS = (
        Reason.TOO_MANY_REDIRECTS,
        "That link is passed on too often, so please open it in a browser and send me the address where it ends.",
    )
    TOO_LARGE = (
        Reason.TOO_LARGE,
        "The picture behind that link is larger than {megabytes} MB, so please send a smaller version.",
    )
    GONE = (
        Reason.NOT_FOUND,
        "There is no picture at that link any more, so please check the address or send the picture itself.",
    )
    FORBIDDEN = (
        Reason.LINK_UNREACHABLE,
        "That site doesn't let me see the picture, so please save it and send me the picture itself.",
    )
    SITE_TROUBLE = (
        Reason.LINK_UNREACHABLE,
        "That site has trouble answering just now, so please try again in a while or send the picture itself.",
    )
    NO_SUCH_SITE = (
        Reason.LINK_UNREACHABLE,
        "I can't find a site of that name, so please check the link for a typing mistake.",
    )
    NO_CONNECTION = (
        Reason.LINK_UNREACHABLE,
        "I got no proper answer from that site, so please check the link, try again later or send the picture itself.",
    )
    TOO_SLOW = (
        Reason.LINK_TIMEOUT,
        "That site took too long to send the picture, so please try again later or send the picture itself.",
    )
    NO_PICTURE_ON_PAGE = (
        Reason.NOT_A_PICTURE,
        "I found no picture on that page, so please open the picture on its own and send me its address.",
    )
    NOT_A_PICTURE = (
        Reason.NOT_A_PICTURE,
        "That link leads to something other than a picture, so please open the picture itself and send its address.",
    )

    def __init__(self, reason: Reason, sentence: str) -> None:
        self.reason = reason
        self.sentence = sentence

    def refused(self, **facts: object) -> FetchRefused:
        """Return the exception to raise; `facts` fill the sentence's placeholders."""
        return FetchRefused(self.reason, self.sentence.format(**facts))
