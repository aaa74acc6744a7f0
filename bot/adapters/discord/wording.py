"""Every sentence that the bot says on Discord: change its wording here."""

from __future__ import annotations

from collections.abc import Sequence

from bot.adapters.discord.notes import Notes
from bot.vocabulary import Answer, Refusal, Status, Step
from inference.vocabulary import InputKind, Layout, RecolorOptions

COMMAND = "Bring colour to photos"
IMAGE_OPTION = "The photo to recolor"
LINK_OPTION = "A link to the photo, or to a page that shows it"
VIVIDNESS_OPTION = "How strong the colours are"
LAYOUT_OPTION = "What the answer shows"
PRIVATE_OPTION = "Whether only you see the answer"
SETTINGS_COMMAND = "How to ask colorizebot for colours, and whether it answers you"
ANSWERS_OPTION = "Whether the bot answers you"
MENU = "Colorize"

VIVIDNESS = {"softer": 0.6, "natural": 1.0, "vivid": 1.4}
LAYOUTS = {"the recolored photo": Layout.RECOLORED, "original and recolored side by side": Layout.SIDE_BY_SIDE}

MORE_VIVID, SOFTER, SIDE_BY_SIDE, DELETE = "More vivid", "Softer", "Side by side", "Delete"

NOT_HERE = "I'm not available here; please ask me in another server or in a direct message."
OPTED_OUT = "You asked me to leave you alone; use `/colorize-settings answers:on` to have me back."
LEFT_ALONE = "I won't answer you any more; use `/colorize-settings answers:on` if you want me back."
WELCOME_BACK = "Good to have you back; ask me for colours whenever you like."
NOT_YOURS = "Only the person who asked, or a moderator, can delete this; you can ask me with your own photo."
PHOTO_GONE = "I don't have that photo any more; please ask me again with the photo itself."
NO_STEP = "I can't take that any further; please try one of the other buttons."
STUMBLED = "Something went wrong on my side; please try again in a minute."
DELETED = "It's gone."

_NO_PHOTO = (
    "I didn't see a photo there; please send me one, reply to a message that shows one, or give me a link to one."
)
_LEFT_ALONE_BY_POSTER = "Whoever posted that photo wants me to leave it alone; please ask me with one of your own."
_VIDEO = "I can't recolor videos; please send me a picture from it instead."


def help_text(trigger: str) -> str:
    """Return how to ask the bot."""
    return (
        "I bring colour to photos. Ways to ask me:\n"
        "- `/colorize` with a photo or a link\n"
        f"- right-click or long-press a message, then *Apps* and *{MENU}*\n"
        f"- write `{trigger}` with a photo, in a reply to one, or right after one; "
        f"`{trigger} vivid`, `soft` or `compare` change the result\n"
        "- send me a photo in a direct message\n"
        "Colours are guessed from the brightness of the photo, so they look plausible rather than true. "
        "*Delete* below an answer removes it and the photo; "
        "`/colorize-settings answers:off` makes me leave you alone."
    )


def no_photo() -> Refusal:
    """Refuse a message that no photo belongs to."""
    return Refusal("no_pictures", _NO_PHOTO)


def not_theirs() -> Refusal:
    """Refuse the photo of somebody who opted out."""
    return Refusal("opted_out", _LEFT_ALONE_BY_POSTER)


def video() -> Refusal:
    """Refuse a message that shows nothing but a video."""
    return Refusal("video", _VIDEO)


def answer(
    answer: Answer, options: RecolorOptions, notes: Notes, *, shrunk: int, dropped: int, page: str | None
) -> str:
    """Return the text above the pictures.

    ``shrunk`` pictures were made smaller and ``dropped`` ones couldn't be; ``page`` shows all of them in full.
    """
    lines = [_opening(len(answer.results) - dropped, options)]
    if colored := _colored(answer):
        lines.append(colored)
    lines += [f"Left out {_which(left.index, notes)}: {left.refusal.message}" for left in answer.left_out]
    if notes.too_many:
        lines.append(f"I took the first {len(notes.photos)}, which is as many as I can carry at once.")
    if shrunk:
        lines.append(_shrunk(shrunk, notes.size_limit))
    if dropped:
        lines.append(f"{_count(dropped)} too large for Discord, even made smaller.")
    if page is not None and (shrunk or dropped):
        lines.append(f"In full size: <{page}>")
    return "\n".join(lines)


def alt_text(description: str | None, options: RecolorOptions) -> str:
    """Return what people who don't see the picture are told of it (at most 1024 characters)."""
    what = (
        "Recolored by a program, beside the original"
        if options.layout is Layout.SIDE_BY_SIDE
        else ("Recolored by a program")
    )
    return f"{what}: {description}"[:1024] if description else f"{what}."


def waiting(status: Status) -> str | None:
    """Return where a request stands; ``None`` when there is nothing worth saying."""
    if status.position is not None:
        return "You're next in line." if status.position == 1 else f"You're number {status.position} in line."
    if status.progress is None:
        return None
    if status.progress.step is Step.WAITING:
        return "The colorizer is warming up; this takes a moment."
    if status.progress.pictures > 1:
        return f"Working on photo {status.progress.picture} of {status.progress.pictures}."
    return "Working on it."


def mention(requester: str, text: str) -> str:
    """Address somebody by a mention."""
    return f"<@{requester}> {text}"


def privacy_gone(text: str) -> str:
    """Explain why a private answer comes as a direct message."""
    return f"{text}\n(You asked privately, and it took longer than Discord lets me answer there.)"


def _opening(pictures: int, options: RecolorOptions) -> str:
    beside = ", beside the original" if options.layout is Layout.SIDE_BY_SIDE else ""
    if pictures == 0:
        return "Done, but I couldn't bring it here."
    return f"Here's your photo in colour{beside}." if pictures == 1 else f"Here are your photos in colour{beside}."


def _colored(answer: Answer) -> str | None:
    colored = sum(result.input is InputKind.COLOR for result in answer.results)
    if not colored:
        return None
    which = "It was" if len(answer.results) == 1 else f"{_count(colored)}"
    verb = "" if len(answer.results) == 1 else " were" if colored > 1 else " was"
    return f"{which}{verb} in colour already, so I recolored from the brightness alone."


def _shrunk(shrunk: int, limit: int) -> str:
    return (
        f"Made smaller to fit Discord's limit of {limit // 2**20 or 1} MB."
        if shrunk == 1
        else (f"{shrunk} made smaller to fit Discord's limit of {limit // 2**20 or 1} MB.")
    )


def _count(pictures: int) -> str:
    return "One" if pictures == 1 else str(pictures)


def _which(index: int, notes: Notes) -> str:
    photos: Sequence[object] = notes.photos
    return f"photo {index + 1}" if len(photos) > 1 else "the photo"
