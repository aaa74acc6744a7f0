"""The endpoints that only tell: everything that is asked with GET."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.platforms.reddit import rendering
from tests.platforms.reddit.calls import Answer, Call, Rejected, bad_request, forbidden, not_found, said
from tests.platforms.reddit.listings import Child, page
from tests.platforms.reddit.things import Comment, Message, Received, Submission, Subreddit
from tests.platforms.reddit.world import World

_USER = r"/user/(?P<name>[\w-]+)"
_PLACE = r"/r/(?P<place>[\w+-]+)"


def me(world: World, call: Call) -> Answer:
    new = sum(received.new for received in world.inbox)
    return said({**rendering.recorded("me"), "name": world.account, "inbox_count": new, "has_mail": new > 0})


def info(world: World, call: Call) -> Answer:
    """``/api/info``: whatever there is of the asked things, the deleted ones too; unknown ones are left out."""
    children = []
    for fullname in filter(None, call.query.get("id", "").split(",")):
        thing = world.thing(fullname)
        if isinstance(thing, Comment):
            children.append(rendering.thing("t1", rendering.comment(thing)))
        elif isinstance(thing, Submission):
            children.append(rendering.thing("t3", rendering.submission(thing)))
        elif fullname.startswith("t5_"):
            places = [place for place in world.subreddits.values() if place.fullname == fullname]
            children += [rendering.thing("t5", rendering.about(place, world.account)) for place in places]
    return said(rendering.listing(children))


def comments(world: World, call: Call, *, id: str, comment: str | None = None, **_: Any) -> Answer:  # noqa: A002
    """A post and its comments; with a comment's id only that one, its replies, and ``context`` of its parents."""
    post = world.submissions.get(id)
    if post is None:
        raise not_found()
    _may_see(post.subreddit, world)
    limit = int(call.query.get("limit", "200"))
    room = rendering.Room(max(1, min(limit, 500)), int(call.query.get("depth", "10")))
    newest_first = call.query.get("sort") == "new"
    shown = rendering.thing("t3", rendering.submission(post))
    tops, line = post.comments, []
    if comment is not None:
        focus = world.comments.get(comment)
        if focus is None or focus.submission is not post:
            raise not_found()
        line = [focus, *list(world.ancestors(focus))[: int(call.query.get("context", "0"))]]
        tops = [line[-1]]
        room = rendering.Room(max(1, min(limit, 500)), tops[0].depth + 10)

    def keep(said: Comment) -> bool:
        aside = any(said.parent is one for one in line[1:]) and not any(said is one for one in line)
        return _stays(said) and not aside and not world.hidden(said)

    tree = rendering.tree(tops, room, newest_first=newest_first, keep=keep)
    return said([rendering.listing([shown]), rendering.listing(tree)])


def more_children(world: World, call: Call) -> Answer:
    """``/api/morechildren``: the comments that a ``more`` stands for, flat."""
    asked = {**call.query, **call.form}
    names = [name for name in asked.get("children", "").split(",") if name]
    if not names or not asked.get("link_id"):
        raise bad_request()
    found = [world.comments[name] for name in names if name in world.comments]
    things = [rendering.thing("t1", rendering.comment(one)) for one in found if _stays(one)]
    return said({"json": {"errors": [], "data": {"things": things}}})


def new_comments(world: World, call: Call, *, place: str = "all") -> Answer:
    """The comments of one or several subreddits; the deleted and the removed are not among them."""
    places = _places(world, place)
    children = [
        Child("t1", one.fullname, lambda one=one: rendering.comment(one, in_listing=True))
        for one in reversed(world.comments.values())
        if not one.gone and (places is None or one.submission.subreddit in places)
    ]
    return said(page(children, call))


def new_posts(world: World, call: Call, *, place: str = "all") -> Answer:
    places = _places(world, place)
    children = [
        Child("t3", one.fullname, lambda one=one: rendering.submission(one))
        for one in reversed(world.submissions.values())
        if not one.gone and (places is None or one.subreddit in places)
    ]
    return said(page(children, call))


def about(world: World, call: Call, *, place: str) -> Answer:
    found = world.subreddits.get(place.lower())
    if found is None:
        raise Rejected(_elsewhere(place))
    _may_see(found, world)
    return said(rendering.thing("t5", rendering.about(found, world.account)))


def moderators(world: World, call: Call, *, place: str) -> Answer:
    found = world.subreddits.get(place.lower())
    if found is None:
        raise not_found()
    _may_see(found, world)
    wanted = call.query.get("user", "").lower()
    children = [
        {"name": name, "id": f"t2_{name.lower()}", "rel_id": "rb_1", "date": 1.6e9, "mod_permissions": ["all"]}
        for name in sorted(found.moderators)
        if not wanted or name.lower() == wanted
    ]
    return said({"kind": "UserList", "data": {"children": children}})


def user_about(world: World, call: Call, *, name: str) -> Answer:
    data = {
        "name": name,
        "id": "1a2b3c",
        "is_suspended": False,
        "link_karma": 1,
        "comment_karma": 1,
        "created_utc": 1.4e9,
    }
    if name.lower() == world.account.lower():
        data["subreddit"] = rendering.about(world.subreddit(f"u_{name}"), world.account)
    return said(rendering.thing("t2", data))


def of_user(world: World, call: Call, *, name: str, what: str = "overview") -> Answer:
    said_, posted = ([one for one in things if not world.hidden(one)] for things in world.by_author(name))
    children = [Child("t1", one.fullname, lambda one=one: rendering.comment(one, in_listing=True)) for one in said_]
    posts = [Child("t3", one.fullname, lambda one=one: rendering.submission(one)) for one in posted]
    if what == "comments":
        return said(page(children, call))
    if what == "submitted":
        return said(page(posts, call))
    ages = {one.fullname: one.created for one in [*said_, *posted]}
    return said(page(sorted(children + posts, key=lambda child: ages[child.fullname], reverse=True), call))


def inbox(world: World, call: Call, *, box: str = "inbox") -> Answer:
    """``/message/<box>``; ``mark=true`` would mark what is shown as read, the API's default is not to."""
    shown = [received for received in reversed(world.inbox) if _in_box(received, box)]
    children = [
        Child(
            "t4" if isinstance(one.item, Message) else "t1",
            one.fullname,
            lambda one=one: rendering.received(one, world.account),
        )
        for one in shown
    ]
    answer = page(children, call)
    if call.query.get("mark", "").lower() == "true":
        world.mark([child["data"]["name"] for child in answer["data"]["children"]], new=False)
    return said(answer)


def sent(world: World, call: Call) -> Answer:
    own = [one for one in reversed(world.messages.values()) if (one.author or "").lower() == world.account.lower()]
    return said(page([Child("t4", one.fullname, lambda one=one: rendering.message(one)) for one in own], call))


def conversation(world: World, call: Call, *, id: str) -> Answer:  # noqa: A002
    """``/message/messages/<id>``: the first message of a conversation, with its replies."""
    message = world.messages.get(id)
    if message is None:
        raise forbidden()
    first = message.first or message
    replies = [one for one in world.messages.values() if one.first is first]
    data = rendering.message(first)
    if replies:
        data["replies"] = rendering.listing([rendering.thing("t4", rendering.message(one)) for one in replies])
    return said(rendering.listing([rendering.thing("t4", data)]))


ROUTES = [
    (re.compile(pattern + "$"), handler)
    for pattern, handler in [
        (r"/api/v1/me", me),
        (r"/api/info", info),
        (r"/api/morechildren", more_children),
        (r"(/r/[\w-]+|/user/[\w-]+)?/comments/(?P<id>[a-z0-9]+)", comments),
        (r"(/r/[\w-]+|/user/[\w-]+)?/comments/(?P<id>[a-z0-9]+)/[^/]+", comments),
        (r"(/r/[\w-]+|/user/[\w-]+)?/comments/(?P<id>[a-z0-9]+)/[^/]+/(?P<comment>[a-z0-9]+)", comments),
        (_PLACE + "/comments", new_comments),
        (r"/comments", new_comments),
        (_PLACE + "/new", new_posts),
        (_PLACE + "/about", about),
        (_PLACE + "/about/moderators", moderators),
        (_USER + "/about", user_about),
        (_USER + "/(?P<what>comments|submitted|overview)", of_user),
        (_USER, of_user),
        (r"/message/(?P<box>inbox|unread|mentions|comments|selfreply|messages)", inbox),
        (r"/message/sent", sent),
        (r"/message/messages/(?P<id>[a-z0-9]+)", conversation),
    ]
]


def _in_box(received: Received, box: str) -> bool:
    return {
        "inbox": True,
        "unread": received.new,
        "mentions": received.type == "username_mention",
        "comments": received.type == "comment_reply",
        "selfreply": received.type == "post_reply",
        "messages": isinstance(received.item, Message),
    }[box]


def _stays(comment: Comment) -> bool:
    """Whether a comment is shown in its thread: a gone one only while somebody has replied to it."""
    return comment.gone is None or any(_stays(reply) for reply in comment.replies)


def _places(world: World, names: str) -> list[Subreddit] | None:
    if names.lower() == "all":
        return None
    wanted = names.lower().split("+")
    found = [world.subreddits[name] for name in wanted if name in world.subreddits]
    if not found:
        raise Rejected(_elsewhere(names))
    if len(wanted) == 1:
        _may_see(found[0], world)
    return [place for place in found if place.kind in ("public", "restricted", "user")]


def _may_see(place: Subreddit, world: World) -> None:
    if place.kind == "private" and world.account.lower() not in place.moderators:
        raise forbidden("private")
    if place.kind == "banned":
        raise not_found("banned")


def _elsewhere(name: str) -> Answer:
    """Reddit sends whoever asks for an unknown subreddit to its search."""
    target = f"https://oauth.reddit.com/subreddits/search?q={name}"
    return Answer(json.dumps({"message": "Found"}).encode(), 302, headers={"Location": target})
