"""Which settings take effect while the bot runs, and which at the next start."""

import logging

import pytest

from bot.problems import OperatorError
from bot.reloading import CurrentSettings, compare
from bot.retention_settings import RetentionSettings
from bot.settings import DiscordSettings, LimitSettings, RedditSettings, Settings, WebSettings


def test_what_can_be_applied_is_and_the_rest_stays() -> None:
    old = Settings(web=WebSettings(port=1), reddit=RedditSettings(username="old"))
    new = Settings(
        log_level="DEBUG",
        triggers=("hey",),
        web=WebSettings(port=2),
        limits=LimitSettings(requester_per_hour=77, parallel=9),
        retention=RetentionSettings(result_days=30),
        reddit=RedditSettings(username="new", blocked_users=("troll",)),
        discord=DiscordSettings(blocked_guilds=(7,)),
    )
    changes = compare(old, new)
    assert set(changes.applied) == {
        "COLORIZEBOT_LOG_LEVEL",
        "COLORIZEBOT_TRIGGERS",
        "COLORIZEBOT_LIMITS__REQUESTER_PER_HOUR",
        "COLORIZEBOT_RETENTION__RESULT_DAYS",
        "COLORIZEBOT_REDDIT__BLOCKED_USERS",
        "COLORIZEBOT_DISCORD__BLOCKED_GUILDS",
    }
    assert set(changes.for_restart) == {
        "COLORIZEBOT_WEB__PORT",
        "COLORIZEBOT_LIMITS__PARALLEL",
        "COLORIZEBOT_REDDIT__USERNAME",
    }
    now = changes.settings
    assert (now.log_level, now.triggers, now.limits.requester_per_hour) == ("DEBUG", ("hey",), 77)
    assert (now.retention.result_days, now.reddit.blocked_users, now.discord.blocked_guilds) == (30, ("troll",), (7,))
    assert (now.web.port, now.limits.parallel, now.reddit.username) == (1, old.limits.parallel, "old")
    assert set(compare(now, new).for_restart) == set(changes.for_restart), "they are told every time"
    assert compare(now, new).applied == ()


def test_a_mistake_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def load() -> Settings:
        raise OperatorError("COLORIZEBOT_WEB__PORT is 'eighty'")

    current = CurrentSettings(settings := Settings())
    with caplog.at_level(logging.INFO):
        current.reload(load)
    assert current.now is settings
    assert "left as they were" in caplog.text
    assert "COLORIZEBOT_WEB__PORT" in caplog.text
