"""``richtext_json``: what the web editor sends in place of Markdown; no other way puts a picture into a comment."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

_PARENTS = {"par", "h", "li", "blockquote", "spoilertext"}
_STYLES = {1: "**", 2: "*", 8: "~~", 64: "`"}


class NotRichText(ValueError):  # noqa: N818 - says what happened
    """It isn't a document that Reddit would take."""


def markdown(text: str, picture: Callable[[str, str, str], str]) -> str:
    """Return a document as Markdown; ``picture`` makes a link of a picture's element, asset id and caption."""
    try:
        blocks = json.loads(text)["document"]
    except (ValueError, KeyError, TypeError) as error:
        raise NotRichText(f"no document: {text[:80]}") from error
    if not isinstance(blocks, list) or not blocks:
        raise NotRichText("the document has to be a list of blocks")
    return "\n\n".join(_block(block, picture) for block in blocks)


def _block(block: dict[str, Any], picture: Callable[[str, str, str], str]) -> str:
    kind = block.get("e")
    if kind in ("img", "gif"):
        return picture(kind, str(block.get("id")), str(block.get("c", "")))
    if kind == "hr":
        return "---"
    if kind == "list":
        return "\n".join(f"* {_children(item, picture)}" for item in block["c"])
    if kind == "h":
        return "#" * int(block["l"]) + " " + "".join(_inline(part) for part in block["c"])
    if kind == "blockquote":
        return "> " + _children(block, picture)
    if kind == "par":
        return "".join(_inline(part) for part in block["c"])
    raise NotRichText(f"unknown block {kind!r}")


def _children(block: dict[str, Any], picture: Callable[[str, str, str], str]) -> str:
    return "\n\n".join(_block(part, picture) for part in block["c"])


def _inline(part: dict[str, Any]) -> str:
    kind = part.get("e")
    if kind in ("text", "raw"):
        return _styled(part)
    if kind == "link":
        return f"[{_styled(part)}]({part['u']})"
    if kind in ("u/", "r/"):
        return f"{'/' if part.get('l') else ''}{kind}{part['t']}"
    if kind == "br":
        return "  \n"
    if kind == "spoilertext":
        return ">!" + "".join(_inline(inner) for inner in part["c"]) + "!<"
    raise NotRichText(f"unknown element {kind!r}")


def _styled(part: dict[str, Any]) -> str:
    text = part["t"]
    if not isinstance(text, str):
        raise NotRichText("text has to be a string")
    for style, start, length in sorted(part.get("f", []), key=lambda piece: piece[1], reverse=True):
        for bit, mark in _STYLES.items():
            if style & bit:
                text = f"{text[:start]}{mark}{text[start : start + length]}{mark}{text[start + length :]}"
    return text
