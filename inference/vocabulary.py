"""The words that the worker and its clients share: options, input kinds, results and header names.

Only the standard library is imported here, so that a client needs none of the model's dependencies.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from inference.problems import InvalidOption

MODEL_HEADER = "X-Colorizebot-Model"
INPUT_HEADER = "X-Colorizebot-Input"
WIDTH_HEADER = "X-Colorizebot-Width"
HEIGHT_HEADER = "X-Colorizebot-Height"

VIVIDNESS_MIN = 0.0
VIVIDNESS_MAX = 2.0

_Word = TypeVar("_Word", bound=StrEnum)


class Layout(StrEnum):
    """What the returned picture shows."""

    RECOLORED = "recolored"
    SIDE_BY_SIDE = "side_by_side"
    """The original on the left, the recolored photo on the right."""


class OutputFormat(StrEnum):
    """The returned file's format; ``AUTO`` keeps the input's where that makes sense."""

    AUTO = "auto"
    JPEG = "jpeg"
    PNG = "png"
    WEBP = "webp"


class InputKind(StrEnum):
    """What color the photo had when it came in."""

    GRAY = "gray"
    TINTED = "tinted"
    """One hue throughout, as sepia prints and cyanotypes have."""
    COLOR = "color"


@dataclass(frozen=True, slots=True)
class RecolorOptions:
    """How a photo is to be recolored.

    ``vividness`` multiplies the predicted chroma: 0 gives a gray photo, 1 what the model predicts, 2 twice that.
    Raises ``InvalidOption`` for anything out of range.
    """

    vividness: float = 1.0
    layout: Layout = Layout.RECOLORED
    format: OutputFormat = OutputFormat.AUTO

    def __post_init__(self) -> None:
        if not (math.isfinite(self.vividness) and VIVIDNESS_MIN <= self.vividness <= VIVIDNESS_MAX):
            raise _bad_vividness()

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> RecolorOptions:
        """Read the options of a URL query, for example ``{"vividness": "1.2", "layout": "side_by_side"}``.

        Omitted options take their defaults. Raises ``InvalidOption`` for unknown names and values.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name in query:
            if name not in names:
                raise InvalidOption(f"There is no option named “{name[:40]}”; please use {_listed(names)}.")
        return cls(
            vividness=_number(query["vividness"]) if "vividness" in query else 1.0,
            layout=_word(Layout, "layout", query.get("layout", Layout.RECOLORED)),
            format=_word(OutputFormat, "format", query.get("format", OutputFormat.AUTO)),
        )

    def to_query(self) -> dict[str, str]:
        """Return the options as a URL query that ``from_query`` reads back."""
        return {"vividness": repr(float(self.vividness)), "layout": self.layout.value, "format": self.format.value}


@dataclass(frozen=True, slots=True)
class Recolored:
    """A recolored photo: the file, and what was learnt on the way."""

    data: bytes
    media_type: str
    width: int
    """Width of the recolored photo in pixels; a side-by-side picture holds it twice."""
    height: int
    input: InputKind
    model: str
    """The model's name and the hash of its weights."""
    timings: Mapping[str, float]
    """Milliseconds by stage, as in the Server-Timing header."""


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise _bad_vividness() from None


def _word(words: type[_Word], name: str, text: str) -> _Word:
    try:
        return words(text)
    except ValueError:
        choices = _listed([word.value for word in words])
        raise InvalidOption(f"The option “{name}” can't be “{text[:40]}”; please use {choices}.") from None


def _listed(choices: list[str]) -> str:
    return ", ".join(choices[:-1]) + " or " + choices[-1]


def _bad_vividness() -> InvalidOption:
    return InvalidOption(f"The vividness has to be a number from {VIVIDNESS_MIN:g} to {VIVIDNESS_MAX:g}; 1 is natural.")
