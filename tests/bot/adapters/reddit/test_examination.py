from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from bot.adapters.reddit.examination import examine
from bot.findings import Finding, Verdict
from bot.settings import Settings
from tests.bot.adapters.reddit.conftest import settings_for
from tests.platforms.reddit import RedditDouble


async def findings(reddit: RedditDouble, **more: Any) -> list[Finding]:
    return await examine(Settings(reddit=settings_for(reddit, **more)))


async def test_who_has_no_credentials_is_told_how_to_get_them():
    (found,) = await examine(Settings())
    assert found.verdict is Verdict.OFF
    for needed in ("prefs/apps", "Responsible Builder Policy", "script", "COLORIZEBOT_REDDIT__CLIENT_ID"):
        assert needed in found.next_step


async def test_all_is_well(reddit: RedditDouble):
    found = await findings(reddit)
    assert [one.state for one in found if one.verdict is Verdict.OK] == ["signed in as u/colorizebot", "watches r/pics"]
    assert not any(one.verdict is Verdict.PROBLEM for one in found)
    assert any("COLORIZEBOT_WEB__PUBLIC_URL" in one.next_step for one in found)


async def test_wrong_credentials(reddit: RedditDouble):
    (found,) = await findings(reddit, password=SecretStr("wrong"))
    assert found.verdict is Verdict.PROBLEM
    assert "COLORIZEBOT_REDDIT__CLIENT_ID" in found.state + found.next_step
    assert "wrong" not in found.state


async def test_a_community_that_can_not_be_read(reddit: RedditDouble):
    reddit.world.subreddit("secret", kind="private")
    found = {one.state: one for one in await findings(reddit, subreddits=("pics", "secret"))}
    (problem,) = [one for one in found.values() if one.verdict is Verdict.PROBLEM]
    assert problem.state.startswith("r/secret: ")
    assert "COLORIZEBOT_REDDIT__SUBREDDITS" in problem.next_step
