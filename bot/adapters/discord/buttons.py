"""The buttons below an answer; they live in their custom ids, so they outlive the process."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import discord
from discord import ui

from bot.adapters import TryLater
from bot.adapters.discord import wording
from bot.adapters.discord.acknowledging import whisper
from bot.ledger import LedgerAway
from bot.vocabulary import Answer, Outcome, Request
from inference.vocabulary import Layout, RecolorOptions

if TYPE_CHECKING:
    from bot.adapters.discord.client import ColorizeClient

_log = logging.getLogger(__name__)

_PREFIX = "colorizebot"
_TEMPLATE = re.compile(rf"{_PREFIX}:(?P<action>[a-z]+):(?P<id>[\w-]{{1,64}})")
_STEPS = tuple(sorted(wording.VIVIDNESS.values()))


class Action(StrEnum):
    """What a button does."""

    MORE_VIVID = "vivid"
    SOFTER = "soft"
    SIDE_BY_SIDE = "compare"
    DELETE = "delete"


_LABELS = {
    Action.MORE_VIVID: wording.MORE_VIVID,
    Action.SOFTER: wording.SOFTER,
    Action.SIDE_BY_SIDE: wording.SIDE_BY_SIDE,
    Action.DELETE: wording.DELETE,
}


class AnswerButton(ui.DynamicItem[ui.Button[ui.View]], template=_TEMPLATE):
    """One of the buttons below the answer to a request."""

    def __init__(self, action: Action, request_id: str, *, disabled: bool = False) -> None:
        """Make the button for ``action``."""
        self.action = action
        self.request_id = request_id
        style = discord.ButtonStyle.danger if action is Action.DELETE else discord.ButtonStyle.secondary
        super().__init__(
            ui.Button(
                label=_LABELS[action], style=style, disabled=disabled, custom_id=f"{_PREFIX}:{action}:{request_id}"
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Return the button that somebody pressed."""
        return cls(Action(match["action"]), match["id"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Have the press seen to."""
        client: ColorizeClient = interaction.client
        try:
            await client.interactions.pressed(interaction, self.action, self.request_id)
        except (LedgerAway, TryLater) as error:
            _log.warning("a button can't be seen to: action=%s (%s)", self.action, error)
            if not interaction.response.is_done():
                await whisper(interaction, wording.STUMBLED)


def below(request: Request, outcome: Outcome, *, ephemeral: bool) -> ui.View | None:
    """Return the buttons below an answer; each is disabled where there is no step left to take."""
    view = ui.View(timeout=None)
    if isinstance(outcome, Answer):
        for action in (Action.MORE_VIVID, Action.SOFTER, Action.SIDE_BY_SIDE):
            view.add_item(AnswerButton(action, request.id, disabled=after(action, request.options) is None))
    elif ephemeral:
        return None  # whoever sees it can dismiss it
    view.add_item(AnswerButton(Action.DELETE, request.id))
    return view


def after(action: Action, options: RecolorOptions) -> RecolorOptions | None:
    """Return the options one step further; ``None`` where there is no such step."""
    if action is Action.SIDE_BY_SIDE:
        return None if options.layout is Layout.SIDE_BY_SIDE else replace(options, layout=Layout.SIDE_BY_SIDE)
    if action is Action.MORE_VIVID:
        steps = [step for step in _STEPS if step > options.vividness]
    elif action is Action.SOFTER:
        steps = [step for step in reversed(_STEPS) if step < options.vividness]
    else:
        return None
    return replace(options, vividness=steps[0]) if steps else None


def custom_ids(message: dict[str, Any]) -> set[str]:
    """Return the custom ids of the buttons below a message, as Discord describes it."""
    rows = message.get("components") or []
    return {button.get("custom_id", "") for row in rows for button in row.get("components") or []}


def request_id(message: object) -> str | None:
    """Return the request that a message of the bot's answers; ``None`` for any other message."""
    rows = message.components if isinstance(message, discord.Message) else []
    for row in rows:
        for button in row.children if isinstance(row, discord.ActionRow) else ():
            if match := _TEMPLATE.fullmatch(button.custom_id or ""):
                return match["id"]
    return None


def delete_id(request_id: str) -> str:
    """Return the custom id that every answer to a request carries."""
    return f"{_PREFIX}:{Action.DELETE}:{request_id}"
