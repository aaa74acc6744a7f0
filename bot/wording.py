"""Every sentence that the bot says about a request: change its wording here.

Each refusal has a stable word for programs and one kind sentence that tells a person what to do next. Where the worker
names a limit in its own sentence (pixels, frames), that sentence is passed on: only the worker knows the numbers.
"""

from __future__ import annotations

from bot.vocabulary import Refusal
from inference.problems import Problem

_SENTENCES = {
    # The link that somebody posted
    "bad_link": "That link isn't one I can open; please send an http or https link to a photo.",
    "private_address": "That link leads into a private network; please send one that everybody can open.",
    "too_many_redirects": "That link sends me around in circles; please send the link of the photo itself.",
    "too_large": "That file is too large for me; please send a smaller copy.",
    "not_found": "There is nothing behind that link any more; please check it, or upload the photo itself.",
    "link_unreachable": "I couldn't reach that link; please try again later, or upload the photo itself.",
    "link_timeout": "That link took too long to answer; please try again later, or upload the photo itself.",
    "not_a_picture": "There is no photo behind that link; please send the link of the photo itself.",
    # The bot and its worker
    "worker_lost": "The colorizer stumbled over that photo twice; please try another copy of it.",
    "worker_away": "The colorizer is out of order right now; please ask again in a while.",
    "gave_up": "I tried that several times and failed each time; please ask again later, or with another photo.",
    "undeliverable": "I couldn't post the answer there.",
    "internal_error": "Something went wrong on my side; please ask again in a while.",
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


def too_many_requests(minutes: int) -> Refusal:
    """Refuse somebody who sent very much within the hour."""
    wait = "a minute" if minutes <= 1 else f"{minutes} minutes"
    return Refusal("too_many_requests", f"You have sent me a lot of photos lately; please give me {wait} to rest.")


def crowded_community(minutes: int) -> Refusal:
    """Refuse somebody in a community that asked for very much within the hour."""
    wait = "a minute" if minutes <= 1 else f"{minutes} minutes"
    return Refusal("crowded_community", f"I got a lot of photos from here lately; please try again in {wait}.")


def of_problem(problem: Problem) -> Refusal:
    """Return the refusal that passes on what the worker said."""
    return Refusal(problem.slug, problem.detail)
