"""Discord's servers split between bots: each hears its own shards, and no other."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.adapters.discord.client import ColorizeClient
from bot.settings import DiscordSettings
from tests.bot.adapters.discord.seat import answer_to, jpg, seated, until
from tests.platforms.discord import Channel, DiscordDouble, Gateway, Message, User

SHARDS = 2


def channels(discord: DiscordDouble) -> list[Channel]:
    """One channel in a guild of each shard, by the shard's number."""
    found: dict[int, Channel] = {}
    while len(found) < SHARDS:
        guild = discord.guild()
        found.setdefault((guild.id >> 22) % SHARDS, discord.channel(guild))
    return [found[shard] for shard in range(SHARDS)]


async def test_each_bot_answers_the_servers_of_its_own_shards(
    tmp_path: Path, discord: DiscordDouble, ada: User
) -> None:
    places = channels(discord)
    direct = discord.direct(ada)
    for shard in range(SHARDS):
        (tmp_path / str(shard)).mkdir()
    async with (
        seated(tmp_path / "0", discord, shard_count=SHARDS, shard_ids=(0,)) as first,
        seated(tmp_path / "1", discord, shard_count=SHARDS, shard_ids=(1,)) as second,
    ):
        await until(lambda: first.announced and second.announced, "both bots to be online")
        await until(lambda: discord.commands, "the commands")
        assert sorted(tuple(each["shard"]) for each in discord.gateway.identified) == [(0, SHARDS), (1, SHARDS)]
        asked: list[Message] = [discord.says(ada, place, "colorizebot", attachments=[jpg()]) for place in places]
        asked.append(discord.says(ada, direct, "colorizebot", attachments=[jpg()]))
        for message in asked:
            answer = await answer_to(discord, message)
            assert discord.answers_to(message) == [answer]
        pressed = discord.press(ada, (await answer_to(discord, asked[1])), "Side by side")
        await answer_to(discord, pressed)
        taken = [
            {entry.request.message_id for entry in await seat.parts.ledger.of_requester("discord", str(ada.id))}
            for seat in (first, second)
        ]
    assert taken == [{str(asked[0].id), str(asked[2].id)}, {str(asked[1].id), str(pressed.id)}]


async def test_what_a_shard_missed_is_picked_up_although_another_went_on(
    tmp_path: Path, discord: DiscordDouble, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ColorizeClient, "before_identify_hook", _at_once)
    places = channels(discord)
    async with seated(tmp_path, discord, shard_count=SHARDS) as seat:
        await until(lambda: seat.announced, "the bot to be online")
        await answer_to(discord, discord.says(ada, places[1], "colorizebot", attachments=[jpg()]))

        def hurt(gateway: Gateway) -> None:
            """Cut both shards off, and forget the session of the second."""
            for session in list(gateway.sessions.values()):
                if session.shard == 1:
                    del gateway.sessions[session.id]
            gateway.drop()

        discord.on_gateway(hurt)
        missed = discord.says(ada, places[1], "colorizebot", attachments=[jpg()])
        assert (await answer_to(discord, missed)).attachments


async def test_the_commands_are_told_to_discord_by_the_bot_with_the_first_shard(
    tmp_path: Path, discord: DiscordDouble
) -> None:
    channels(discord)
    async with seated(tmp_path, discord, shard_count=SHARDS, shard_ids=(1,)) as seat:
        await until(lambda: seat.announced, "the bot to be online")
    assert not discord.commands
    assert (tmp_path / "discord-seen-1.json").is_file()


async def _at_once(_client: ColorizeClient, _shard_id: int | None, *, initial: bool = False) -> None:
    """Take the place of discord.py's pause of five seconds."""


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"shard_ids": (0,)}, "shard_ids needs shard_count"),
        ({"shard_count": 2, "shard_ids": (2,)}, "shard_ids go from 0 to 1"),
        ({"shard_count": 2, "shard_ids": (1, 1)}, "names a shard twice"),
        ({"shard_count": 2, "shard_ids": (-1,)}, "greater than or equal to 0"),
        ({"shard_count": 0}, "greater than 0"),
    ],
)
def test_shards_that_do_not_exist_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DiscordSettings(**settings)  # type: ignore[arg-type]
