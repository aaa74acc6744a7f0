"""What nobody needs any more is not kept, and what comes twice or at a bad moment does no harm."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from bot.adapters.discord import waiting
from bot.ledger import LedgerAway
from bot.settings import LimitSettings
from tests.bot.adapters.discord.seat import Seat, answer_to, jpg, seated, until
from tests.bot.adapters.discord.test_troubles import finished
from tests.platforms.discord import Channel, DiscordDouble, Fault, User


async def test_a_delete_that_is_heard_twice_is_no_trouble(
    seat: Seat, discord: DiscordDouble, channel: Channel, ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await answer_to(discord, discord.says(ada, channel, "colorizebot", attachments=[jpg()]))
    discord.on_gateway(lambda gateway: setattr(gateway, "repeat_each", 2))
    with caplog.at_level(logging.INFO):
        discord.says(ada, channel, "delete", reply_to=answer)
        await until(lambda: "can't be deleted" in caplog.text, "the second one to find nothing")
    assert discord.said_in(channel) == []
    assert "event of Discord failed" not in caplog.text


async def test_a_button_that_is_refused_leaves_no_photos_behind(tmp_path: Path, discord: DiscordDouble) -> None:
    channel, ada = discord.channel(discord.guild()), discord.user("ada")
    async with seated(tmp_path, discord, limits=LimitSettings(requester_per_hour=1, max_pictures=1)) as seat:
        await until(lambda: seat.announced and discord.commands)
        asked = discord.slash(ada, channel=channel, image=jpg())
        answer = await answer_to(discord, asked)
        pressed = discord.press(ada, answer, "More vivid")
        assert "many photos lately" in (await answer_to(discord, pressed)).content
        await finished(seat, pressed.id)
        entry = await seat.parts.ledger.by_message("discord", str(asked.id))
        assert entry is not None
        assert await seat.parts.storage.holdings() == [entry.request.id]


async def test_a_button_is_answered_kindly_while_the_ledger_is_away(
    seat: Seat, discord: DiscordDouble, channel: Channel, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await answer_to(discord, discord.slash(ada, channel=channel, image=jpg()))

    async def away(_request_id: str) -> None:
        raise LedgerAway("no answer")

    monkeypatch.setattr(seat.parts.ledger, "by_id", away)
    pressed = discord.press(ada, answer, "Softer")
    told = await until(lambda: discord.answers_to(pressed), "a kind word")
    assert "try again" in told[0].content
    monkeypatch.undo()


async def test_nobody_waits_on_after_a_request_is_gone(
    seat: Seat, discord: DiscordDouble, channel: Channel, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_QUIET_SECONDS", 0.0)
    seat.worker.gate.clear()
    asked = discord.slash(ada, channel=channel, image=jpg())
    typed_for = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
    await until(lambda: seat.worker.asked == 2, "both to be worked on")
    client = seat.adapter._client
    assert client is not None
    room = client.waiting
    assert room._waits
    for each in (asked, typed_for):
        entry = await seat.parts.ledger.by_message("discord", str(each.id))
        assert entry is not None
        await seat.parts.intake.withdraw(entry.request.id)
    await until(lambda: not (room._waits or room._typing or room._summonses), "everybody to leave")


async def test_an_answer_to_a_forgotten_request_is_not_for_anybody_to_delete(
    seat: Seat, discord: DiscordDouble, channel: Channel, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await answer_to(discord, discord.slash(ada, channel=channel, image=jpg()))

    async def forgotten(_request_id: str) -> None:
        return None

    monkeypatch.setattr(seat.parts.ledger, "by_id", forgotten)
    pressed = discord.press(discord.user("bob"), answer, "Delete")
    told = await until(lambda: discord.answers_to(pressed), "a word")
    assert "Only the person who asked" in told[0].content
    assert answer in discord.said_in(channel)
    discord.press(ada, answer, "Delete")
    await until(lambda: answer not in discord.said_in(channel), "the answer to go")
    monkeypatch.undo()


async def test_an_answer_far_below_its_summons_is_not_given_twice(
    tmp_path: Path, discord: DiscordDouble, channel: Channel, ada: User
) -> None:
    discord.rules.nonce_seconds = 0  # as after some minutes
    async with seated(tmp_path, discord) as seat:
        await until(lambda: seat.announced)
        seat.worker.gate.clear()
        asked = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
        await until(lambda: seat.worker.asked, "the photo to be worked on")
        bob = discord.user("bob")
        for number in range(520):
            discord.says(bob, channel, f"chatting {number}")
        discord.fail(Fault.DISCONNECT_AFTER, "POST", r"^/channels/\d+/messages$")
        seat.worker.gate.set()
        assert await finished(seat, asked.id) is not None
    assert len(discord.answers_to(asked)) == 1
