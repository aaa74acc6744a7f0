"""Every sentence that the bot says about a request: change its wording here.

Each refusal has a stable word for programs and one kind sentence that tells a person what to do next. What is wrong
with a link is told by `bot.fetching.refusals`, what is wrong with a photo by `inference.problems`; both are passed on.
"""

from __future__ import annotations

import math
from datetime import timedelta

from bot.fetching import FetchRefused
from bot.vocabulary import Refusal
from inference.problems import Problem

WORKER_STUMBLED = "The colorizer stumbled over that photo twice; please try another copy of it."
WORKER_AWAY = "The colorizer is out of order right now; please ask again in a while."

_SENTENCES = {
    # The bot and its worker
    "photo_gone": "That photo isn't there any more; please send it to me again.",
    "gave_up": "I tried that several times and failed each time; please ask again later, or with another photo.",
    "undeliverable": "I couldn't post my answer there; please ask me where I may write.",
    # The door
    "no_pictures": "I didn't see a photo there; please send me one, or a link to one.",
    "queue_full": "Many photos are waiting for me right now; please try again in a few minutes.",
    "stopping": "I'm being restarted; please try again in a minute.",
}


def refusal(reason: str) -> Refusal:
    """Return the refusal of that reason. Raises ``KeyError`` for a reason that has no sentence."""
    return Refusal(reason, _SENTENCES[reason])


def too_many_pictures(limit: int) -> Refusal:
    """Refuse a request that holds too many photos."""
    return Refusal("too_many_pictures", f"That is more than I can carry; please send at most {limit} photos at once.")


def too_many_requests(wait: timedelta) -> Refusal:
    """Refuse somebody who sent very much within the hour."""
    return Refusal("too_many_requests", f"You sent me many photos lately; please send more in {_minutes(wait)}.")


def crowded_community(wait: timedelta) -> Refusal:
    """Refuse somebody in a community that asked for very much within the hour."""
    return Refusal("crowded_community", f"I got many photos from here lately; please try again in {_minutes(wait)}.")


def of_problem(problem: Problem) -> Refusal:
    """Pass on what is wrong with a photo."""
    return Refusal(problem.slug, problem.detail)


def of_link(refused: FetchRefused) -> Refusal:
    """Pass on what is wrong with a link."""
    return Refusal(refused.reason, refused.message)


def _minutes(wait: timedelta) -> str:
    minutes = math.ceil(wait / timedelta(minutes=1))
    return "a minute" if minutes == 1 else f"{minutes} minutes"
