"""What ``python -m bot check`` finds out about Reddit."""

from __future__ import annotations

import praw
import prawcore

from bot.adapters import TryLater
from bot.adapters.reddit import reading
from bot.adapters.reddit.pace import Pace
from bot.adapters.reddit.session import LOGIN_SETTINGS, sign_in
from bot.adapters.reddit.workers import Workers
from bot.findings import Finding, Verdict
from bot.settings import Hosting, Settings

PART = "Reddit"
NEEDED_SCOPES = frozenset({"identity", "read", "submit", "edit", "privatemessages", "history"})
"""``edit`` is for deleting answers, ``history`` for finding them.

https://github.com/reddit-archive/reddit/wiki/OAuth2 lists all.
"""

HOW_TO_GET_CREDENTIALS = (
    "1. Sign up an account for the bot at https://www.reddit.com/register and say in its profile that it is a bot and "
    "who runs it; where Reddit offers to register the account as an app, do so.\n"
    "2. Ask Reddit's leave for a bot: since November 2025 new API clients need approval under the Responsible Builder "
    "Policy, https://support.reddithelp.com/hc/en-us/articles/42728983564564 (its request form asks what the bot does, "
    "where, and how often).\n"
    "3. Signed in as the bot, create an app of type “script” at https://www.reddit.com/prefs/apps (redirect uri "
    "http://localhost:8080).\n"
    "4. Set COLORIZEBOT_REDDIT__CLIENT_ID (below the app's name), COLORIZEBOT_REDDIT__CLIENT_SECRET, "
    "COLORIZEBOT_REDDIT__USERNAME and COLORIZEBOT_REDDIT__PASSWORD (or a COLORIZEBOT_REDDIT__REFRESH_TOKEN).\n"
    "5. With the moderators' leave, list their communities in COLORIZEBOT_REDDIT__SUBREDDITS; "
    "mentions work everywhere without that."
)


async def examine(settings: Settings) -> list[Finding]:
    """Sign in for real, when there is something to sign in with, and look whether everything can be reached."""
    reddit = settings.reddit
    secrets = (reddit.password and reddit.username) or reddit.refresh_token
    if not (reddit.client_id and reddit.client_secret and secrets):
        return [Finding(PART, Verdict.OFF, "not configured", HOW_TO_GET_CREDENTIALS)]
    pace = Pace()
    workers = Workers("check", 1, lambda stopping: sign_in(reddit, pace, stopping))
    try:
        return await _examine(settings, workers)
    finally:
        workers.close()


async def _examine(settings: Settings, workers: Workers) -> list[Finding]:
    try:
        name = await workers.call(reading.own_name)
        scopes = await workers.call(_scopes)
    except TryLater as error:
        return [
            Finding(PART, Verdict.PROBLEM, str(error), f"Check {LOGIN_SETTINGS}, and Reddit's approval of the app.")
        ]
    findings = [Finding(PART, Verdict.OK, f"signed in as u/{name}")]
    if missing := NEEDED_SCOPES - scopes if "*" not in scopes else frozenset():
        findings.append(
            Finding(
                PART,
                Verdict.PROBLEM,
                f"the refresh token lacks the scopes {', '.join(sorted(missing))}",
                "Make one with these scopes too, or better all, for COLORIZEBOT_REDDIT__REFRESH_TOKEN.",
            )
        )
    findings += [await _subreddit(workers, subreddit) for subreddit in settings.reddit.subreddits]
    if not settings.reddit.subreddits:
        findings.append(
            Finding(
                PART,
                Verdict.NOTE,
                f"answers mentions of u/{name} and messages alone",
                "To watch communities for the trigger words, list them in COLORIZEBOT_REDDIT__SUBREDDITS.",
            )
        )
    return findings + _hosting(settings)


async def _subreddit(workers: Workers, name: str) -> Finding:
    try:
        reason = await workers.call(_why_unreadable, name)
    except TryLater as error:
        reason = str(error)
    if reason is None:
        return Finding(PART, Verdict.OK, f"watches r/{name}")
    return Finding(
        PART,
        Verdict.PROBLEM,
        f"r/{name}: {reason}",
        "Ask its moderators to let the bot in, or take it out of COLORIZEBOT_REDDIT__SUBREDDITS.",
    )


def _hosting(settings: Settings) -> list[Finding]:
    if settings.web.public_url is not None or settings.reddit.hosting in (Hosting.COMMENT, Hosting.PROFILE):
        return []
    return [
        Finding(
            PART,
            Verdict.NOTE,
            "results on the bot's own page can't be seen from outside",
            "Set COLORIZEBOT_WEB__PUBLIC_URL to the page's public address, or COLORIZEBOT_REDDIT__HOSTING to profile.",
        )
    ]


def _scopes(reddit: praw.Reddit) -> frozenset[str]:
    return frozenset(reddit.auth.scopes())


def _why_unreadable(reddit: praw.Reddit, subreddit: str) -> str | None:
    try:
        reading.page(reddit, reading.COMMENTS.format(subreddits=subreddit))
    except (prawcore.NotFound, prawcore.Redirect):
        return "there is no such community"
    except prawcore.Forbidden:
        return "it is private, or it has banned the bot"
    return None
