"""What a chat platform has to offer to the bot. A new platform is one new module here and one settings class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bot.intake import Intake
from bot.vocabulary import Outcome, Request


class Adapter(Protocol):
    """Turns a platform's events into requests, and outcomes into the platform's answers."""

    @property
    def name(self) -> str:
        """The platform's name, as in ``Request.platform``."""
        ...

    async def run(self, intake: Intake, announce: Callable[[str], None]) -> None:
        """Listen until cancelled, handing each request to ``intake.submit``.

        Call ``announce`` once people can reach the bot, with the place where they do: a page's address, a list of
        communities. Raises ``bot.problems.OperatorError`` when only the operator can help (a port that is taken, a
        password that is wrong); that stops the bot. After any other exception the adapter is started again.
        """
        ...

    async def answer(self, request: Request, outcome: Outcome) -> str:
        """Deliver the outcome and return the answer's id on the platform.

        Called again for the same request when the bot died before it could note the id down, so look first whether
        the answer is already there, and return its id if so. Raises ``NotDelivered`` or ``Undeliverable``.
        """
        ...


class NotDelivered(Exception):  # noqa: N818 - says what happened
    """The platform can't be reached, or asks to be left alone; the answer will be tried again later."""

    def __init__(self, why: str, *, retry_after: float | None = None) -> None:
        """``why`` is for the log; ``retry_after`` is in seconds, where the platform says so."""
        super().__init__(why)
        self.retry_after = retry_after


class Undeliverable(Exception):  # noqa: N818 - says what happened
    """Nobody will ever see an answer: the message is gone, or the bot may not write there."""
