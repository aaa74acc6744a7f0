"""All the ways in which people ask for colours, and what they get."""

from __future__ import annotations

import pytest

from tests.end_to_end.discord.scene import Scene, photo
from tests.end_to_end.photos import chroma_of, gray_animation, gray_photo, size_of
from tests.platforms.discord import File, NotOffered, Permission


def test_slash_with_a_photo(scene: Scene) -> None:
    answer = scene.picture_promptly(
        lambda: scene.discord.slash(scene.ada, channel=scene.channel, image=photo("grandpa.jpg"))
    )
    assert size_of(answer.attachments[0].data) == ("JPEG", (120, 90))
    assert "grandpa" in answer.attachments[0].filename
    assert answer.attachments[0].description
    assert set(answer.buttons()) == {"More vivid", "Softer", "Side by side", "Delete"}
    assert answer.pinged == ()


def test_slash_with_a_link(scene: Scene) -> None:
    link = scene.discord.page("old/house.jpg", gray_photo(100, 80, seed=901))
    answer = scene.picture(scene.discord.slash(scene.ada, channel=scene.channel, link=link))
    assert size_of(answer.attachments[0].data)[1] == (100, 80)


def test_slash_with_options(scene: Scene) -> None:
    data = File("a.jpg", gray_photo(140, 100, seed=902))
    soft, vivid = [
        scene.picture(scene.discord.slash(scene.ada, channel=scene.channel, image=data, vividness=choice))
        for choice in ("softer", "vivid")
    ]
    assert chroma_of(vivid.attachments[0].data) > 1.3 * chroma_of(soft.attachments[0].data)
    beside = scene.discord.slash(
        scene.ada, channel=scene.channel, image=data, layout="original and recolored side by side"
    )
    assert scene.picture(beside).attachments[0].data != soft.attachments[0].data


def test_slash_in_private(scene: Scene) -> None:
    asked = scene.discord.slash(scene.ada, channel=scene.channel, image=photo(), private=True)
    answer = scene.picture(asked)
    assert answer.ephemeral
    with pytest.raises(NotOffered):
        scene.discord.press(scene.eve, answer, "Softer")
    softer = scene.discord.press(scene.ada, answer, "Softer")
    assert scene.picture(softer).ephemeral


def test_slash_with_nothing_or_with_no_picture_is_refused_kindly(scene: Scene) -> None:
    for options in ({}, {"image": File("notes.txt", b"hello")}, {"link": "not a link"}):
        answer = scene.answer(scene.discord.slash(scene.ada, channel=scene.channel, **options))
        assert answer.attachments == []
        assert "please" in answer.content.lower()
    broken = scene.discord.slash(
        scene.ada, channel=scene.channel, image=File("a.jpg", b"\xff\xd8 broken", "image/jpeg")
    )
    assert "please" in scene.answer(broken).content.lower()


def test_the_menu_on_any_message(scene: Scene) -> None:
    shown = scene.discord.says(scene.eve, scene.channel, "my house", attachments=[photo("house.jpg")])
    scene.picture_promptly(lambda: scene.discord.menu(scene.ada, shown))
    plain = scene.discord.says(scene.eve, scene.channel, "nothing to see")
    assert "please" in scene.answer(scene.discord.menu(scene.ada, plain)).content.lower()


@pytest.mark.parametrize("words", ["colorizebot", "ColorizeBot!", "please, colourizebot: my cat"])
def test_the_trigger_with_a_photo(scene: Scene, words: str) -> None:
    asked = scene.discord.says(scene.ada, scene.channel, words, attachments=[photo()])
    answer = scene.picture(asked)
    assert answer.reply_to is asked
    assert set(answer.pinged) <= {scene.ada}


@pytest.mark.parametrize(
    "words", ["I hate colorizebots", "> colorizebot\nno", "`colorizebot`", "[colorizebot](https://a.b)"]
)
def test_what_is_no_summons(scene: Scene, words: str) -> None:
    scene.silence(scene.discord.says(scene.ada, scene.channel, words, attachments=[photo()]), 0.6)


def test_the_trigger_with_options(scene: Scene) -> None:
    data = File("a.jpg", gray_photo(140, 100, seed=903))
    vivid = scene.discord.says(scene.ada, scene.channel, "colorizebot vivid", attachments=[data])
    soft = scene.discord.says(scene.ada, scene.channel, "colorizebot soft", attachments=[data])
    strong, weak = (chroma_of(scene.picture(asked).attachments[0].data) for asked in (vivid, soft))
    assert strong > 1.3 * weak


def test_the_trigger_with_a_link_before_and_after_it_is_unfurled(scene: Scene) -> None:
    data = gray_photo(96, 64, seed=904)
    link = scene.discord.page("farm.jpg", data)
    asked = scene.discord.says(scene.ada, scene.channel, f"colorizebot {link}")
    scene.discord.unfurls(asked, {link: data})
    assert size_of(scene.picture(asked).attachments[0].data)[1] == (96, 64)


def test_the_trigger_with_an_embed(scene: Scene) -> None:
    link = scene.discord.page("river.jpg", gray_photo(90, 70, seed=905))
    embed = {"type": "rich", "title": "A river", "image": {"url": link, "proxy_url": link, "width": 90, "height": 70}}
    asked = scene.discord.says(scene.ada, scene.channel, "colorizebot", embeds=[embed])
    assert size_of(scene.picture(asked).attachments[0].data)[1] == (90, 70)


def test_the_trigger_in_a_reply(scene: Scene) -> None:
    shown = scene.discord.says(scene.eve, scene.channel, "my aunt", attachments=[photo("aunt.jpg")])
    scene.discord.says(scene.mo, scene.channel, "another", attachments=[photo("another.jpg")])
    asked = scene.discord.says(scene.ada, scene.channel, "colorizebot", reply_to=shown)
    assert "aunt" in scene.picture(asked).attachments[0].filename


def test_the_trigger_right_after_a_photo(scene: Scene) -> None:
    scene.discord.says(scene.eve, scene.channel, "old", attachments=[photo("old.jpg")])
    scene.discord.says(scene.eve, scene.channel, "my uncle", attachments=[photo("uncle.jpg")])
    scene.discord.says(scene.mo, scene.channel, "nice!")
    asked = scene.discord.says(scene.ada, scene.channel, "colorizebot")
    assert "uncle" in scene.picture(asked).attachments[0].filename


def test_the_trigger_where_nothing_is_to_be_seen(scene: Scene) -> None:
    asked = scene.discord.says(scene.ada, scene.channel, "colorizebot")
    assert "please" in scene.answer(asked).content.lower()


def test_a_mention(scene: Scene) -> None:
    asked = scene.discord.says(scene.ada, scene.channel, f"{scene.discord.bot.mention} please", attachments=[photo()])
    scene.picture(asked)
    shown = scene.discord.says(scene.eve, scene.channel, "look", attachments=[photo("train.jpg")])
    reply = scene.discord.says(scene.ada, scene.channel, f"{scene.discord.bot.mention}", reply_to=shown)
    assert "train" in scene.picture(reply).attachments[0].filename


def test_talk_in_reply_to_the_bot_is_no_summons(scene: Scene) -> None:
    asked = scene.discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()])
    answer = scene.picture(asked)
    scene.silence(scene.discord.says(scene.eve, scene.channel, "thanks, lovely!", reply_to=answer), 0.8)


def test_several_photos_are_answered_in_one_message(scene: Scene) -> None:
    photos = [
        photo("one.jpg", 100, 60),
        photo("two.jpg", 60, 100),
        File("notes.txt", b"hello"),
        photo("three.jpg", 80, 80),
    ]
    asked = scene.discord.says(scene.ada, scene.channel, "colorizebot", attachments=photos)
    answer = scene.picture(asked, count=3)
    sizes = [size_of(attachment.data)[1] for attachment in answer.attachments]
    assert sizes == [(100, 60), (60, 100), (80, 80)]


def test_one_broken_photo_does_not_keep_the_others_back(scene: Scene) -> None:
    files = [photo("one.jpg"), File("broken.jpg", b"\xff\xd8\xff broken", "image/jpeg"), photo("two.jpg")]
    asked = scene.discord.says(scene.ada, scene.channel, "colorizebot", attachments=files)
    assert "photo 2" in scene.picture(asked, count=2).content


def test_a_forwarded_photo(scene: Scene) -> None:
    elsewhere = scene.discord.channel(scene.guild, "elsewhere")
    shown = scene.discord.says(scene.eve, elsewhere, "my boat", attachments=[photo("boat.jpg")])
    forwarded = scene.discord.forwards(scene.eve, scene.channel, shown)
    asked = scene.discord.says(scene.ada, scene.channel, "colorizebot", reply_to=forwarded)
    assert "boat" in scene.picture(asked).attachments[0].filename
    assert "boat" in scene.picture(scene.discord.menu(scene.ada, forwarded)).attachments[0].filename


def test_an_animation_stays_one(scene: Scene) -> None:
    asked = scene.discord.says(
        scene.ada, scene.channel, "colorizebot", attachments=[File("wave.gif", gray_animation(48, 32, 4))]
    )
    assert size_of(scene.picture(asked).attachments[0].data)[1] == (48, 32)


def test_a_direct_message(scene: Scene) -> None:
    direct = scene.discord.direct(scene.ada)
    asked = scene.discord.says(scene.ada, direct, "colorizebot", attachments=[photo()])
    scene.picture(asked)
    scene.picture(scene.discord.slash(scene.ada, channel=direct, image=photo()))


def test_the_app_of_a_person_in_a_guild_without_the_bot(scene: Scene) -> None:
    foreign = scene.discord.channel(scene.discord.guild("foreign", has_bot=False))
    asked = scene.discord.slash(scene.ada, channel=foreign, image=photo(), user_installed=True)
    answer = scene.picture(asked)
    shown = scene.discord.says(scene.eve, foreign, "look", attachments=[photo("look.jpg")])
    scene.picture(scene.discord.menu(scene.ada, shown, user_installed=True))
    scene.picture(scene.discord.press(scene.ada, answer, "More vivid"))


def test_the_app_of_a_person_in_a_private_channel(scene: Scene) -> None:
    private = scene.discord.group(scene.ada, scene.eve)
    asked = scene.discord.slash(scene.ada, channel=private, image=photo(), user_installed=True)
    answer = scene.picture(asked)
    scene.discord.press(scene.ada, answer, "Delete")
    scene.discord.wait_for(lambda: not scene.discord.answers_to(asked), "the answer to go")


def test_a_channel_without_read_message_history(scene: Scene) -> None:
    blind = scene.discord.channel(scene.guild, "blind", bot_lacks=Permission.READ_MESSAGE_HISTORY)
    asked = scene.discord.says(scene.ada, blind, "colorizebot", attachments=[photo()])
    scene.picture(asked)
    scene.discord.says(scene.eve, blind, "look", attachments=[photo("seen.jpg")])
    after = scene.discord.says(scene.eve, blind, "colorizebot")
    assert "seen" in scene.picture(after).attachments[0].filename


def test_a_thread(scene: Scene) -> None:
    thread = scene.discord.thread(scene.channel)
    scene.picture(scene.discord.says(scene.ada, thread, "colorizebot", attachments=[photo()]))
    scene.discord.says(scene.eve, thread, "look", attachments=[photo("look.jpg")])
    scene.picture(scene.discord.says(scene.ada, thread, "colorizebot"))
    scene.picture(scene.discord.slash(scene.ada, channel=thread, image=photo()))


def test_other_bots_are_not_answered(scene: Scene) -> None:
    other = scene.discord.user("otherbot")
    other.bot = True
    scene.silence(scene.discord.says(other, scene.channel, "colorizebot", attachments=[photo()]), 0.8)


def test_who_opted_out_is_left_alone_until_opting_in(scene: Scene) -> None:
    scene.discord.says(scene.ada, scene.channel, "colorizebot opt out")
    scene.discord.wait_for(lambda: scene.discord.said_in(scene.channel), "a confirmation")
    scene.silence(scene.discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()]), 0.8)
    scene.discord.says(scene.ada, scene.channel, "colorizebot opt in")
    scene.discord.wait_for(lambda: len(scene.discord.said_in(scene.channel)) == 2, "another confirmation")
    scene.picture(scene.discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()]))
