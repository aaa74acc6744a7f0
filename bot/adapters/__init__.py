"""What a chat platform has to offer to the bot. A new platform is one new module here and one settings class."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.intake import Intake
from bot.vocabulary import ImageReference, Outcome, Refusal, Request


@dataclass(frozen=True, slots=True)
class Located:
    """The photos that a request is about."""

    images: tuple[ImageReference, ...]
    """At least one, in their order."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """What is to be added to the request's context."""


class Adapter(Protocol):
    """Turns a platform's events into requests, and outcomes into the platform's answers.

    ``locate`` and ``answer`` may be called again for the same request at any time: after an exception, after a restart.
    """

    @property
    def name(self) -> str:
        """The platform's name, as in ``Request.platform``."""
        ...

    async def run(self, intake: Intake, announce: Callable[[str], None]) -> None:
        """Listen until cancelled, handing each request to ``intake.submit`` or ``intake.take``.

        Call ``announce`` once people can reach the bot, with the place where they do: a page's address, a list of
        communities. Raises ``bot.problems.OperatorError`` when only the operator can help (a port that is taken, a
        password that is wrong); that stops the bot. After any other exception the adapter is started again.
        """
        ...

    async def locate(self, request: Request) -> Located:
        """Return the photos that the request is about, under links that are good right now.

        Called when the request has none yet, and when a link turns out dead that may have run out.
        Raises ``TryLater``, ``Refused``, ``TakenBack`` or ``Undeliverable``.
        """
        ...

    async def answer(self, request: Request, outcome: Outcome) -> str:
        """Deliver the outcome and return the answer's id on the platform.

        Called again for the same request when the bot died before it could note the id down, so look first whether
        the answer is already there, and return its id if so. When that is the one that the context's `REPLACES` names,
        the outcome takes its place. Raises ``TryLater``, ``TakenBack`` or ``Undeliverable``.
        """
        ...


class TryLater(Exception):  # noqa: N818 - says what to do
    """The platform can't be reached, isn't done yet, or asks to be left alone; the same will be tried again later."""

    def __init__(self, why: str, *, retry_after: float | None = None) -> None:
        """``why`` is for the log; ``retry_after`` is in seconds, where the platform says so."""
        super().__init__(why)
        self.retry_after = retry_after


class Undeliverable(Exception):  # noqa: N818 - says what happened
    """Nobody will ever see an answer: the message is gone, or the bot may not write there."""


class TakenBack(Exception):  # noqa: N818 - says what happened
    """The asking message was deleted, or edited so that it asks no longer: there is nothing to answer."""


class Refused(Exception):  # noqa: N818 - says what happened
    """There is nothing to recolor where the request points; the refusal becomes its answer."""

    def __init__(self, refusal: Refusal) -> None:
        """``refusal`` is what the requester will be told."""
        super().__init__(refusal.reason)
        self.refusal = refusal
