"""Restarts, and a gateway that behaves as the real one does on bad days."""

from __future__ import annotations

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.end_to_end.discord.bot_on_discord import bot_on_discord, settings_for
from tests.end_to_end.discord.scene import PATIENCE, Scene, only_answer, only_picture, photo
from tests.end_to_end.running_bot import call_bot
from tests.platforms.discord import DiscordDouble, Fault, Gateway, Sticker


def test_buttons_work_after_a_restart_and_commands_are_synced_once(
    discord: DiscordDouble, worker_url: str, tmp_path: Path
) -> None:
    scene = Scene(discord)
    with bot_on_discord(tmp_path / "bot", discord, worker_url) as bot:
        slash = scene.picture(discord.slash(scene.ada, channel=scene.channel, image=photo()))
        reply = scene.picture(discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()]))
        assert bot.stop(signal.SIGTERM) == 0
    versions = {command["id"]: command["version"] for command in discord.commands}
    with bot_on_discord(tmp_path / "bot", discord, worker_url) as bot:
        scene.picture(discord.press(scene.ada, slash, "More vivid"))
        again = scene.picture(discord.press(scene.eve, reply, "Softer"))
        discord.press(scene.mo, again, "Delete")
        discord.wait_for(lambda: again not in discord.said_in(scene.channel), "the answer to go")
        discord.press(scene.ada, slash, "Delete")
        discord.wait_for(lambda: slash not in discord.said_in(scene.channel), "the first answer to go")
    assert {command["id"]: command["version"] for command in discord.commands} == versions
    assert len(discord.journal.find("PUT", ".*/commands")) == 1


def test_what_was_asked_while_the_bot_was_away_is_answered(
    discord: DiscordDouble, worker_url: str, tmp_path: Path
) -> None:
    scene = Scene(discord)
    with bot_on_discord(tmp_path / "bot", discord, worker_url) as bot:
        answered = discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()])
        scene.picture(answered)
        bot.stop()
    missed = [discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()]) for _ in range(3)]
    gone = discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()])
    discord.deletes(gone)
    direct = discord.says(scene.eve, discord.direct(scene.eve), "colorizebot", attachments=[photo()])
    with bot_on_discord(tmp_path / "bot", discord, worker_url):
        for asked in missed:
            only_picture(discord, asked)
        assert len(discord.answers_to(answered)) == 1
        assert len(discord.said_in(scene.channel)) == 4
    assert len(discord.answers_to(direct)) <= 1


def test_a_stopping_bot_finishes_what_it_promised(discord: DiscordDouble, worker_url: str, tmp_path: Path) -> None:
    scene = Scene(discord)
    with bot_on_discord(tmp_path / "bot", discord, worker_url, COLORIZEBOT_LIMITS__PARALLEL="1") as bot:
        discord.slow_files(1.0)
        asked = [discord.slash(discord.user(str(n)), channel=scene.channel, image=photo()) for n in range(6)]
        discord.wait_for(lambda: all(one.callback for one in asked), "all to be acknowledged")
        assert bot.stop() == 0
        discord.slow_files(0)
    with bot_on_discord(tmp_path / "bot", discord, worker_url):
        for one in asked:
            only_picture(discord, one)


@pytest.mark.parametrize(
    "hurt",
    [
        pytest.param(Gateway.reconnect, id="RECONNECT"),
        pytest.param(Gateway.invalidate, id="INVALID_SESSION"),
        pytest.param(lambda gateway: gateway.invalidate(resumable=True), id="INVALID_SESSION, resumable"),
        pytest.param(Gateway.drop, id="connection cut"),
        pytest.param(lambda gateway: gateway.close_all(4000), id="close 4000"),
        pytest.param(lambda gateway: gateway.close_all(4009), id="close 4009"),
        pytest.param(lambda gateway: gateway.close_all(1000), id="close 1000"),
    ],
)
def test_the_gateway_has_a_bad_moment(scene: Scene, hurt: object) -> None:
    discord = scene.discord
    discord.slow_files(0.5)
    before = discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()])
    slash = discord.slash(scene.ada, channel=scene.channel, image=photo())
    time.sleep(0.1)
    discord.on_gateway(hurt)
    meanwhile = discord.says(scene.eve, scene.channel, "colorizebot", attachments=[photo()])
    discord.slow_files(0)
    discord.wait_for(lambda: discord.on_gateway(lambda gateway: gateway.live), "the bot to come back")
    after = discord.says(scene.mo, scene.channel, "colorizebot", attachments=[photo()])
    for asked in (before, slash, meanwhile, after):
        scene.picture(asked)
    scene.picture(discord.slash(scene.mo, channel=scene.channel, image=photo()))


def test_events_that_are_replayed_are_answered_once(scene: Scene) -> None:
    discord = scene.discord
    discord.on_gateway(lambda gateway: setattr(gateway, "repeat_each", 3))
    asked = [
        discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()]),
        discord.slash(scene.ada, channel=scene.channel, image=photo()),
        discord.menu(scene.eve, discord.says(scene.eve, scene.channel, "look", attachments=[photo()])),
    ]
    for one in asked:
        scene.picture(one)
    pressed = discord.press(scene.ada, discord.answers_to(asked[1])[0], "Softer")
    scene.picture(pressed)
    discord.on_gateway(lambda gateway: setattr(gateway, "repeat_each", 1))
    discord.on_gateway(lambda gateway: (setattr(gateway, "repeat_on_resume", 50), gateway.reconnect()))
    time.sleep(1.5)
    discord.on_gateway(lambda gateway: setattr(gateway, "repeat_on_resume", 0))
    assert [len(discord.answers_to(one)) for one in [*asked, pressed]] == [1, 1, 1, 1]


def test_the_first_connection_fails(worker_url: str, tmp_path: Path) -> None:
    with DiscordDouble(gateway_open=False) as discord:
        scene = Scene(discord)
        with bot_on_discord(tmp_path / "bot", discord, worker_url, connected=False) as bot:
            discord.wait_for(lambda: discord.journal.find("GET", "/gateway/bot"), "the bot to look for the gateway")
            time.sleep(1)
            assert bot.end() is None
            discord.open_gateway()
            discord.wait_until_connected(60)
            scene.picture(discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()]))


def test_discord_is_down_at_the_start(worker_url: str, tmp_path: Path) -> None:
    faults = (Fault.UNAVAILABLE, Fault.CLOUDFLARE_BAN, Fault.DISCONNECT, Fault.MALFORMED, Fault.TRUNCATED)

    def start(fault: Fault) -> None:
        with DiscordDouble() as discord:
            scene = Scene(discord)
            discord.fail(fault, times=2)
            with bot_on_discord(tmp_path / fault.name, discord, worker_url, connected=False) as bot:
                discord.wait_until_connected(60)
                discord.wait_for_commands()
                scene.picture(discord.slash(scene.ada, channel=scene.channel, image=photo()))
                assert bot.get("/healthz")

    with ThreadPoolExecutor(len(faults)) as pool:
        list(pool.map(start, faults))


def test_without_the_message_content_intent(worker_url: str, tmp_path: Path) -> None:
    with DiscordDouble(message_content=False) as discord:
        scene = Scene(discord)
        with bot_on_discord(tmp_path / "bot", discord, worker_url, connected=False) as bot:
            discord.wait_until_connected(60)
            discord.wait_for_commands()
            scene.picture(discord.slash(scene.ada, channel=scene.channel, image=photo()))
            shown = discord.says(scene.eve, scene.channel, "look", attachments=[photo()])
            scene.picture(discord.menu(scene.ada, shown))
            mention = discord.says(scene.ada, scene.channel, f"{discord.bot.mention}", attachments=[photo()])
            scene.picture(mention)
            direct = discord.direct(scene.ada)
            scene.picture(discord.says(scene.ada, direct, "colorizebot", attachments=[photo()]))
            reply = discord.says(scene.ada, scene.channel, f"{discord.bot.mention}", reply_to=shown)
            assert scene.answer(reply).content
            scene.silence(discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()]), 0.5)
            assert "message content" in bot.log_text().lower()


def test_a_wrong_token_is_one_plain_sentence(discord: DiscordDouble, worker_url: str, tmp_path: Path) -> None:
    wrong = {**settings_for(discord, worker_url), "COLORIZEBOT_DISCORD__TOKEN": "wrong.token.here"}
    ended = call_bot(tmp_path, **wrong)
    said = ended.stdout + ended.stderr
    assert ended.returncode != 0
    assert "COLORIZEBOT_DISCORD__TOKEN" in said
    assert "Traceback" not in said
    assert "wrong.token.here" not in said


def test_check_says_that_all_is_well_and_how_to_invite(discord: DiscordDouble, worker_url: str, tmp_path: Path) -> None:
    checked = call_bot(tmp_path, "check", **settings_for(discord, worker_url))
    said = checked.stdout + checked.stderr
    assert f"client_id={discord.bot.id}" in said
    assert discord.token not in said
    assert "Traceback" not in said


def test_blocked_people_and_guilds_are_left_alone(discord: DiscordDouble, worker_url: str, tmp_path: Path) -> None:
    scene, other = Scene(discord), Scene(discord)
    blocked = {
        "COLORIZEBOT_DISCORD__BLOCKED_USERS": f"[{scene.eve.id}]",
        "COLORIZEBOT_DISCORD__BLOCKED_GUILDS": f"[{other.guild.id}]",
    }
    with bot_on_discord(tmp_path / "bot", discord, worker_url, **blocked):
        there = discord.says(other.ada, other.channel, "colorizebot", attachments=[photo()])
        unwanted = discord.says(scene.eve, scene.channel, "colorizebot", attachments=[photo()])
        scene.picture(discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()]))
        assert discord.answers_to(there) == discord.answers_to(unwanted) == []
        assert only_answer(discord, discord.slash(scene.eve, channel=scene.channel, image=photo())).ephemeral


def test_a_sticker(discord: DiscordDouble, worker_url: str, tmp_path: Path) -> None:
    scene = Scene(discord)
    arguments = ("-m", "tests.end_to_end.discord.other_cdn", discord.cdn_url)
    with bot_on_discord(tmp_path / "bot", discord, worker_url, arguments=arguments):
        sticker = (Sticker(4711, "grumpy", 1), photo().data)
        shown = discord.says(scene.eve, scene.channel, stickers=[sticker])
        scene.picture(discord.says(scene.ada, scene.channel, "colorizebot", reply_to=shown))
        scene.picture(discord.menu(scene.ada, shown))


def test_what_happened_while_discord_was_unreachable(scene: Scene) -> None:
    discord = scene.discord
    discord.close_gateway()
    missed = discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()])
    time.sleep(0.5)
    discord.open_gateway()
    discord.wait_until_connected(PATIENCE)
    scene.picture(missed)


def test_nothing_works_for_a_while(scene: Scene) -> None:
    discord = scene.discord
    discord.slow_files(0.5)
    before = [
        discord.says(scene.ada, scene.channel, "colorizebot", attachments=[photo()]),
        discord.slash(scene.mo, channel=scene.channel, image=photo()),
    ]
    time.sleep(0.3)
    discord.misbehave(1, 1.0, faults=(Fault.UNAVAILABLE, Fault.DISCONNECT, Fault.CLOUDFLARE_BAN))
    meanwhile = [
        discord.says(scene.eve, scene.channel, "colorizebot", attachments=[photo()]),
        discord.slash(discord.user("zoe"), channel=scene.channel, image=photo()),
    ]
    discord.slow_files(0)
    time.sleep(4)
    assert meanwhile[1].callback is None
    discord.behave()
    for asked in [*before, *meanwhile]:
        scene.picture(asked)
