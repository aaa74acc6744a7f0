"""A comment's text before it is written down: as Markdown, or as the rich text that native pictures need.

Rich text is Reddit's JSON form of a comment: paragraphs (``par``) of texts and links, ``img`` and ``gif`` by the ids of
uploaded media, ``o`` for what is to be blurred. It is what the website sends to ``api/comment`` as ``richtext_json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_BOLD, _SUPERSCRIPT = 1, 32


@dataclass(frozen=True, slots=True)
class Words:
    """A run of text, perhaps a link."""

    text: str
    link: str | None = None
    bold: bool = False
    hidden: bool = False
    """Covered as a spoiler until somebody taps on it."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Words on a line of their own."""

    words: tuple[Words, ...]
    small: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A native picture; there is none in Markdown."""

    asset: str
    """The id that Reddit gave to the upload."""
    caption: str
    animated: bool = False
    blurred: str | None = None
    """``nsfw`` or ``spoiler``; ``None`` to show it at once."""


Block = Paragraph | Picture


def to_markdown(blocks: Sequence[Block]) -> str:
    """Write paragraphs as Reddit's Markdown, a rule before the first small one."""
    written: list[str] = []
    for block in blocks:
        if isinstance(block, Paragraph):
            if block.small and "---" not in written:
                written.append("---")
            line = "".join(_markdown(words) for words in block.words)
            written.append(f"^({line})" if block.small else line)
    return "\n\n".join(written)


def to_richtext(blocks: Sequence[Block]) -> str:
    """Write paragraphs and pictures as ``richtext_json``."""
    document: list[Mapping[str, Any]] = []
    for block in blocks:
        if isinstance(block, Picture):
            document.append(_image(block))
        else:
            document.append({"e": "par", "c": [_node(words, small=block.small) for words in block.words]})
    return json.dumps({"document": document})


def _markdown(words: Words) -> str:
    written = f"[{words.text}]({words.link})" if words.link else words.text
    if words.bold:
        written = f"**{written}**"
    return f">!{written}!<" if words.hidden else written


def _node(words: Words, *, small: bool) -> dict[str, Any]:
    node: dict[str, Any] = {"e": "text", "t": words.text}
    if words.link:
        node = {"e": "link", "t": words.text, "u": words.link}
    if style := (_BOLD if words.bold else 0) | (_SUPERSCRIPT if small else 0):
        node["f"] = [[style, 0, len(words.text)]]
    return {"e": "spoilertext", "c": [node]} if words.hidden else node


def _image(picture: Picture) -> dict[str, Any]:
    node = {"e": "gif" if picture.animated else "img", "id": picture.asset, "c": picture.caption}
    return node if picture.blurred is None else {**node, "o": picture.blurred}
