"""A loopback Reddit with the whole bot on it, and what a test asks of both."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.end_to_end.photos import gray_photo
from tests.end_to_end.running_bot import RunningBot, running_bot, wait_for
from tests.platforms.reddit import RedditDouble
from tests.platforms.reddit.things import Comment, Message, Submission
from tests.ports import free_port

QUIET_SECONDS = 1.5
"""How long nothing may happen before "no answer" is believed; the bot looks several times in it."""

_LINK = re.compile(r"https?://[^\s)\]\"'<>]+")


class Stage:
    """Reddit, the bot on it, and every summons that was made."""

    def __init__(self, reddit: RedditDouble, bot: RunningBot) -> None:
        self.reddit = reddit
        self.bot = bot
        self.expected: dict[str, int] = {}
        """How many answers each thing has to have in the end, by fullname."""
        self._photos = 0

    def photo(self, width: int = 64, height: int = 48) -> bytes:
        """Return a photo that nobody has seen before: known ones are answered from memory."""
        self._photos += 1
        return gray_photo(width, height, seed=1000 + self._photos)

    def post(self, subreddit: str = "pics", **about: Any) -> Submission:
        return self.reddit.posts.image(subreddit, self.photo(), **about)

    def summon(self, on: Submission | Comment, body: str = "colorizebot", **about: Any) -> Comment:
        summons = self.reddit.comment(on, body, **about)
        self.expected[summons.fullname] = 1
        return summons

    def silent(self, thing: Comment | Message) -> None:
        """Expect that a thing is never answered."""
        self.expected[thing.fullname] = 0

    def answer(self, thing: Comment | Message) -> Any:
        """Wait for the answer to a thing."""
        self.expected[thing.fullname] = 1
        return wait_for(lambda: self.reddit.answers_to(thing), f"an answer to {thing.body!r}")[0]

    def until(self, look: Callable[[], Any], what: str) -> Any:
        return wait_for(look, what)

    def answered_all(self) -> None:
        """Wait until whatever awaits an answer has one."""
        for fullname, number in list(self.expected.items()):
            thing = self.reddit.world.thing(fullname)
            assert isinstance(thing, Comment | Message)
            if number:
                wait_for(lambda thing=thing: self.reddit.answers_to(thing, gone=True), f"an answer to {thing.body!r}")

    def check(self) -> None:
        """Check that everything has been answered once, nothing else has, and the bot behaved."""
        self.answered_all()
        time.sleep(QUIET_SECONDS)
        found = {name: len(self.reddit.answers_to(self._thing(name), gone=True)) for name in self.expected}
        wrong = {name: number for name, number in found.items() if number != self.expected[name]}
        assert wrong == {}, {name: (number, self._thing(name).body) for name, number in wrong.items()}
        assert self.bot.process.poll() is None
        assert self.reddit.complaints == [], self.reddit.complaints
        log = self.bot.log.read_text()
        assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:4000]

    def _thing(self, fullname: str) -> Comment | Message:
        thing = self.reddit.world.thing(fullname)
        assert isinstance(thing, Comment | Message)
        return thing

    def stray_posts(self) -> list[str]:
        """Return the titles of posts on the bot's profile that no answer leads to."""
        comments, posts = self.reddit.own()
        letters = [one for one in self.reddit.world.messages.values() if one.author == self.reddit.name]
        said = "\n".join(one.body for one in [*comments, *letters])
        return [post.title for post in posts if post.id not in said]

    def pictures(self, answer: Comment | Message) -> list[bytes]:
        """Return the pictures that an answer leads to, in its order, as whoever clicks on its links sees them."""
        return [picture for link in self.links(answer) for picture in self._behind(link)]

    def links(self, answer: Comment | Message) -> list[str]:
        return list(dict.fromkeys(_LINK.findall(answer.body)))

    def gone(self, link: str) -> bool:
        """Whether a link to the bot's own page leads nowhere any more."""
        try:
            self.bot.get(link.removeprefix(self.bot.url))
        except urllib.error.HTTPError as error:
            return error.code in (404, 410)
        return False

    def _behind(self, link: str) -> list[bytes]:
        path = "/" + link.split("?")[0].split("/", 3)[3]
        if path in self.reddit.studio.files:
            return [self.reddit.studio.files[path][0]]
        if "/comments/" in path:
            return self._posted(path.split("/comments/")[1].split("/")[0])
        if link.startswith(self.bot.url) and "/results/" in link:
            with urllib.request.urlopen(link, timeout=20) as page:
                return [page.read()]
        return []

    def _posted(self, post_id: str) -> list[bytes]:
        post = self.reddit.world.submissions[post_id]
        if "gallery_data" not in post.fields:
            return [self.reddit.studio.files["/" + post.fields["url"].rpartition("/")[2]][0]]
        assets = [self.reddit.world.assets[item["media_id"]] for item in post.fields["gallery_data"]["items"]]
        return [asset.data for asset in assets if asset.data]


def settings_for(
    reddit: RedditDouble, worker_url: str, *, subreddits: tuple[str, ...] = ("pics",), **more: str
) -> dict[str, str]:
    """Return the settings with which the bot finds the loopback Reddit; ``more`` are without ``COLORIZEBOT_``."""
    known, port = reddit.credentials, free_port()
    values = {
        "INFERENCE_URL": worker_url,
        "WEB__PORT": str(port),
        "WEB__PUBLIC_URL": f"http://127.0.0.1:{port}",
        "FETCH__ALLOW_PRIVATE": json.dumps([reddit.studio.pictures.removeprefix("http://")]),
        "REDDIT__CLIENT_ID": known.client_id,
        "REDDIT__CLIENT_SECRET": known.client_secret,
        "REDDIT__USERNAME": known.username,
        "REDDIT__PASSWORD": known.password,
        "REDDIT__REDDIT_URL": reddit.url,
        "REDDIT__OAUTH_URL": reddit.oauth_url,
        "REDDIT__SUBREDDITS": json.dumps(list(subreddits)),
        "REDDIT__POLL_SECONDS": "0.2",
        **more,
    }
    return {
        **{f"COLORIZEBOT_{name}": value for name, value in values.items()},
        "REQUESTS_CA_BUNDLE": reddit.authority,
        "WEBSOCKET_CLIENT_CA_BUNDLE": reddit.authority,
    }


@contextmanager
def stage(
    folder: Path,
    worker_url: str,
    *,
    reddit: RedditDouble | None = None,
    subreddits: tuple[str, ...] = ("pics",),
    **more: str,
) -> Iterator[Stage]:
    """Raise the curtain: a Reddit (or the given one) and a bot on it."""
    if reddit is None:
        with RedditDouble() as own, stage(folder, worker_url, reddit=own, subreddits=subreddits, **more) as staged:
            yield staged
        return
    for name in subreddits:
        reddit.world.subreddit(name)
    with running_bot(folder, **settings_for(reddit, worker_url, subreddits=subreddits, **more)) as bot:
        yield Stage(reddit, bot)
