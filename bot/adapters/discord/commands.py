"""The slash commands and the entry in the *Apps* menu of messages."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import discord
from discord import app_commands
from discord.app_commands import Choice

from bot.adapters.discord import wording
from bot.ledger import LedgerAway
from inference.vocabulary import Layout, RecolorOptions

if TYPE_CHECKING:
    from bot.adapters.discord.client import ColorizeClient

    Interaction = discord.Interaction[ColorizeClient]
else:
    Interaction = discord.Interaction

_log = logging.getLogger(__name__)

_NATURAL = RecolorOptions().vividness
_VIVIDNESS = [Choice(name=name, value=value) for name, value in wording.VIVIDNESS.items()]
_LAYOUTS = [Choice(name=name, value=layout.value) for name, layout in wording.LAYOUTS.items()]


class Tree(app_commands.CommandTree["ColorizeClient"]):
    """The bot's commands."""

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        """Log what nobody foresaw and tell the person kindly."""
        cause = getattr(error, "original", error)
        if isinstance(cause, LedgerAway):
            _log.warning("a command can't be taken, the ledger is away: %s", cause)
        else:
            _log.error("a command failed", exc_info=error)
        try:
            if interaction.response.is_done():
                await interaction.edit_original_response(content=wording.STUMBLED)
            else:
                await interaction.response.send_message(wording.STUMBLED, ephemeral=True)
        except discord.DiscordException as another:
            _log.info("that can't be told either (%s)", type(another).__name__)


def add_to(tree: Tree) -> None:
    """Put all commands on the tree."""
    tree.add_command(_colorize)
    tree.add_command(_settings)
    tree.add_command(_colorize_message)


@app_commands.command(name="colorize", description=wording.COMMAND)
@app_commands.describe(
    image=wording.IMAGE_OPTION,
    link=wording.LINK_OPTION,
    vividness=wording.VIVIDNESS_OPTION,
    layout=wording.LAYOUT_OPTION,
    private=wording.PRIVATE_OPTION,
)
@app_commands.choices(vividness=_VIVIDNESS)
@app_commands.choices(layout=_LAYOUTS)
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def _colorize(
    interaction: Interaction,
    image: discord.Attachment | None = None,
    link: str | None = None,
    vividness: float = _NATURAL,
    layout: str = Layout.RECOLORED.value,
    private: bool = False,
) -> None:
    await interaction.client.interactions.commanded(
        interaction,
        attachment=image,
        link=link,
        options=RecolorOptions(vividness=vividness, layout=Layout(layout)),
        private=private,
    )


@app_commands.command(name="colorize-settings", description=wording.SETTINGS_COMMAND)
@app_commands.describe(answers=wording.ANSWERS_OPTION)
@app_commands.choices(answers=[Choice(name="on", value="on"), Choice(name="off", value="off")])
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def _settings(interaction: Interaction, answers: str | None = None) -> None:
    await interaction.client.interactions.settings_asked(interaction, None if answers is None else answers == "on")


@app_commands.context_menu(name=wording.MENU)
@app_commands.allowed_installs(guilds=True, users=True)
@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
async def _colorize_message(interaction: Interaction, message: discord.Message) -> None:
    await interaction.client.interactions.pointed_at(interaction, message)
