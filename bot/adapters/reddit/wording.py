"""Every word that the bot writes on Reddit: change its wording here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.adapters.reddit.richtext import Block, Paragraph, Picture, Words
from bot.vocabulary import Answer, Refusal, ResultPicture
from inference.vocabulary import InputKind, Layout, RecolorOptions

VIDEO = Refusal(
    "video", "That is a video, and I can only colour still and animated pictures; please call me on a picture of it."
)
ALBUM = Refusal(
    "external_album",
    "That is an album on another site, which I can't open; please link to one of its pictures and call me again.",
)
NO_PICTURES = Refusal(
    "no_pictures",
    "I looked at your comment, at what it answers and at the post, and found no picture; "
    "please put a link to one beside my name.",
)
NO_LINK = Refusal("no_link", "Please send me a link to a picture, and I will colour it.")
STILL_PROCESSING = Refusal(
    "still_processing", "Reddit still hasn't got those pictures ready; please call me again in a while."
)
THREAD_FULL = Refusal(
    "thread_full", "I have answered very often under this post, so I leave it at that; please call me under another."
)
TOO_MANY_REQUESTS = Refusal(
    "too_many_requests", "You called me very often within the last hour; please call me again in a while."
)
OPTED_OUT = Refusal(
    "opted_out", "All right, I won't answer you any more. Should you miss me, send me a message that says **opt in**."
)
OPTED_IN = Refusal("opted_in", "Welcome back! Call me by my name and I will answer you again.")

ALREADY_ANSWERED = "already_answered"

_MAX_TITLE = 300
_NUMERALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


@dataclass(frozen=True, slots=True)
class Place:
    """Where the results of an answer are to be seen."""

    links: Mapping[int, str]
    """The link to show for each result, by the result's index; none for those that are in the comment itself."""
    pictures: tuple[Picture, ...] = ()
    """The results that are in the comment itself."""
    all_at_once: str | None = None
    """A page that shows all results."""
    compare: Mapping[int, str] | None = None
    """Links to the side-by-side pictures, where people can reach them."""


def already_answered(link: str) -> Refusal:
    """Point to the answer that was given for the same picture."""
    return Refusal(ALREADY_ANSWERED, f"I coloured this one already, right here in this thread: [have a look]({link}).")


def caption(result: ResultPicture, of: int) -> str:
    """Name a result below its picture."""
    return "In colour" if of == 1 else f"The {_numeral(result.index)} photo in colour"


def title(submission_title: str, marker: str) -> str:
    """Name a post on the bot's profile; ``marker`` tells it from all others."""
    end = f" | in colour ({marker})"
    room = _MAX_TITLE - len(end)
    start = submission_title or "A photo"
    return (start if len(start) <= room else f"{start[: room - 1]}…") + end


def of_refusal(refusal: Refusal, name: str) -> tuple[Block, ...]:
    """Write why there is no picture."""
    return (Paragraph((Words(refusal.message),)), _footer(name))


def of_command(acknowledgement: Refusal) -> tuple[Block, ...]:
    """Write that a command was carried out."""
    return (Paragraph((Words(acknowledgement.message),)),)


def of_answer(
    answer: Answer, place: Place, options: RecolorOptions, context: Mapping[str, Any], name: str
) -> tuple[Block, ...]:
    """Write an answer with its results, and what there is to say about them."""
    return (
        *_label(context),
        *place.pictures,
        *_results(answer, place, options, hidden=bool(context.get("spoiler"))),
        *(Paragraph((Words(note),)) for note in _notes(answer, context)),
        _footer(name),
    )


def _label(context: Mapping[str, Any]) -> tuple[Block, ...]:
    words = [word for name, word in (("nsfw", "NSFW"), ("spoiler", "Spoiler")) if context.get(name)]
    return (Paragraph((Words(" · ".join(words), bold=True),)),) if words else ()


def _results(answer: Answer, place: Place, options: RecolorOptions, *, hidden: bool) -> list[Block]:
    only_one = len(answer.results) == 1
    compare = place.compare if options.layout is Layout.RECOLORED else None
    lines = [_line(result, place, compare or {}, only_one=only_one, hidden=hidden) for result in answer.results]
    blocks: list[Block] = [Paragraph(tuple(line)) for line in lines if line]
    if not only_one and place.all_at_once:
        together = Words("all of them on one page", place.all_at_once, bold=True, hidden=hidden)
        blocks.insert(0, Paragraph((Words("Here they are in colour: "), together)))
    elif not only_one and not place.pictures:
        blocks.insert(0, Paragraph((Words("Here they are in colour:"),)))
    return blocks


def _line(
    result: ResultPicture, place: Place, compare: Mapping[int, str], *, only_one: bool, hidden: bool
) -> list[Words]:
    words: list[Words] = []
    number = "" if only_one else f"{result.index + 1}. "
    if link := place.links.get(result.index):
        if only_one:
            words += [Words("Here it is: "), Words("the photo in colour", link, bold=True, hidden=hidden)]
        else:
            words += [Words(f"{_numeral(result.index).capitalize()}: "), Words("in colour", link, hidden=hidden)]
        number = ""
    if beside := compare.get(result.index):
        words += [Words(" · " if words else number), Words("before and after, side by side", beside, hidden=hidden)]
    return [word for word in words if word.text]


def _notes(answer: Answer, context: Mapping[str, Any]) -> list[str]:
    notes = []
    in_color = [result.index for result in answer.results if result.input is InputKind.COLOR]
    if in_color and len(answer.results) == 1:
        notes.append("It was in colour already, so I took only its light and shade and coloured that afresh.")
    elif in_color:
        which = _listed([_numeral(index) for index in in_color])
        were = "was" if len(in_color) == 1 else "were"
        notes.append(f"The {which} {were} in colour already, so I took only light and shade and coloured that afresh.")
    notes += [
        f"I had to leave out the {_numeral(left.index)} photo. {left.refusal.message}" for left in answer.left_out
    ]
    if more := context.get("more_pictures"):
        notes.append(
            f"There are {more} photos, more than I can carry at once: I took the first {context.get('pictures')}. "
            "For others, call me with a link to them."
        )
    return notes


def _footer(name: str) -> Paragraph:
    line = (
        f"I'm {name}, a bot that colours photos when somebody calls me; the colours are my guess. "
        "Reply “delete” and I remove this, if it was you who called me or if you moderate here. "
        "Reply “opt out” and I will never answer you again."
    )
    return Paragraph((Words(line),), small=True)


def _numeral(index: int) -> str:
    return _NUMERALS[index] if index < len(_NUMERALS) else f"{index + 1}th"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
