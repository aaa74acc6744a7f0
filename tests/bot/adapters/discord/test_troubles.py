"""What goes wrong on Discord: nothing is lost, nothing is said twice."""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

import pytest

from bot.adapters.discord import waiting
from bot.problems import OperatorError
from tests.bot.adapters.discord.seat import Seat, answer_to, calmly, jpg, seated, until
from tests.platforms.discord import Channel, DiscordDouble, Fault, Gateway, Guild, Permission, User

POST = r"^/channels/\d+/messages$"
EDIT = r"^/webhooks/\d+/[^/]+/messages/@original$"
CALLBACK = r"^/interactions/\d+/[^/]+/callback$"
UNDERSTOOD = [fault for fault in Fault if fault is not Fault.SLOW]


@pytest.mark.parametrize("fault", UNDERSTOOD)
async def test_a_post_that_fails_is_there_once(
    seat: Seat, discord: DiscordDouble, channel: Channel, ada: User, fault: Fault
) -> None:
    discord.fail(fault, "POST", POST, seconds=0.2)
    asked = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
    answer = await answer_to(discord, asked)
    entry = await finished(seat, asked.id)
    assert entry == str(answer.id)
    assert discord.said_in(channel) == [answer]


@pytest.mark.parametrize("fault", UNDERSTOOD)
async def test_an_edit_that_fails_is_made_again(
    seat: Seat, discord: DiscordDouble, channel: Channel, ada: User, fault: Fault
) -> None:
    discord.fail(fault, "PATCH", EDIT, seconds=0.2)
    asked = discord.slash(ada, channel=channel, image=jpg())
    answer = await answer_to(discord, asked)
    await finished(seat, asked.id)
    assert discord.said_in(channel) == [answer]
    assert len(answer.attachments) == 1


@pytest.mark.parametrize("fault", [Fault.BAD_GATEWAY_AFTER, Fault.DISCONNECT_AFTER, Fault.TRUNCATED, Fault.DISCONNECT])
async def test_an_acknowledgement_that_fails_is_made_again(
    seat: Seat, discord: DiscordDouble, channel: Channel, ada: User, fault: Fault
) -> None:
    discord.fail(fault, "POST", CALLBACK)
    asked = discord.slash(ada, channel=channel, image=jpg())
    await answer_to(discord, asked)
    await finished(seat, asked.id)
    assert len(discord.said_in(channel)) == 1


async def test_a_token_that_has_run_out_falls_back_to_a_message(
    seat: Seat, discord: DiscordDouble, channel: Channel, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_QUIET_SECONDS", 600.0)  # nothing is said about waiting before
    seat.worker.gate.clear()
    asked = discord.slash(ada, channel=channel, image=jpg())
    await until(lambda: seat.worker.asked, "the photo to be worked on")
    discord.end_token(asked)
    seat.worker.gate.set()
    answer = await answer_to(discord, asked)
    assert ada.mention in answer.content
    assert [len(each.attachments) for each in discord.answers_to(asked)] == [1]


async def test_a_private_answer_never_falls_back_to_the_channel(
    seat: Seat, discord: DiscordDouble, channel: Channel, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_QUIET_SECONDS", 600.0)  # nothing is said about waiting before
    seat.worker.gate.clear()
    asked = discord.slash(ada, channel=channel, image=jpg(), private=True)
    await until(lambda: seat.worker.asked, "the photo to be worked on")
    discord.end_token(asked)
    seat.worker.gate.set()
    direct = discord.direct(ada)
    answers = await until(lambda: discord.said_in(direct), "a direct message")
    assert "You asked privately" in answers[0].content
    assert discord.said_in(channel) == []


async def test_a_place_in_the_line_is_shown_when_it_takes_longer(
    seat: Seat, discord: DiscordDouble, channel: Channel, ada: User
) -> None:
    seat.worker.gate.clear()
    for name in "abcde":
        discord.slash(discord.user(name), channel=channel, image=jpg())
    await until(lambda: seat.worker.asked == 4, "the others to be worked on")
    asked = discord.slash(ada, channel=channel, image=jpg())
    shown = await until(lambda: discord.answers_to(asked), "a place in the line")
    assert "in line" in shown[0].content
    seat.worker.gate.set()
    answer = await answer_to(discord, asked)
    assert "in line" not in answer.content
    assert "in line" in "".join(answer.revisions)


async def test_links_that_ran_out_are_refreshed(tmp_path: Path, discord: DiscordDouble, ada: User) -> None:
    channel = discord.channel(discord.guild())
    async with seated(tmp_path, discord, work=False) as seat:
        await until(lambda: seat.announced and discord.commands)
        asked = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
        picked = discord.menu(ada, discord.says(ada, channel, attachments=[jpg("b.jpg")]), "Colorize")
        await recorded(seat, asked.id)
        await recorded(seat, picked.id)
    for message in list(channel.messages.values()):
        discord.expire_links(message)
    async with seated(tmp_path, discord) as seat:
        await answer_to(discord, asked)
        await answer_to(discord, picked)


async def test_a_summons_that_is_taken_back_gets_no_answer(
    seat: Seat, discord: DiscordDouble, channel: Channel, ada: User
) -> None:
    seat.worker.gate.clear()
    edited = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
    deleted = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
    await until(lambda: seat.worker.asked == 2, "both to be worked on")
    discord.edits(edited, "never mind")
    discord.deletes(deleted)
    for message in (edited, deleted):
        await finished(seat, message.id)
    seat.worker.gate.set()
    last = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
    await answer_to(discord, last)
    assert [answer.reply_to for answer in discord.said_in(channel)] == [last]


async def test_without_permissions(seat: Seat, discord: DiscordDouble, guild: Guild, ada: User) -> None:
    blind = discord.channel(guild, "blind", bot_lacks=Permission.READ_MESSAGE_HISTORY)
    discord.says(ada, blind, "my gran", attachments=[jpg("gran.jpg")])
    asked = discord.says(ada, blind, "colorizebot")
    answer = await answer_to(discord, asked)
    assert [attachment.filename for attachment in answer.attachments] == ["gran-recolored.jpg"]
    assert ada.mention in answer.content
    mute = discord.channel(guild, "mute", bot_lacks=Permission.SEND_MESSAGES)
    silent = discord.says(ada, mute, "colorizebot", attachments=[jpg()])
    assert await finished(seat, silent.id) is None
    assert discord.said_in(mute) == []


async def test_without_the_message_content_intent(tmp_path: Path, ada: User, caplog: pytest.LogCaptureFixture) -> None:
    async with DiscordDouble(message_content=False) as discord:
        channel, ada = discord.channel(discord.guild()), discord.user("ada")
        with caplog.at_level(logging.WARNING):
            async with seated(tmp_path, discord) as seat:
                await until(lambda: seat.announced, "the bot to go on without")
                await until(lambda: discord.commands)
                await answer_to(discord, discord.slash(ada, channel=channel, image=jpg()))
                await answer_to(discord, discord.says(ada, channel, discord.bot.mention, attachments=[jpg()]))
                quiet = discord.says(ada, channel, attachments=[jpg()])
                await answer_to(discord, discord.menu(ada, quiet, "Colorize"))
        assert "Message Content Intent" in caplog.text


async def test_why_the_gateway_hangs_up_is_heard_even_if_it_waits_for_no_reply(tmp_path: Path) -> None:
    async with DiscordDouble(message_content=False) as discord:
        discord.on_gateway(lambda gateway: setattr(gateway, "patient", False))
        async with seated(tmp_path, discord) as seat:
            await until(lambda: seat.announced, "the bot to go on without")
        assert len(discord.gateway.identified) == 2


async def test_the_gateway_may_be_down_reconnect_and_forget(tmp_path: Path, ada: User) -> None:
    async with DiscordDouble(gateway_open=False) as discord:
        channel, ada = discord.channel(discord.guild()), discord.user("ada")
        async with seated(tmp_path, discord) as seat:
            await asyncio.sleep(0.5)
            discord.open_gateway()
            await until(lambda: seat.announced, "the bot to be online")
            discord.on_gateway(Gateway.reconnect)
            await answer_to(discord, discord.says(ada, channel, "colorizebot", attachments=[jpg()]))
            discord.on_gateway(lambda gateway: gateway.invalidate())
            await answer_to(discord, discord.says(ada, channel, "colorizebot", attachments=[jpg()]))
        assert len(discord.said_in(channel)) == 2


async def test_what_was_posted_while_the_bot_was_down_is_picked_up(
    tmp_path: Path, discord: DiscordDouble, channel: Channel, ada: User
) -> None:
    async with seated(tmp_path, discord) as seat:
        await until(lambda: seat.announced)
        first = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
        await answer_to(discord, first)
        await answer_to(discord, discord.says(ada, discord.direct(ada), "colorizebot", attachments=[jpg()]))
    missed = discord.says(ada, channel, "colorizebot", attachments=[jpg("missed.jpg")])
    direct = discord.says(ada, discord.direct(ada), attachments=[jpg()])
    async with seated(tmp_path, discord):
        await answer_to(discord, direct)
        assert (await answer_to(discord, missed)).attachments[0].filename == "missed-recolored.jpg"
        assert len(discord.answers_to(first)) == 1


async def test_what_was_missed_in_a_guild_that_comes_in_late_is_picked_up(
    tmp_path: Path, discord: DiscordDouble, channel: Channel, ada: User
) -> None:
    async with seated(tmp_path, discord) as seat:
        await until(lambda: seat.announced)
        await answer_to(discord, discord.says(ada, channel, "colorizebot", attachments=[jpg()]))
    missed = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
    discord.on_gateway(lambda gateway: setattr(gateway, "guild_seconds", 2.5))
    async with seated(tmp_path, discord):
        await answer_to(discord, missed)


async def test_buttons_live_on_after_a_restart(
    tmp_path: Path, discord: DiscordDouble, channel: Channel, ada: User
) -> None:
    async with seated(tmp_path, discord) as seat:
        await until(lambda: seat.announced and discord.commands)
        answer = await answer_to(discord, discord.slash(ada, channel=channel, image=jpg()))
    async with seated(tmp_path, discord) as seat:
        await until(lambda: seat.announced)
        await answer_to(discord, discord.press(ada, answer, "Softer"))


async def test_commands_are_told_only_when_they_changed(
    tmp_path: Path, discord: DiscordDouble, channel: Channel, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with seated(tmp_path, discord):
            await until(lambda: "told Discord about the commands" in caplog.text, "the commands")
        async with seated(tmp_path, discord):
            await until(lambda: "the commands on Discord are up to date" in caplog.text, "a look at the commands")
    assert len(discord.journal.find("PUT", r"/applications/\d+/commands")) == 1
    kept = json.loads((tmp_path / "discord-commands.json").read_text())
    (tmp_path / "discord-commands.json").write_text(json.dumps({**kept, "commands": "other"}))
    async with seated(tmp_path, discord):
        await until(lambda: len(discord.journal.find("PUT", r"/applications/\d+/commands")) == 2)


async def test_a_wrong_token_is_told_to_the_operator(tmp_path: Path, discord: DiscordDouble) -> None:
    async with seated(tmp_path, discord, token="wrong") as seat:
        with pytest.raises(OperatorError, match="COLORIZEBOT_DISCORD__TOKEN"):
            await calmly(seat.adapter.run(seat.parts.intake, seat.announced.append))
        await calmly(asyncio.wait(seat.tasks[:1]))
        assert isinstance(seat.tasks[0].exception(), OperatorError)


async def test_blocked_people_and_bots_get_no_answer(
    tmp_path: Path, discord: DiscordDouble, channel: Channel, ada: User
) -> None:
    bob = discord.user("bob")
    async with seated(tmp_path, discord, blocked_users=(bob.id,)) as seat:
        await until(lambda: seat.announced)
        discord.says(bob, channel, "colorizebot", attachments=[jpg()])
        asked = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
        await answer_to(discord, asked)
        assert len(discord.said_in(channel)) == 1


async def test_moderators_may_delete_by_a_reply(
    tmp_path: Path, discord: DiscordDouble, channel: Channel, guild: Guild, ada: User
) -> None:
    bob, carol = discord.user("bob"), discord.user("carol")
    discord.promote(carol, guild)
    async with seated(tmp_path, discord) as seat:
        await until(lambda: seat.announced)
        answer = await answer_to(discord, discord.says(ada, channel, "colorizebot", attachments=[jpg()]))
        discord.says(bob, channel, "delete", reply_to=answer)
        await asyncio.sleep(0.3)
        assert discord.said_in(channel) == [answer]
        discord.says(carol, channel, "colorizebot delete", reply_to=answer)
        await until(lambda: not discord.said_in(channel), "the answer to go")


async def recorded(seat: Seat, message_id: int) -> None:
    async with asyncio.timeout(60):
        while await seat.parts.ledger.by_message("discord", str(message_id)) is None:
            await asyncio.sleep(0.02)


async def finished(seat: Seat, message_id: int) -> str | None:
    """Wait until a request is finished, and return its answer's id."""
    async with asyncio.timeout(60):
        while True:
            entry = await seat.parts.ledger.by_message("discord", str(message_id))
            if entry is not None and entry.state.finished:
                return entry.answer_id
            await asyncio.sleep(0.02)
