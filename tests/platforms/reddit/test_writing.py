"""The real PRAW writes to the loopback Reddit, and is refused what the real one refuses."""

from __future__ import annotations

import json

import praw
import pytest
from praw.exceptions import MediaPostFailed, RedditAPIException, WebSocketException
from praw.models import PostMedia
from prawcore.exceptions import Forbidden

from tests.platforms.reddit import RedditDouble


def test_reply_edit_delete(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    post = reddit.posts.image("pics", photo)
    summons = reddit.comment(post, "colorizebot")
    reply = praw_reddit.comment(summons.id).reply("here you are")
    assert reply.author.name == "colorizebot"
    assert reply.parent_id == summons.fullname
    reply.edit("here you are again")
    assert [answer.body for answer in reddit.answers_to(summons)] == ["here you are again"]
    praw_reddit.comment(reply.id).delete()
    assert reddit.answers_to(summons) == []
    assert praw_reddit.comment(reply.id).author is None
    with pytest.raises(Forbidden):
        praw_reddit.comment(summons.id).delete()


def test_a_quarantined_place_answers_with_nothing(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    summons = reddit.comment(reddit.posts.image("dark", photo), "colorizebot")
    reddit.world.subreddit("dark", quarantined=True)
    assert praw_reddit.comment(summons.id).reply("here") is None
    assert len(reddit.answers_to(summons)) == 1


def refusal_of(praw_reddit: praw.Reddit, comment_id: str, text: str = "hello") -> str:
    with pytest.raises(RedditAPIException) as caught:
        praw_reddit.comment(comment_id).reply(text)
    return caught.value.items[0].error_type


def test_what_is_refused(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    post = reddit.posts.image("pics", photo)
    summons, gone = reddit.comment(post, "hello"), reddit.comment(post, "bye")
    reddit.delete(gone)
    assert refusal_of(praw_reddit, gone.id) == "DELETED_COMMENT"
    assert refusal_of(praw_reddit, "zzzzzz") == "NO_THING_ID"
    assert refusal_of(praw_reddit, summons.id, "") == "NO_TEXT"
    assert refusal_of(praw_reddit, summons.id, "x" * 10_001) == "TOO_LONG"
    post.locked = True
    assert refusal_of(praw_reddit, summons.id) == "THREAD_LOCKED"
    reddit.world.ban("pics", "colorizebot")
    with pytest.raises(Forbidden):
        praw_reddit.comment(summons.id).reply("hello")


def test_the_inbox(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    post = reddit.posts.image("pics", photo)
    mention = reddit.comment(post, "Look, u/ColorizeBot!")
    reddit.comment(post, "`u/colorizebot` is a name, u/colorizebots another")
    own = praw_reddit.comment(mention.id).reply("done")
    thanks = reddit.comment(reddit.world.comments[own.id], "thanks u/colorizebot")
    letter = reddit.message("opt out")
    unread = list(praw_reddit.inbox.unread(limit=None))
    assert [item.fullname for item in unread] == [letter.fullname, thanks.fullname, mention.fullname]
    (seen,) = praw_reddit.inbox.mentions()
    assert not hasattr(seen, "link_id")
    assert seen.context.split("/")[4] == post.id
    assert seen.submission.id == post.id
    assert [item.fullname for item in praw_reddit.inbox.comment_replies()] == [thanks.fullname]
    praw_reddit.inbox.mark_read(unread[1:])
    assert reddit.unread() == [letter.fullname]
    unread[0].reply("very well")
    assert [answer.body for answer in reddit.answers_to(letter)] == ["very well"]


def test_an_image_post(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    place = praw_reddit.subreddit("u_colorizebot")
    post = place.submit("A picture", image=PostMedia(photo, name="x.jpg"), nsfw=True)
    assert reddit.world.submissions[post.id].over18
    link = praw_reddit.submission(post.id).url
    assert reddit.studio.files["/" + link.rpartition("/")[2]][0] == photo
    (call,) = reddit.calls("/api/submit")
    assert "websocket_url" in json.dumps(call.form) or call.form["kind"] == "image"
    assert reddit.complaints == []


def test_an_image_post_that_nobody_hears_of(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    reddit.studio.silent = True
    with pytest.raises(WebSocketException):
        praw_reddit.subreddit("u_colorizebot").submit("A picture", image=PostMedia(photo, name="x.jpg"), timeout=1)
    (made,) = reddit.studio.done.values()
    assert made.wait(60)
    (post,) = praw_reddit.redditor("colorizebot").submissions.new()
    assert post.title == "A picture"


def test_an_image_post_that_fails(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    reddit.studio.loses_posts = True
    with pytest.raises(MediaPostFailed):
        praw_reddit.subreddit("u_colorizebot").submit("A picture", image=PostMedia(photo, name="x.jpg"))


def picture_comment(praw_reddit: praw.Reddit, parent: str, photo: bytes) -> None:
    asset = PostMedia(photo, name="x.jpg")._upload(praw_reddit, upload_type="selfpost")
    words = {"e": "par", "c": [{"e": "text", "t": "In colour", "f": [[1, 0, 2]]}]}
    document = {"document": [words, {"e": "img", "id": asset, "c": ""}]}
    praw_reddit.post("api/comment/", data={"thing_id": parent, "richtext_json": json.dumps(document)})


def test_a_picture_in_a_comment(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    summons = reddit.comment(reddit.posts.image("pics", photo), "colorizebot")
    with pytest.raises(RedditAPIException):
        picture_comment(praw_reddit, summons.fullname, photo)
    reddit.world.subreddit("pics", media_in_comments=("static", "giphy"))
    picture_comment(praw_reddit, summons.fullname, photo)
    (answer,) = reddit.answers_to(summons)
    assert answer.body.startswith("**In** colour\n\nhttp")
    assert len(praw_reddit.comment(answer.id).media_metadata) == 1


def test_a_gallery_post(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    place = praw_reddit.subreddit("u_colorizebot")
    post = place.submit("Two pictures", gallery=[PostMedia(photo, name="a.jpg"), PostMedia(photo, name="b.jpg")])
    assert len(praw_reddit.submission(post.id).gallery_data["items"]) == 2
    reddit.world.subreddit("u_colorizebot", galleries=False)
    with pytest.raises(RedditAPIException):
        place.submit("Two", gallery=[PostMedia(photo, name="a.jpg"), PostMedia(photo, name="b.jpg")])


def test_own_comments_may_be_seen_late(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    summons = reddit.comment(reddit.posts.image("pics", photo), "colorizebot")
    reddit.world.lag_seconds = 60
    reply = praw_reddit.comment(summons.id).reply("here")
    assert len(praw_reddit.comment(summons.id).refresh().replies) == 0
    assert list(praw_reddit.redditor("colorizebot").comments.new()) == []
    assert praw_reddit.comment(reply.id).body == "here"
