"""What answers are like: their size, their secrets, their buttons, and where they go when Discord says no."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.end_to_end.discord.bot_on_discord import BotOnDiscord, bot_on_discord
from tests.end_to_end.discord.scene import PATIENCE, Scene, photo
from tests.end_to_end.photos import chroma_of, gray_photo, size_of
from tests.platforms.discord import MIB, DiscordDouble, Fault, File, Permission

_DELETED = re.compile(r"request \S+ deleted$", re.MULTILINE)


def noise(width: int, height: int) -> bytes:
    """Return a gray PNG that hardly gets smaller."""
    levels = np.random.default_rng(0).integers(0, 255, (height, width), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def test_a_result_that_is_too_large_is_made_to_fit_and_says_so(scene: Scene) -> None:
    guild = scene.discord.guild(filesize_limit=10 * MIB)
    channel = scene.discord.channel(guild)
    big = File("big.png", noise(2700, 1700))
    asked = scene.discord.says(scene.ada, channel, "colorizebot", attachments=[big])
    answer = scene.picture(asked)
    assert len(answer.attachments[0].data) <= 10 * MIB
    assert "smaller" in answer.content.lower()


def test_a_smaller_limit_of_the_interaction_is_kept(scene: Scene) -> None:
    guild = scene.discord.guild(filesize_limit=100_000)
    channel = scene.discord.channel(guild)
    scene.discord.rules.user_filesize_limit = 100_000
    asked = scene.discord.slash(scene.ada, channel=channel, image=File("big.png", noise(400, 300)))
    scene.discord.rules.user_filesize_limit = 10 * MIB
    answer = scene.picture(asked)
    assert len(answer.attachments[0].data) <= 100_000
    assert "smaller" in answer.content.lower()


def test_a_limit_that_the_bot_could_not_know_is_found_out(scene: Scene) -> None:
    guild = scene.discord.guild(filesize_limit=MIB)
    asked = scene.discord.says(
        scene.ada, scene.discord.channel(guild), "colorizebot", attachments=[File("big.png", noise(1000, 800))]
    )
    answer = scene.picture(asked)
    assert len(answer.attachments[0].data) <= MIB


def test_a_hidden_photo_stays_hidden(scene: Scene) -> None:
    hidden, plain = photo("SPOILER_secret.jpg"), photo("plain.jpg")
    asked = scene.discord.says(scene.ada, scene.channel, "colorizebot", attachments=[hidden, plain])
    answer = scene.picture(asked, count=2)
    assert [attachment.spoiler for attachment in answer.attachments] == [True, False]
    slash = scene.discord.slash(scene.ada, channel=scene.channel, image=photo("SPOILER_secret.jpg"))
    assert scene.picture(slash).attachments[0].spoiler
    again = scene.discord.press(scene.ada, answer, "Softer")
    assert [attachment.spoiler for attachment in scene.picture(again, count=2).attachments] == [True, False]


def test_a_colour_photo_is_recolored_and_the_answer_says_so(scene: Scene) -> None:
    y, x = np.mgrid[0:60, 0:80] * 3
    levels = np.stack([x, y, 255 - x], axis=-1).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG")
    asked = scene.discord.slash(scene.ada, channel=scene.channel, image=File("rainbow.png", buffer.getvalue()))
    assert "colour already" in scene.picture(asked).content


def test_nobody_else_is_pinged(scene: Scene) -> None:
    words = f"colorizebot {scene.eve.mention} @everyone"
    asked = scene.discord.says(scene.ada, scene.channel, words, attachments=[photo(f"{scene.eve.mention}.jpg")])
    assert scene.eve not in scene.picture(asked).pinged


def test_buttons_make_other_versions(scene: Scene) -> None:
    asked = scene.discord.slash(scene.ada, channel=scene.channel, image=File("a.jpg", gray_photo(140, 100, seed=930)))
    answer = scene.picture(asked)
    softer, more = (scene.discord.press(scene.eve, answer, button) for button in ("Softer", "More vivid"))
    beside = scene.discord.press(scene.ada, answer, "Side by side")
    weak, strong = (chroma_of(scene.picture(pressed).attachments[0].data) for pressed in (softer, more))
    assert strong > 1.3 * weak
    assert scene.picture(beside).attachments[0].data != answer.attachments[0].data
    assert len(answer.attachments) == 1
    for button in ("Softer", "More vivid", "Side by side"):
        scene.picture_promptly(lambda button=button: scene.discord.press(scene.eve, answer, button))


def test_only_the_requester_and_moderators_delete(scene: Scene) -> None:
    asked, other = (
        scene.discord.slash(scene.ada, channel=scene.channel, image=photo()),
        scene.discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()]),
    )
    answer, second = scene.picture(asked), scene.picture(other)
    refused = scene.discord.press(scene.eve, answer, "Delete")
    told = scene.discord.wait_for(lambda: scene.discord.answers_to(refused), "a word to Eve", PATIENCE)
    assert told[0].ephemeral
    assert answer in scene.discord.said_in(scene.channel)
    scene.discord.press(scene.ada, answer, "Delete")
    scene.discord.wait_for(lambda: answer not in scene.discord.said_in(scene.channel), "the answer to go", PATIENCE)
    scene.discord.press(scene.mo, second, "Delete")
    scene.discord.wait_for(lambda: second not in scene.discord.said_in(scene.channel), "the other to go", PATIENCE)


def test_delete_in_words(scene: Scene) -> None:
    asked = scene.discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()])
    answer = scene.picture(asked)
    scene.discord.says(scene.eve, scene.channel, "delete", reply_to=answer)
    time.sleep(0.5)
    assert answer in scene.discord.said_in(scene.channel)
    scene.discord.says(scene.ada, scene.channel, "delete", reply_to=answer)
    scene.discord.wait_for(lambda: answer not in scene.discord.said_in(scene.channel), "the answer to go", PATIENCE)


def test_a_token_that_has_run_out(scene: Scene) -> None:
    with scene.discord.files_held():
        asked = scene.discord.slash(scene.ada, channel=scene.channel, image=photo("slow.jpg"))
        scene.discord.wait_for(lambda: asked.callback, "the acknowledgement")
        scene.discord.end_token(asked)
    answer = scene.picture(asked)
    assert answer.interaction is None
    assert answer.pinged == (scene.ada,)


def test_a_private_answer_never_becomes_public(scene: Scene) -> None:
    with scene.discord.files_held():
        asked = scene.discord.slash(scene.ada, channel=scene.channel, image=photo(), private=True)
        scene.discord.wait_for(lambda: asked.callback, "the acknowledgement")
        scene.discord.end_token(asked)
    direct = scene.discord.direct(scene.ada)
    scene.discord.wait_for(lambda: scene.discord.said_in(direct), "a direct message", PATIENCE)
    assert scene.discord.said_in(scene.channel) == []


def test_links_that_ran_out_are_fetched_afresh(scene: Scene) -> None:
    shown = scene.discord.says(scene.eve, scene.channel, "look", attachments=[photo("look.jpg"), photo("two.jpg")])
    scene.discord.expire_links_when_followed(shown)
    scene.picture(scene.discord.says(scene.ada, scene.channel, "colorizebot", reply_to=shown), count=2)
    other = scene.discord.says(scene.eve, scene.channel, "look", attachments=[photo("other.jpg")])
    scene.discord.expire_links_when_followed(other)
    scene.picture(scene.discord.menu(scene.ada, other))


@pytest.mark.parametrize("lacks", [Permission.SEND_MESSAGES, Permission.ATTACH_FILES, Permission.VIEW_CHANNEL])
def test_a_permission_that_is_missing_harms_nobody_else(scene: Scene, lacks: Permission) -> None:
    channel = scene.discord.channel(scene.guild, "closed")
    scene.discord.deny(channel, scene.discord.bot, lacks)
    asked = scene.discord.says(scene.ada, channel, "colorizebot", attachments=[photo()])
    slash = scene.discord.slash(scene.ada, channel=channel, image=photo())
    scene.picture(slash)
    open_one = scene.discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()])
    scene.picture(open_one)
    assert all(answer.attachments == [] for answer in scene.discord.answers_to(asked))


def test_channels_and_messages_that_vanish(scene: Scene, shared_bot: BotOnDiscord) -> None:
    gone = scene.discord.channel(scene.guild, "gone")
    deleted = len(_DELETED.findall(shared_bot.log_text()))
    with scene.discord.files_held() as waiting:
        scene.discord.says(scene.ada, gone, "colorizebot", attachments=[photo()])
        taken_back = scene.discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()])
        edited = scene.discord.says(scene.eve, scene.channel, "colorizebot", attachments=[photo()])
        scene.discord.wait_for(lambda: waiting() == 3, "all to be in work", PATIENCE)
        scene.discord.remove_channel(gone)
        scene.discord.deletes(taken_back)
        scene.discord.edits(edited, "never mind")
        scene.discord.wait_for(
            lambda: len(_DELETED.findall(shared_bot.log_text())) == deleted + 2, "the bot to hear of it", PATIENCE
        )
    scene.picture(scene.discord.says(scene.mo, scene.channel, "colorizebot", attachments=[photo()]))
    time.sleep(1)
    assert scene.discord.answers_to(taken_back) == []
    assert scene.discord.answers_to(edited) == []


def test_the_answered_message_was_deleted(scene: Scene) -> None:
    asked = scene.discord.slash(scene.ada, channel=scene.channel, image=photo())
    answer = scene.picture(asked)
    scene.discord.deletes(answer)
    scene.picture(scene.discord.slash(scene.ada, channel=scene.channel, image=photo()))


def test_the_same_photo_again_is_instant_and_the_same(scene: Scene) -> None:
    same = photo()
    first = scene.picture(scene.discord.slash(scene.ada, channel=scene.channel, image=same))
    second = scene.picture(scene.discord.slash(scene.eve, channel=scene.channel, image=same))
    assert first.attachments[0].data == second.attachments[0].data


def test_files_with_odd_names(scene: Scene) -> None:
    for name in ("día de campo.jpg", "a" * 200 + ".jpg", "no-suffix", "..jpg"):
        asked = scene.discord.slash(scene.ada, channel=scene.channel, image=File(name, photo().data))
        assert size_of(scene.picture(asked).attachments[0].data)[1] == (120, 90)


def test_a_callback_that_fails_once_is_made_again(scene: Scene) -> None:
    rule = scene.discord.fail(Fault.BAD_GATEWAY, "POST", "/callback$")
    asked = scene.discord.slash(scene.ada, channel=scene.channel, image=photo())
    scene.picture(asked)
    assert rule.struck == 1
    assert asked.acknowledged < 3


def test_waiting_people_are_told_their_place(discord: DiscordDouble, worker_url: str, tmp_path: Path) -> None:
    scene = Scene(discord)
    with bot_on_discord(tmp_path / "bot", discord, worker_url, COLORIZEBOT_LIMITS__PARALLEL="1"):
        discord.slow_files(4.0)
        first, second, third = (
            discord.slash(discord.user(name), channel=scene.channel, image=photo()) for name in ("a", "b", "c")
        )
        discord.wait_for(lambda: third.original and "line" in third.original.content, "a place in the line", PATIENCE)
        discord.slow_files(0)
        for asked in (first, second, third):
            scene.picture(asked)
        assert any("line" in text for text in third.original.revisions)
