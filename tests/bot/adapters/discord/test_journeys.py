"""What people ask on Discord, and what they get: the real discord.py against a loopback Discord."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from bot.ledger.replaying import Replaying
from bot.vocabulary import Refusal
from tests.bot.adapters.discord.seat import Seat, answer_to, jpg, photo, until
from tests.bot.adapters.discord.test_troubles import finished
from tests.platforms.discord import Channel, DiscordDouble, File, Message, User

pytestmark = pytest.mark.usefixtures("seat")


def noise() -> bytes:
    data = io.BytesIO()
    Image.effect_noise((600, 400), 80).save(data, "JPEG", quality=95)
    return data.getvalue()


def names(message: Message) -> list[str]:
    return [attachment.filename for attachment in message.attachments]


async def test_a_slash_command_is_answered_by_editing_its_response(
    discord: DiscordDouble, channel: Channel, ada: User
) -> None:
    asked = discord.slash(ada, channel=channel, image=jpg())
    answer = await answer_to(discord, asked)
    assert names(answer) == ["grandma-recolored.jpg"]
    assert "Here's your photo in colour" in answer.content
    assert Image.open(io.BytesIO(answer.attachments[0].data)).size == (64, 48)
    assert answer.attachments[0].description == "Recolored by a program."
    assert discord.answers_to(asked) == [answer]


async def test_a_trigger_word_with_a_photo_is_answered_by_one_reply(
    discord: DiscordDouble, channel: Channel, ada: User
) -> None:
    asked = discord.says(ada, channel, "Colorizebot, please!", attachments=[jpg("SPOILER_x.jpg"), jpg("b.jpg")])
    answer = await answer_to(discord, asked)
    assert names(answer) == ["SPOILER_x-recolored.jpg", "b-recolored.jpg"]
    assert answer.reply_to is asked
    assert discord.said_in(channel) == [answer]


@pytest.mark.parametrize("where", ["reply", "right after", "link", "forward"])
async def test_the_photo_may_be_elsewhere(discord: DiscordDouble, channel: Channel, ada: User, where: str) -> None:
    bob = discord.user("bob")
    shown = discord.says(bob, channel, "look at this", attachments=[jpg("theirs.jpg")])
    if where == "reply":
        discord.says(bob, channel, attachments=[jpg("another.jpg")])
        asked = discord.says(ada, channel, "colorizebot", reply_to=shown)
    elif where == "right after":
        discord.says(bob, channel, "nice, isn't it?")
        asked = discord.says(ada, channel, "colorizebot vivid")
    elif where == "link":
        asked = discord.says(ada, channel, f"colorizebot {discord.page('theirs.jpg', photo())}")
    else:
        forwarded = discord.forwards(bob, discord.channel(channel.guild, "other"), shown)
        asked = discord.says(ada, forwarded.channel, "colorizebot", reply_to=forwarded)
    assert names(await answer_to(discord, asked)) == ["theirs-recolored.jpg"]


async def test_a_mention_and_the_menu_work_too(discord: DiscordDouble, channel: Channel, ada: User) -> None:
    mentioned = discord.says(ada, channel, f"{discord.bot.mention} compare", attachments=[jpg("a.jpg")])
    assert "beside the original" in (await answer_to(discord, mentioned)).content
    quiet = discord.says(ada, channel, "my gran", attachments=[jpg("b.jpg")])
    assert names(await answer_to(discord, discord.menu(ada, quiet, "Colorize"))) == ["b-recolored.jpg"]


async def test_a_photo_in_a_direct_message_needs_no_word(discord: DiscordDouble, ada: User) -> None:
    asked = discord.says(ada, discord.direct(ada), attachments=[jpg()])
    assert names(await answer_to(discord, asked)) == ["grandma-recolored.jpg"]


async def test_no_photo_and_videos_are_told_kindly(discord: DiscordDouble, channel: Channel, ada: User) -> None:
    asked = discord.says(ada, channel, "colorizebot")
    assert "I didn't see a photo there" in (await answer_to(discord, asked)).content
    film = discord.says(ada, channel, "colorizebot", attachments=[File("a.mp4", b"film", "video/mp4")])
    assert "I can't recolor videos" in (await answer_to(discord, film)).content


async def test_only_people_who_call_are_answered(discord: DiscordDouble, channel: Channel, ada: User) -> None:
    first = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
    answer = await answer_to(discord, first)
    discord.says(ada, channel, "thanks!", reply_to=answer, attachments=[jpg()])
    discord.says(ada, channel, "> colorizebot", attachments=[jpg()])
    discord.says(ada, channel, "try colorizebot.com", attachments=[jpg()])
    last = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
    await answer_to(discord, last)
    assert len(discord.said_in(channel)) == 2


async def test_buttons_make_another_version_and_stop_where_there_is_none(
    discord: DiscordDouble, channel: Channel, ada: User, seat: Seat
) -> None:
    answer = await answer_to(discord, discord.slash(ada, channel=channel, image=jpg()))
    bob = discord.user("bob")
    vivid = await answer_to(discord, discord.press(bob, answer, "More vivid"))
    pressed = discord.press(bob, vivid, "Side by side")
    beside = await answer_to(discord, pressed)
    assert names(beside) == ["grandma-recolored.jpg"]
    entry = await seat.parts.ledger.by_message("discord", str(pressed.id))
    assert entry is not None
    assert (entry.request.options.vividness, entry.request.options.layout) == (1.4, "side_by_side")
    assert entry.request.requester == str(bob.id)
    assert "can't take that any further" in await answer_to_press(discord, discord.press(bob, vivid, "More vivid"))


async def test_delete_is_for_the_requester_and_moderators(
    discord: DiscordDouble, channel: Channel, ada: User, seat: Seat
) -> None:
    asked = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
    answer = await answer_to(discord, asked)
    told = await answer_to_press(discord, discord.press(discord.user("bob"), answer, "Delete"))
    assert "Only the person who asked" in told
    assert discord.said_in(channel)[0] is answer
    discord.press(ada, answer, "Delete")
    await until(lambda: answer not in discord.said_in(channel), "the answer to go")
    entry = await seat.parts.ledger.by_message("discord", str(asked.id))
    assert entry is not None
    assert entry.state == "deleted"


async def answer_to_press(discord: DiscordDouble, pressed: object) -> str:
    answers = await until(lambda: discord.answers_to(pressed), "words")  # type: ignore[arg-type]
    return str(answers[0].content)


async def test_private_answers_are_seen_by_the_asker_alone(discord: DiscordDouble, channel: Channel, ada: User) -> None:
    answer = await answer_to(discord, discord.slash(ada, channel=channel, image=jpg(), private=True))
    assert answer.flags & 64
    vivid = await answer_to(discord, discord.press(ada, answer, "More vivid"))
    assert vivid.flags & 64


async def test_opting_out_and_in(discord: DiscordDouble, channel: Channel, ada: User) -> None:
    assert "I won't answer you" in await answer_to_press(
        discord, discord.slash(ada, "colorize-settings", channel=channel, answers="off")
    )
    discord.says(ada, channel, "colorizebot", attachments=[jpg()])
    assert "You asked me to leave you alone" in await answer_to_press(
        discord, discord.slash(ada, channel=channel, image=jpg())
    )
    discord.slash(ada, "colorize-settings", channel=channel, answers="on")
    asked = discord.says(ada, discord.direct(ada), "opt in")
    await until(lambda: discord.answers_to(asked), "a welcome")
    again = discord.says(ada, channel, "colorizebot", attachments=[jpg()])
    await answer_to(discord, again)
    assert [answer.reply_to for answer in discord.said_in(channel) if answer.reply_to] == [again]


async def test_a_user_installed_app_answers_where_the_bot_is_not(discord: DiscordDouble, ada: User) -> None:
    elsewhere = discord.channel(discord.guild("elsewhere", has_bot=False))
    asked = discord.slash(ada, channel=elsewhere, user_installed=True, image=jpg())
    answer = await answer_to(discord, asked)
    vivid = discord.press(ada, answer, "More vivid")
    assert names(await answer_to(discord, vivid)) == ["grandma-recolored.jpg"]


async def test_large_results_are_made_to_fit_and_it_says_so(discord: DiscordDouble, ada: User) -> None:
    discord.rules.user_filesize_limit = 60_000
    small = discord.channel(discord.guild("small", filesize_limit=60_000))
    asked = discord.slash(ada, channel=small, image=File("noise.jpg", noise(), "image/jpeg"))
    answer = await answer_to(discord, asked)
    assert len(answer.attachments[0].data) <= 60_000
    assert "Made smaller" in answer.content
    # A guild doesn't say what it takes; Discord says no, and a smaller file is tried.
    told = discord.says(ada, small, "colorizebot", attachments=[File("noise.jpg", noise(), "image/jpeg")])
    assert len((await answer_to(discord, told)).attachments[0].data) <= 60_000
    assert len(discord.answers_to(told)) == 1


async def test_photos_of_people_who_opted_out_are_left_alone(
    discord: DiscordDouble, channel: Channel, ada: User
) -> None:
    bob = discord.user("bob")
    shown = discord.says(bob, channel, attachments=[jpg()])
    out = discord.says(bob, discord.direct(bob), "opt out")
    await until(lambda: discord.answers_to(out), "a confirmation")
    asked = discord.says(ada, channel, "colorizebot", reply_to=shown)
    assert "leave it alone" in (await answer_to(discord, asked)).content
    assert "leave it alone" in (await answer_to(discord, discord.menu(ada, shown, "Colorize"))).content


async def test_stickers_embeds_and_links_to_messages(discord: DiscordDouble, channel: Channel, ada: User) -> None:
    page = discord.page("barn.jpg", photo())
    linked = discord.says(discord.user("bob"), channel, page)
    discord.unfurls(linked, {page: photo()})
    asked = discord.says(ada, channel, "colorizebot", reply_to=linked)
    assert names(await answer_to(discord, asked)) == ["barn-recolored.jpg"]
    shown = discord.says(ada, channel, attachments=[jpg("gran.jpg")])
    link = f"https://discord.com/channels/{channel.guild.id}/{channel.id}/{shown.id}"
    assert names(await answer_to(discord, discord.slash(ada, channel=channel, link=link))) == ["gran-recolored.jpg"]


async def test_the_answer_of_a_replayed_request_takes_the_place_of_the_refusal(
    discord: DiscordDouble, channel: Channel, ada: User, seat: Seat
) -> None:
    asked = discord.says(ada, channel, "colorizebot", attachments=[File("notes.jpg", b"no photo", "image/jpeg")])
    refusal = await answer_to(discord, asked)
    await finished(seat, asked.id)
    [request] = (await seat.parts.ledger.of_requester("discord", str(ada.id)))[0:1]
    assert await Replaying(seat.parts.ledger.engine).replay([request.request.id]) == 1
    [replayed] = await seat.parts.ledger.of_requester("discord", str(ada.id))
    for _ in range(2):  # as after a crash between the edit and its note
        told = await seat.adapter.answer(replayed.request, Refusal("later", "It is something else."))
        assert told == str(refusal.id)
    assert [said.content for said in discord.said_in(channel)] == ["It is something else."]
