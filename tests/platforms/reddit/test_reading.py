"""The real PRAW reads from the loopback Reddit as from the real one."""

from __future__ import annotations

import itertools

import praw
import pytest
from prawcore.exceptions import Forbidden, NotFound, Redirect

from tests.end_to_end.photos import gray_animation
from tests.platforms.reddit import RedditDouble


def test_who_am_i(praw_reddit: praw.Reddit, reddit: RedditDouble):
    assert praw_reddit.user.me().name == "colorizebot"
    assert reddit.complaints == []


def test_a_stream_yields_old_and_new_comments_in_order_and_once(
    praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes
):
    post = reddit.posts.image("pics", photo)
    said = [reddit.comment(post, f"{number}") for number in range(130)]
    stream = praw_reddit.subreddit("pics+askpics").stream.comments(pause_after=0)
    first = list(itertools.takewhile(bool, stream))
    assert [comment.id for comment in first] == [comment.id for comment in said[-100:]]
    later = [reddit.comment(first and post, f"later {number}") for number in range(3)]
    assert [comment.id for comment in itertools.takewhile(bool, stream)] == [comment.id for comment in later]
    assert int(first[0].id, 36) < int(first[1].id, 36)


def test_before_and_after_turn_pages(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    post = reddit.posts.image("pics", photo)
    said = [reddit.comment(post, f"{number}").fullname for number in range(250)]
    pics = praw_reddit.subreddit("pics")
    assert [comment.fullname for comment in pics.comments(limit=None)] == said[::-1]
    newer = pics.comments(limit=5, params={"before": said[100]})
    assert [comment.fullname for comment in newer] == said[105:100:-1]
    reddit.delete(reddit.world.comments[said[100][3:]])
    assert list(pics.comments(limit=5, params={"before": said[100]})) == []


def test_deleted_and_removed_comments(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    post = reddit.posts.image("pics", photo)
    leaf, trunk = reddit.comment(post, "leaf"), reddit.comment(post, "trunk")
    reddit.comment(trunk, "branch")
    reddit.delete(leaf)
    reddit.remove(trunk)
    assert praw_reddit.comment(leaf.id).body == "[deleted]"
    assert praw_reddit.comment(leaf.id).author is None
    with pytest.raises(praw.exceptions.ClientException):
        praw_reddit.comment(leaf.id).refresh()
    assert praw_reddit.comment(trunk.id).refresh().body == "[removed]"
    assert [c.body for c in praw_reddit.submission(post.id).comments.list()] == ["[removed]", "branch"]
    assert [c.body for c in praw_reddit.subreddit("pics").comments()] == ["branch"]


def test_a_permalink_shows_a_comment_with_its_parents_and_replies(
    praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes
):
    post = reddit.posts.image("pics", photo)
    line = [reddit.comment(post, "0")]
    for depth in range(1, 5):
        line.append(reddit.comment(line[-1], f"{depth}"))
    reddit.comment(line[1], "aside")
    comment = praw_reddit.comment(line[3].id).refresh()
    assert [reply.body for reply in comment.replies] == ["4"]
    assert comment.parent().body == "2"
    assert comment.parent().parent().body == "1"
    assert [reply.body for reply in praw_reddit.comment(line[1].id).refresh().replies] == ["2", "aside"]


def test_long_threads_end_in_more(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    post = reddit.posts.image("pics", photo)
    said = {reddit.comment(post, f"{number}").id for number in range(30)}
    thread = praw_reddit.submission(post.id)
    thread.comment_limit = 10
    assert len(thread.comments.list()) == 11
    thread.comments.replace_more(limit=None)
    assert {comment.id for comment in thread.comments.list()} == said


def test_galleries_are_ordered_by_their_items(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    pictures = [photo, gray_animation(16, 16, 2), photo + b"\0"]
    post = reddit.posts.gallery("pics", pictures, ready=False)
    seen = praw_reddit.submission(post.id)
    assert {entry["status"] for entry in seen.media_metadata.values()} == {"unprocessed"}
    reddit.posts.finish_gallery(post)
    seen = praw_reddit.submission(post.id)
    entries = [seen.media_metadata[item["media_id"]] for item in seen.gallery_data["items"]]
    links = [entry["s"].get("u") or entry["s"]["gif"] for entry in entries]
    assert [reddit.studio.files["/" + link.split("/")[3].split("?")[0]][0] for link in links] == pictures


def test_the_kinds_of_posts(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    image = reddit.posts.image("pics", photo, over18=True, spoiler=True)
    seen = praw_reddit.submission(image.id)
    assert (seen.post_hint, seen.over_18, seen.spoiler) == ("image", True, True)
    again = praw_reddit.submission(reddit.posts.crosspost("others", image).id)
    assert again.crosspost_parent_list[0]["url"] == seen.url
    assert praw_reddit.submission(reddit.posts.video("pics").id).is_video
    assert praw_reddit.submission(reddit.posts.text("pics", "hello").id).selftext == "hello"
    moving = praw_reddit.submission(reddit.posts.animated("pics", gray_animation(16, 16, 2)).id)
    assert moving.preview["images"][0]["variants"]["gif"]
    assert praw_reddit.submission(reddit.posts.link("pics", "https://example.org/x").id).domain == "example.org"


def test_subreddits(praw_reddit: praw.Reddit, reddit: RedditDouble):
    reddit.world.subreddit("pics", media_in_comments=("static",), moderators={"Mod"})
    reddit.world.subreddit("secret", kind="private")
    reddit.world.subreddit("shut", kind="banned")
    pics = praw_reddit.subreddit("Pics")
    assert pics.allowed_media_in_comments == ["static"]
    assert [mod.name for mod in pics.moderator()] == ["Mod"]
    with pytest.raises(Forbidden):
        _ = praw_reddit.subreddit("secret").over18
    with pytest.raises(NotFound):
        _ = praw_reddit.subreddit("shut").over18
    with pytest.raises(Redirect):
        _ = praw_reddit.subreddit("nowhere").over18


def test_somebodys_comments_and_posts(praw_reddit: praw.Reddit, reddit: RedditDouble, photo: bytes):
    post = reddit.posts.image("pics", photo, author="ann")
    comment = reddit.comment(post, "mine", author="ann")
    ann = praw_reddit.redditor("Ann")
    assert [one.id for one in ann.comments.new()] == [comment.id]
    assert [one.id for one in ann.submissions.new()] == [post.id]
