"""The endpoints that change something: everything that is asked with POST."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.platforms.reddit import rendering, richtext
from tests.platforms.reddit.calls import Answer, Call, bad_request, errors, forbidden, said
from tests.platforms.reddit.media import Studio
from tests.platforms.reddit.reading import more_children
from tests.platforms.reddit.things import Comment, Message, Submission
from tests.platforms.reddit.world import World

LONGEST_COMMENT, LONGEST_TITLE = 10_000, 300


def comment(world: World, call: Call, studio: Studio) -> Answer:
    """``/api/comment``: a reply to a post, a comment or a message."""
    parent = world.thing(call.form.get("thing_id") or call.form.get("parent", ""))
    if parent is None:
        return errors(("NO_THING_ID", "the thing you are replying to does not exist", "parent"))
    if "richtext_json" in call.form and not isinstance(parent, Message):
        text, pictures = _rich(call, studio, parent)
        if isinstance(text, Answer):
            return text
    else:
        text, pictures = call.form.get("text", ""), {}
    if problem := _why_not(world, parent, text):
        return problem
    if isinstance(parent, Message):
        made = world.message(
            text,
            author=world.account,
            to=parent.author or "",
            subject=f"re: {parent.subject.removeprefix('re: ')}",
            first=parent.first or parent,
            parent=parent,
        )
        return said({"json": {"errors": [], "data": {"things": [rendering.thing("t4", rendering.message(made))]}}})
    reply = world.comment(parent, text, author=world.account, pictures=pictures)
    place = reply.submission.subreddit
    things = [] if place.quarantined else [rendering.thing("t1", rendering.replied(reply))]
    return said({"json": {"errors": [], "data": {"things": things}}})


def edit(world: World, call: Call, studio: Studio) -> Answer:
    """``/api/editusertext``: only one's own."""
    thing = world.thing(call.form.get("thing_id", ""))
    if not isinstance(thing, Comment | Submission) or thing.author.lower() != world.account.lower():
        return errors(("NOT_AUTHOR", "you can't do that", "thing_id"))
    if thing.gone == "deleted":
        return errors(("DELETED_COMMENT", "that comment has been deleted", "thing_id"))
    text = call.form.get("text", "")
    if isinstance(thing, Comment) and "richtext_json" in call.form:
        rich, thing.pictures = _rich(call, studio, thing)
        if isinstance(rich, Answer):
            return rich
        text = rich
    if not text.strip():
        return errors(("NO_TEXT", "we need something here", "text"))
    world.edit(thing, text)
    shown = rendering.replied(thing) if isinstance(thing, Comment) else rendering.submission(thing)
    return said({"json": {"errors": [], "data": {"things": [rendering.thing(thing.fullname[:2], shown)]}}})


def delete(world: World, call: Call, studio: Studio) -> Answer:
    """``/api/del``: ``{}``, whether there was something or not."""
    thing = world.thing(call.form.get("id", ""))
    if isinstance(thing, Comment | Submission):
        if thing.author.lower() != world.account.lower():
            raise forbidden()
        if not thing.gone:
            world.take_away(thing, "deleted")
    return said({})


def read_message(world: World, call: Call, studio: Studio) -> Answer:
    world.mark(call.form.get("id", "").split(","), new=False)
    return said({})


def unread_message(world: World, call: Call, studio: Studio) -> Answer:
    world.mark(call.form.get("id", "").split(","), new=True)
    return said({})


def read_all(world: World, call: Call, studio: Studio) -> Answer:
    world.mark([received.fullname for received in world.inbox], new=False)
    return Answer(b"{}", 202)


def compose(world: World, call: Call, studio: Studio) -> Answer:
    """``/api/compose``: a message to somebody out of the blue."""
    missing = [name for name in ("to", "subject", "text") if not call.form.get(name)]
    if missing:
        return errors(("NO_TEXT" if "text" in missing else "NO_USER", "please enter something", missing[0]))
    world.message(call.form["text"], author=world.account, to=call.form["to"], subject=call.form["subject"])
    return said({"json": {"errors": []}})


def submit(world: World, call: Call, studio: Studio) -> Answer:
    """``/api/submit``: a text, a link or a picture as a post of its own."""
    form = call.form
    title, place = form.get("title", "").strip(), world.subreddits.get(form.get("sr", "").lower())
    if place is None:
        return errors(("SUBREDDIT_NOEXIST", "that subreddit doesn't exist", "sr"))
    if not title:
        return errors(("NO_TEXT", "we need something here", "title"))
    if len(title) > LONGEST_TITLE:
        return errors(("TOO_LONG", "this is too long (max: 300)", "title"))
    if world.account.lower() in place.banned:
        raise forbidden()
    if place.kind in ("restricted", "private") or (place.kind == "user" and place.name != f"u_{world.account}"):
        return errors(("SUBREDDIT_NOTALLOWED", "you aren't allowed to post there.", "sr"))
    flags = {name: form.get(name, "").lower() == "true" for name in ("nsfw", "spoiler")}
    if form.get("kind") == "image":
        return studio.image_post(call, place.name, flags)
    fields: dict[str, Any] = {}
    if form.get("kind") == "link":
        fields = {"url": form.get("url", ""), "is_self": False, "domain": form.get("url", "").split("/")[2]}
    made = world.post(
        place.name,
        "submission_self",
        author=world.account,
        title=title,
        text=form.get("text", ""),
        fields=fields,
        over18=flags["nsfw"],
        spoiler=flags["spoiler"],
    )
    url = rendering.WWW + made.permalink
    return said({"json": {"errors": [], "data": {"url": url, "drafts_count": 0, "id": made.id, "name": made.fullname}}})


def submit_gallery(world: World, call: Call, studio: Studio) -> Answer:
    """``/api/submit_gallery_post``: several pictures as one post, which is there at once."""
    asked = json.loads(call.form.get("json", "{}"))
    place = world.subreddits.get(str(asked.get("sr", "")).lower())
    if place is None:
        return errors(("SUBREDDIT_NOEXIST", "that subreddit doesn't exist", "sr"))
    if not place.galleries:
        return errors(("GALLERIES_DISABLED", "Gallery posts aren't allowed in this subreddit", "sr"))
    if not 2 <= len(asked.get("items", [])) <= 20 or not asked.get("title"):
        raise bad_request()
    assets = [studio.uploaded(item["media_id"]) for item in asked["items"]]
    if None in assets:
        return errors(("INVALID_MEDIA_ID", "that media doesn't exist", "items"))
    found = [asset for asset in assets if asset is not None]
    items = [{"media_id": asset.id, "id": 659119513 + number} for number, asset in enumerate(found)]
    made = world.post(
        place.name,
        "submission_gallery",
        author=world.account,
        title=asked["title"],
        fields={"gallery_data": {"items": items}, "media_metadata": {one.id: studio.metadata(one) for one in found}},
        over18=bool(asked.get("nsfw")),
        spoiler=bool(asked.get("spoiler")),
    )
    link = f"{rendering.WWW}/gallery/{made.id}"
    made.fields.update(url=link, url_overridden_by_dest=link, is_gallery=True)
    url = rendering.WWW + made.permalink
    return said({"json": {"errors": [], "data": {"url": url, "id": made.fullname}}})


def flag(name: str, value: bool) -> Callable[[World, Call, Studio], Answer]:
    """Return the endpoint that marks one's own post: ``/api/marknsfw``, ``/api/spoiler`` and their opposites."""

    def mark(world: World, call: Call, studio: Studio) -> Answer:
        post = world.thing(call.form.get("id", ""))
        if not isinstance(post, Submission) or post.author.lower() != world.account.lower():
            raise forbidden()
        setattr(post, name, value)
        return said({})

    return mark


def lease(world: World, call: Call, studio: Studio) -> Answer:
    if not call.form.get("filepath") or not call.form.get("mimetype"):
        raise bad_request()
    return studio.lease(call.form["filepath"], call.form["mimetype"])


def convert(world: World, call: Call, studio: Studio) -> Answer:
    """``/api/convert_rte_body_format``: Markdown to rich text, one paragraph a block, pictures kept."""
    blocks = []
    for part in call.form.get("markdown_text", "").split("\n\n"):
        picture = re.fullmatch(r'!\[(img|gif)\]\((\w+)(?: "(.*)")?\)', part.strip())
        if picture:
            blocks.append({"e": picture[1], "id": picture[2], "c": picture[3] or ""})
        elif part.strip():
            blocks.append({"e": "par", "c": [{"e": "text", "t": part}]})
    return said({"output": {"document": blocks}, "assets": []})


ROUTES: dict[str, Callable[..., Answer]] = {
    "/api/comment": comment,
    "/api/editusertext": edit,
    "/api/del": delete,
    "/api/read_message": read_message,
    "/api/unread_message": unread_message,
    "/api/read_all_messages": read_all,
    "/api/compose": compose,
    "/api/submit": submit,
    "/api/submit_gallery_post": submit_gallery,
    "/api/marknsfw": flag("over18", True),
    "/api/unmarknsfw": flag("over18", False),
    "/api/spoiler": flag("spoiler", True),
    "/api/unspoiler": flag("spoiler", False),
    "/api/sendreplies": lambda world, call, studio: said({}),
    "/api/media/asset": lease,
    "/api/convert_rte_body_format": convert,
    "/api/morechildren": lambda world, call, studio: more_children(world, call),
}


def _why_not(world: World, parent: Comment | Submission | Message, text: str) -> Answer | None:
    """Return what Reddit says to a reply that it won't take. Raises ``Rejected`` where it says so by its status."""
    if not text.strip():
        return errors(("NO_TEXT", "we need something here", "text"))
    if len(text) > LONGEST_COMMENT:
        return errors(("TOO_LONG", f"this is too long (max: {LONGEST_COMMENT})", "text"))
    if isinstance(parent, Message):
        return None if parent.author else errors(("CANNOT_REPLY", "You can't reply to this message", "parent"))
    post = parent.submission if isinstance(parent, Comment) else parent
    if world.account.lower() in post.subreddit.banned or post.subreddit.kind == "private":
        raise forbidden()
    if post.archived:
        return errors(("TOO_OLD", "that's a piece of history now; it's too late to reply to it", "parent"))
    if post.locked or (isinstance(parent, Comment) and parent.locked):
        return errors(("THREAD_LOCKED", "Comments are locked.", "parent"))
    if isinstance(parent, Comment) and parent.gone:
        return errors(("DELETED_COMMENT", "that comment has been deleted", "parent"))
    if isinstance(parent, Submission) and parent.gone == "deleted":
        return errors(("DELETED_LINK", "the link you are commenting on has been deleted", "parent"))
    if parent.author.lower() in world.blocked_by:
        return errors(("SOMETHING_IS_BROKEN", "Something is broken, please try again later.", "parent"))
    return None


def _rich(call: Call, studio: Studio, parent: Comment | Submission) -> tuple[str | Answer, dict[str, Any]]:
    """Return the Markdown that a rich text is kept as, and its pictures, or the answer that refuses it."""
    place = (parent.submission if isinstance(parent, Comment) else parent).subreddit
    pictures: dict[str, Any] = {}
    refused: list[Answer] = []

    def picture(kind: str, asset_id: str, caption: str) -> str:
        asset = studio.uploaded(asset_id)
        if asset is None:
            refused.append(errors(("INVALID_MEDIA_ID", "that media doesn't exist", "richtext_json")))
            return ""
        animated = kind == "gif" or asset.mimetype == "image/gif"
        if ("animated" if animated else "static") not in place.media_in_comments:
            refused.append(
                errors(("MEDIA_NOT_ALLOWED", "this community doesn't allow that in comments", "richtext_json"))
            )
            return ""
        pictures[asset_id] = studio.metadata(asset)
        source = pictures[asset_id]["s"]
        link = source.get("u") or source["gif"]
        return f"[{caption}]({link})" if caption else str(link)

    try:
        text = richtext.markdown(call.form["richtext_json"], picture)
    except richtext.NotRichText as error:
        return errors(("INVALID_RICHTEXT", str(error), "richtext_json")), {}
    return (refused[0], {}) if refused else (text, pictures)
