"""What people write to the bot: whether they summon it, what they ask for, and which links they give.

Both Reddit and Discord write Markdown. A summons counts where somebody says it in their own words: in text, not in a
quote, not in code, not in the text of a link.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.token import Token

from inference.vocabulary import Layout, RecolorOptions

VIVID = 1.4
SOFT = 0.6

_OPTIONS: dict[str, dict[str, object]] = {
    "vivid": {"vividness": VIVID},
    "vivider": {"vividness": VIVID},
    "vibrant": {"vividness": VIVID},
    "soft": {"vividness": SOFT},
    "softer": {"vividness": SOFT},
    "subtle": {"vividness": SOFT},
    "compare": {"layout": Layout.SIDE_BY_SIDE},
    "comparison": {"layout": Layout.SIDE_BY_SIDE},
    "side-by-side": {"layout": Layout.SIDE_BY_SIDE},
    "side by side": {"layout": Layout.SIDE_BY_SIDE},
}
_OPTION = re.compile(rf"\b(?:{'|'.join(sorted(_OPTIONS, key=len, reverse=True))})\b", re.IGNORECASE)
_QUOTED_LINE = re.compile(r"^\s{0,3}(?:>|&gt;)(?!!).*$", re.MULTILINE)
_QUOTED_REST = re.compile(r"^\s{0,3}>>> .*", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"https?://[^\s<>\"|]+", re.IGNORECASE)
_AFTER_LINK = ".,;:!?'*_~]}"
_COMMANDS = {"delete": "delete", "optout": "opt_out", "optin": "opt_in", "optmeout": "opt_out", "optmein": "opt_in"}


class Flavour(StrEnum):
    """Whose Markdown it is."""

    REDDIT = "reddit"
    DISCORD = "discord"


class Command(StrEnum):
    """What people may tell the bot besides summoning it."""

    DELETE = "delete"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"


@dataclass(frozen=True, slots=True)
class Summons:
    """Somebody asks for colours."""

    options: RecolorOptions


def parse_summons(text: str, triggers: Sequence[str], *, flavour: Flavour | str = Flavour.REDDIT) -> Summons | None:
    """Return what a message asks for; ``None`` when none of the ``triggers`` is said in it as a word.

    A trigger may carry punctuation, any case, and ``u/`` or ``@`` before it; options are words after it in its line.
    """
    trigger = _trigger_pattern(triggers)
    if not trigger.search(text):
        return None  # nearly every message there is
    for line in _own_words(text, Flavour(flavour)):
        if found := trigger.search(line):
            return Summons(_options_in(line[found.end() :]))
    return None


def parse_command(text: str, triggers: Sequence[str]) -> Command | None:
    """Return the command that a message consists of, perhaps behind a trigger; ``None`` when it says anything else."""
    words = _trigger_pattern(triggers).sub(" ", text)
    command = _COMMANDS.get(re.sub(r"[\W_]+", "", words).lower())
    return None if command is None else Command(command)


def links_in(text: str, *, flavour: Flavour | str = Flavour.REDDIT) -> list[str]:
    """Return the http and https links of a message in their order, each once, but those in quotes and code."""
    found: list[str] = []
    for token in _inline_tokens(text, Flavour(flavour)):
        if token.type in ("link_open", "image"):
            found.append(str(token.attrs.get("href") or token.attrs.get("src")))
        elif token.type == "text":
            found += [_trimmed(link) for link in _LINK.findall(token.content)]
    return list(dict.fromkeys(link for link in found if _LINK.match(link)))


def _trigger_pattern(triggers: Iterable[str]) -> re.Pattern[str]:
    words = "|".join(re.escape(trigger) for trigger in sorted(triggers, key=len, reverse=True))
    # Not part of a longer word, of an address (colorizebot.com), of r/colorizebot, nor somebody's (colorizebot's).
    return re.compile(rf"(?<![\w/.@-])(?:/?u/|@|!|/)?(?:{words})(?![\w-]|\.\w|['’]s\b|/)", re.IGNORECASE)


def _options_in(words: str) -> RecolorOptions:
    options = RecolorOptions()
    for word in _OPTION.findall(words):
        options = replace(options, **_OPTIONS[word.lower()])  # type: ignore[arg-type]  # each entry names its own field
    return options


def _own_words(text: str, flavour: Flavour) -> Iterator[str]:
    """Yield the lines that somebody says in their own words."""
    line, depth = "", 0
    for token in _inline_tokens(text, flavour):
        match token.type:
            case "link_open":
                depth += 1
            case "link_close":
                depth -= 1
            case "text" if not depth:
                line += _LINK.sub(" ", token.content)
            case "softbreak" | "hardbreak" | "end":
                yield line
                line = ""


@cache
def _markdown(flavour: Flavour) -> MarkdownIt:
    not_there = {Flavour.REDDIT: [], Flavour.DISCORD: ["code", "reference", "lheading"]}[flavour]
    return MarkdownIt("commonmark").disable(["html_block", "html_inline", *not_there])


def _inline_tokens(text: str, flavour: Flavour) -> Iterator[Token]:
    """Yield what is neither quoted nor code, piece by piece, with an ``end`` after each paragraph."""
    if flavour is Flavour.DISCORD:
        text = _QUOTED_REST.sub("", text)
    # Line by line: in CommonMark a quote would swallow the line after it, which nobody means by it here.
    for block in _markdown(flavour).parse(_QUOTED_LINE.sub("\n", text)):
        if block.type == "inline":
            yield from block.children or ()
            yield Token("end", "", 0)


def _trimmed(link: str) -> str:
    """Cut off what belongs to the sentence around a bare link."""
    link = link.rstrip(_AFTER_LINK)
    while link.endswith(")") and link.count(")") > link.count("("):
        link = link[:-1].rstrip(_AFTER_LINK)
    return link
