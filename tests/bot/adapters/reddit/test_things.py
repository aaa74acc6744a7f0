from __future__ import annotations

import copy
from typing import Any

import pytest

from bot.adapters.reddit.things import Comment, Malformed, Message, children, read_item, read_page, read_thread
from tests.bot.adapters.reddit.conftest import recorded


def thing(kind: str, file: str, **changes: Any) -> dict[str, Any]:
    return {"kind": kind, "data": {**recorded(file), **changes}}


def listing(*things: object, after: str | None = None) -> dict[str, Any]:
    return {"kind": "Listing", "data": {"children": list(things), "after": after}}


def test_a_recorded_comment():
    comment = read_item(thing("t1", "comment_in_listing"))
    assert isinstance(comment, Comment)
    assert comment.fullname.startswith("t1_")
    assert comment.submission.startswith("t3_")
    assert comment.permalink.startswith("/r/")
    assert comment.author


def test_a_recorded_mention_carries_its_post_in_its_context_alone():
    mention = read_item(thing("t1", "inbox_mention"))
    assert isinstance(mention, Comment)
    assert "link_id" not in recorded("inbox_mention")
    assert f"/comments/{mention.submission.removeprefix('t3_')}/" in mention.permalink
    assert "?" not in mention.permalink


def test_a_recorded_message():
    message = read_item(thing("t4", "inbox_message"))
    assert isinstance(message, Message)
    assert message.fullname.startswith("t4_")


@pytest.mark.parametrize(
    "changes",
    [
        {"body": None},
        {"body": 7},
        {"created_utc": "yesterday"},
        {"created_utc": None},
        {"created_utc": 1e300},
        {"created_utc": True},
        {"name": None, "id": None},
        {"name": ["t1_abc"], "id": {}},
        {"link_id": None, "permalink": 3, "context": None},
    ],
)
def test_what_is_malformed_is_left_out_alone(changes: dict[str, Any]):
    page = read_page(listing(thing("t1", "comment_in_listing", **changes), thing("t1", "comment_in_listing")))
    assert len(page.items) == 1
    assert page.malformed == 1


@pytest.mark.parametrize("child", [None, 7, "t1", [], {}, {"kind": "t1"}, {"kind": "t1", "data": None}, {"data": {}}])
def test_children_of_any_shape_are_left_out(child: object):
    assert read_page(listing(child)).malformed == 1


@pytest.mark.parametrize("author", [None, "[deleted]", "", 7])
def test_whose_author_is_gone_is_gone(author: object):
    comment = read_item(thing("t1", "comment_in_listing", author=author))
    assert isinstance(comment, Comment)
    assert comment.author is None
    assert comment.gone


@pytest.mark.parametrize("answer", [None, "", 7, {}, [], {"kind": "Listing"}, {"data": {"children": {}}}, {"data": []}])
def test_what_is_no_listing_is_told_apart_from_an_empty_one(answer: object):
    with pytest.raises(Malformed):
        children(answer)
    with pytest.raises(Malformed):
        read_page(answer)
    with pytest.raises(Malformed):
        read_thread(answer)
    with pytest.raises(Malformed):
        read_thread([listing(thing("t3", "submission_image")), answer])


def test_a_thread_holds_its_comments_at_every_depth():
    top = thing("t1", "comment_in_thread", name="t1_a", id="a")
    below = copy.deepcopy(top)
    below["data"].update(name="t1_b", id="b", parent_id="t1_a", replies="")
    top["data"]["replies"] = listing(below, {"kind": "more", "data": {"children": ["c"]}})
    thread = read_thread([listing(thing("t3", "submission_image")), listing(top, {"kind": "more", "data": {}})])
    assert set(thread.comments) == {"t1_a", "t1_b"}
    assert thread.comments["t1_b"].parent == "t1_a"
    assert thread.malformed == 0


def test_where_the_next_page_begins():
    assert read_page(listing(after="t1_abc")).after == "t1_abc"
    assert read_page(listing(after="")).after is None
    assert read_page({"data": {"children": [], "after": 7}}).after is None
