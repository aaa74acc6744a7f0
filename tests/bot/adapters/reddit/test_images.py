from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.adapters.reddit import wording
from bot.adapters.reddit.images import (
    Found,
    StillProcessing,
    in_comments,
    in_submission,
    in_summons,
    in_text,
    submission_linked,
)
from bot.adapters.reddit.things import Comment
from bot.vocabulary import Refusal
from tests.bot.adapters.reddit.conftest import recorded

PHOTO = "https://i.redd.it/grandma.jpg"
NATIVE = {
    "abc123": {
        "status": "valid",
        "e": "Image",
        "m": "image/jpg",
        "s": {"u": "https://preview.redd.it/abc123.jpg?s=1&amp;w=2"},
    }
}
OWN = "ColorizeBot"


def comment(body: str, *, name: str = "t1_a", author: str = "ann", media: Any = None) -> Comment:
    return Comment(
        fullname=name,
        author=author,
        body=body,
        created=datetime.now(UTC),
        parent="t3_p",
        submission="t3_p",
        subreddit="pics",
        permalink="/r/pics/comments/p/title/a/",
        media=media or {},
    )


def submission(**about: Any) -> dict[str, Any]:
    return {"is_self": False, "url": "https://www.reddit.com/r/pics/comments/p/", **about}


# The summons itself


def test_a_picture_beside_the_name():
    assert in_summons(comment(f"colorizebot {PHOTO}")) == Found((PHOTO,))
    assert in_summons(comment(f"colorizebot [this]({PHOTO}) please")) == Found((PHOTO,))


def test_pictures_come_before_pages():
    assert in_summons(comment(f"colorizebot https://example.org/story and {PHOTO}")) == Found((PHOTO,))


def test_any_page_beside_the_name_is_meant():
    assert in_summons(comment("colorizebot https://example.org/story")) == Found(("https://example.org/story",))


def test_a_native_picture_is_taken_once_and_unescaped():
    native = Found(("https://preview.redd.it/abc123.jpg?s=1&w=2",))
    assert in_summons(comment("colorizebot\n\n![img](abc123)", media=NATIVE)) == native
    asked = comment("colorizebot", name="t1_b")
    above = comment("look: https://preview.redd.it/abc123.jpg?s=1&w=2", media=NATIVE)
    assert in_comments([asked, above], OWN, {}) == native


def test_native_pictures_in_the_order_of_the_text():
    media = {name: {"e": "Image", "s": {"u": f"https://preview.redd.it/{name}.jpg"}} for name in ("one", "two")}
    found = in_summons(comment("colorizebot ![img](two) ![img](one)", media=media))
    assert found == Found(("https://preview.redd.it/two.jpg", "https://preview.redd.it/one.jpg"))


def test_an_animated_native_picture_has_a_gif():
    media = {"abc": {"e": "AnimatedImage", "s": {"gif": "https://i.redd.it/abc.gif", "mp4": "https://x/abc.mp4"}}}
    assert in_summons(comment("colorizebot", media=media)) == Found(("https://i.redd.it/abc.gif",))


@pytest.mark.parametrize(
    "quoted", [f"> {PHOTO}\n\ncolorizebot", f"colorizebot `{PHOTO}`", f"&gt; {PHOTO}\n\ncolorizebot"]
)
def test_quoted_pictures_are_not_meant(quoted: str):
    assert in_summons(comment(quoted)) is None


@pytest.mark.parametrize(
    ("url", "refusal"),
    [
        ("https://youtu.be/abc", wording.VIDEO),
        ("https://www.youtube.com/watch?v=abc", wording.VIDEO),
        ("https://v.redd.it/abc", wording.VIDEO),
        ("https://i.imgur.com/abc.gifv", wording.VIDEO),
        ("https://example.org/clip.mp4?x=1", wording.VIDEO),
        ("https://imgur.com/a/abc", wording.ALBUM),
        ("https://imgur.com/gallery/title-abc", wording.ALBUM),
    ],
)
def test_what_can_not_be_colored(url: str, refusal: Refusal):
    assert in_text(f"colorizebot {url}") == refusal
    assert in_submission(submission(url=url)) == refusal


def test_links_to_reddit_are_not_pages():
    assert in_text("as in https://www.reddit.com/r/pics/ and https://old.reddit.com/u/ann") is None


@pytest.mark.parametrize(
    ("url", "post"),
    [
        ("https://www.reddit.com/r/pics/comments/1abc/title/", "t3_1abc"),
        ("https://old.reddit.com/r/pics/comments/1abc", "t3_1abc"),
        ("https://www.reddit.com/gallery/1abc", "t3_1abc"),
        ("https://redd.it/1abc", "t3_1abc"),
        ("https://www.reddit.com/r/pics/", None),
        ("https://evil.example/r/pics/comments/1abc/", None),
        ("https://i.redd.it/1abc.jpg", None),
    ],
)
def test_posts_that_a_text_links_to(url: str, post: str | None):
    assert submission_linked(f"colorizebot {url}") == post


# The comments above


def test_the_nearest_picture_above_counts():
    chain = [
        comment("colorizebot", name="t1_c"),
        comment("wow", name="t1_b"),
        comment(f"mine: {PHOTO}", name="t1_a"),
        comment("https://i.redd.it/other.jpg", name="t1_z"),
    ]
    assert in_comments(chain, OWN, {}) == Found((PHOTO,))


def test_pages_and_videos_above_are_passed_by():
    chain = [comment("colorizebot"), comment("see https://example.org/story and https://youtu.be/abc")]
    assert in_comments(chain, OWN, {}) is None


def test_an_answer_of_the_bot_stands_for_its_photos():
    own = comment("the photo in colour: https://color.example/r/x.jpg", name="t1_own", author="colorizebot")
    chain = [comment("colorizebot vivid", name="t1_b"), own, comment("https://i.redd.it/other.jpg")]
    assert in_comments(chain, OWN, {"t1_own": (PHOTO,)}) == Found((PHOTO,))
    assert in_comments(chain, OWN, {}) == Found(("https://i.redd.it/other.jpg",))


# The post


def test_recorded_posts():
    assert in_submission(recorded("submission_image")) == Found((recorded("submission_image")["url"],))
    gif = in_submission(recorded("submission_image_gif"))
    assert isinstance(gif, Found)
    assert gif.links[0].endswith(".gif")


def test_a_recorded_gallery_in_its_own_order():
    post = recorded("submission_gallery")
    found = in_submission(post)
    assert isinstance(found, Found)
    ids = [item["media_id"] for item in post["gallery_data"]["items"]]
    assert [next(name for name in ids if name in url) for url in found.links] == ids
    assert all("&amp;" not in url for url in found.links)


def test_a_gallery_that_is_not_ready():
    post = recorded("submission_gallery")
    first = post["gallery_data"]["items"][0]["media_id"]
    post["media_metadata"][first] = {"status": "unprocessed"}
    with pytest.raises(StillProcessing):
        in_submission(post)


def test_a_gallery_with_a_failed_picture_goes_without_it():
    post = recorded("submission_gallery")
    first = post["gallery_data"]["items"][0]["media_id"]
    before = in_submission(post)
    post["media_metadata"][first] = {"status": "failed"}
    after = in_submission(post)
    assert isinstance(before, Found)
    assert isinstance(after, Found)
    assert after.links == before.links[1:]


@pytest.mark.parametrize("gallery", [None, {}, {"items": None}, {"items": [7, None, {"media_id": {}}]}])
def test_a_gallery_of_any_shape(gallery: object):
    assert in_submission(submission(is_gallery=True, gallery_data=gallery, media_metadata={})) is None


def test_a_crosspost_shows_what_its_parent_shows():
    assert in_submission(submission(crosspost_parent_list=[submission(url=PHOTO)])) == Found((PHOTO,))


def test_a_picture_of_any_host():
    assert in_submission(submission(url="http://127.0.0.1:8000/x.jpg")) == Found(("http://127.0.0.1:8000/x.jpg",))
    assert in_submission(submission(url="http://127.0.0.1:8000/x", post_hint="image")) == Found(
        ("http://127.0.0.1:8000/x",)
    )


def test_a_text_post_shows_its_pictures():
    text = submission(is_self=True, selftext=f"This is her: {PHOTO} (see https://example.org)")
    assert in_submission(text) == Found((PHOTO,))


def test_a_page_has_its_preview_in_reserve():
    preview = {"images": [{"source": {"url": "https://external-preview.redd.it/x.jpg?a=1&amp;s=2"}}]}
    found = in_submission(submission(url="https://example.org/story", preview=preview))
    assert found == Found(("https://example.org/story",), instead=("https://external-preview.redd.it/x.jpg?a=1&s=2",))


def test_a_video_is_no_picture_although_it_has_a_preview():
    preview = {"images": [{"source": {"url": "https://external-preview.redd.it/x.jpg"}}]}
    assert in_submission(submission(is_video=True, url="https://v.redd.it/x", preview=preview)) == wording.VIDEO


def test_a_post_without_pictures():
    assert in_submission(submission(is_self=True, selftext="What do you think?")) is None
    assert in_submission({}) is None
