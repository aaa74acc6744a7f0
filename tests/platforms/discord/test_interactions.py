"""Interactions as real discord.py answers them."""

from __future__ import annotations

import asyncio
import io
import time

import discord
import pytest

from tests.platforms.discord import DiscordDouble, File, NotOffered
from tests.platforms.discord.conftest import Client, LogIn
from tests.platforms.discord.test_messages import fetched, picture


@pytest.fixture
async def client(log_in: LogIn) -> Client:
    client = await log_in()
    await client.tree.sync()
    return client


async def used(client: Client) -> discord.Interaction:
    return await asyncio.wait_for(client.used.get(), 60)


async def test_a_slash_command_is_deferred_then_edited(double: DiscordDouble, client: Client) -> None:
    channel, ada = double.channel(double.guild()), double.user("ada")
    began = time.monotonic()
    asked = double.slash(ada, channel=channel, image=File("a.png", picture()), private=False)
    interaction = await used(client)
    assert await fetched(client.image.url) == (200, picture())
    assert (interaction.filesize_limit, interaction.user.name, client.private) == (10 * 2**20, "ada", False)
    await interaction.response.defer()
    assert 0 < asked.acknowledged < time.monotonic() - began
    assert asked.original.loading
    assert double.answers_to(asked) == []
    await interaction.edit_original_response(content="done", attachments=[discord.File(io.BytesIO(picture()), "b.png")])
    assert double.wait_for_answer(asked).attachments[0].data == picture()
    with pytest.raises(discord.HTTPException) as caught:
        await client.http.request(
            discord.http.Route("POST", "/interactions/{i}/{t}/callback", i=interaction.id, t=interaction.token),
            json={"type": 5},
        )
    assert caught.value.code == 40060
    assert (await interaction.original_response()).content == "done"
    await interaction.delete_original_response()
    with pytest.raises(discord.NotFound) as caught:
        await interaction.edit_original_response(content="x")
    assert caught.value.code == 10008


async def test_an_answer_may_be_hidden(double: DiscordDouble, client: Client) -> None:
    channel, ada, eve = double.channel(double.guild()), double.user("ada"), double.user("eve")
    asked = double.slash(ada, channel=channel, private=True)
    interaction = await used(client)
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="More", custom_id="more:1"))
    await interaction.response.defer(ephemeral=True, thinking=True)
    await interaction.edit_original_response(content="only you", view=view)
    answer = double.wait_for_answer(asked)
    assert answer.ephemeral
    with pytest.raises(discord.NotFound):
        await client.get_channel(channel.id).fetch_message(answer.id)
    with pytest.raises(NotOffered):
        double.press(eve, answer, "More")
    double.press(ada, answer, "More")
    pressed = await used(client)
    assert (pressed.data["custom_id"], pressed.message.flags.ephemeral) == ("more:1", True)


async def test_follow_ups_and_the_menu(double: DiscordDouble, client: Client) -> None:
    channel, ada = double.channel(double.guild()), double.user("ada")
    said = double.says(double.user("eve"), channel, "look", attachments=[File("a.png", picture())])
    asked = double.menu(ada, said)
    interaction = await used(client)
    assert client.target.attachments[0].filename == "a.png"
    await interaction.response.defer(thinking=True)
    first = await interaction.followup.send("first", wait=True)
    second = await interaction.followup.send("second", wait=True)
    assert [message.content for message in double.answers_to(asked)] == ["first", "second"]
    assert first.id == asked.original.id
    await second.edit(content="third")
    await second.delete()
    assert [message.content for message in double.answers_to(asked)] == ["first"]


async def test_a_button_updates_its_message(double: DiscordDouble, client: Client) -> None:
    channel, ada = double.channel(double.guild()), double.user("ada")
    double.slash(ada, channel=channel)
    interaction = await used(client)
    view = discord.ui.View(timeout=None)
    view.add_item(discord.ui.Button(label="More", custom_id="more"))
    await interaction.response.send_message("here", view=view)
    answer = double.said_in(channel)[0]
    double.press(ada, answer, "More")
    pressed = await used(client)
    await pressed.response.edit_message(content="changed", view=None)
    assert (answer.content, answer.buttons()) == ("changed", {})


async def test_tokens_run_out(double: DiscordDouble, client: Client) -> None:
    channel, ada = double.channel(double.guild()), double.user("ada")
    asked = double.slash(ada, channel=channel)
    interaction = await used(client)
    with pytest.raises(discord.NotFound) as caught:
        await interaction.edit_original_response(content="too early")
    assert caught.value.code == 10015
    await interaction.response.defer()
    double.end_token(asked)
    with pytest.raises(discord.HTTPException) as caught:
        await interaction.edit_original_response(content="too late")
    assert (caught.value.status, caught.value.code) == (401, 50027)


async def test_nobody_waits_longer_than_three_seconds(log_in: LogIn) -> None:
    async with DiscordDouble(acknowledge_seconds=0.1) as double:
        client = await log_in(double)
        await client.tree.sync()
        double.slash(double.user("ada"), channel=double.channel(double.guild()))
        interaction = await used(client)
        await asyncio.sleep(0.15)
        with pytest.raises(discord.NotFound) as caught:
            await interaction.response.defer()
        assert caught.value.code == 10062


async def test_the_app_installed_by_a_person_in_a_foreign_guild(double: DiscordDouble, client: Client) -> None:
    channel = double.channel(double.guild("foreign", has_bot=False))
    ada = double.user("ada")
    asked = double.slash(ada, channel=channel, user_installed=True)
    interaction = await used(client)
    assert interaction.is_user_integration()
    await interaction.response.defer()
    for number in range(6):
        await interaction.followup.send(str(number), wait=True)
    with pytest.raises(discord.HTTPException) as caught:
        await interaction.followup.send("one too many", wait=True)
    assert caught.value.code == 40094
    assert len(double.answers_to(asked)) == 6
    with pytest.raises(discord.Forbidden) as caught:
        await client.http.send_message(channel.id, params=discord.http.handle_message_parameters("hello"))
    assert caught.value.code == 50001


async def test_what_is_not_offered_can_not_be_used(double: DiscordDouble, client: Client) -> None:
    ada, eve = double.user("ada"), double.user("eve")
    channel = double.channel(double.guild())
    with pytest.raises(NotOffered):
        double.slash(ada, "paint", channel=channel)
    with pytest.raises(NotOffered):
        double.slash(ada, channel=channel, size=3)
    with pytest.raises(NotOffered):
        double.menu(ada, double.says(ada, double.group(ada, eve), "x"), user_installed=True)


async def test_commands_keep_their_ids_when_set_again(double: DiscordDouble, client: Client) -> None:
    before = {command["name"]: command["id"] for command in double.commands}
    await client.tree.sync()
    assert {command["name"]: command["id"] for command in double.commands} == before
    assert [command.name for command in await client.tree.fetch_commands()] == ["colorize", "Colorize"]
