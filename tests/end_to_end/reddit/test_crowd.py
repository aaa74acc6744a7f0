"""Two hundred summonses by twenty people at once."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.conftest import Tell
from tests.end_to_end.photos import gray_photo
from tests.end_to_end.reddit.stage import stage
from tests.platforms.reddit import RedditDouble

SUMMONSES, PEOPLE = 200, 20


@pytest.mark.timeout(400)
def test_a_crowd_is_answered_in_turns(tmp_path: Path, worker_url: str, tell: Tell):
    with RedditDouble() as reddit:
        people = [f"person{number:02}" for number in range(PEOPLE)]
        photos = iter([gray_photo(160, 120, seed=2000 + number) for number in range(SUMMONSES)])
        summonses = [  # the first one asks for everything before anybody else gets a word in
            reddit.comment(reddit.posts.image("pics", next(photos)), "colorizebot", author=person)
            for person in people
            for _ in range(SUMMONSES // PEOPLE)
        ]
        began = time.monotonic()
        with stage(tmp_path, worker_url, reddit=reddit, REDDIT__HOSTING="web") as staged:
            staged.expected = {summons.fullname: 1 for summons in summonses}
            staged.answered_all()
            seconds = time.monotonic() - began
            status = Path(f"/proc/{staged.bot.process.pid}/status").read_text()
            peak = int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) // 1024
            staged.check()
            answered = [one.parent.author for one in reversed(reddit.own()[0]) if one.parent]
            first_half = [answered[: SUMMONSES // 2].count(person) for person in people]
            assert min(first_half) >= 3, f"not in turns: {first_half}"
            assert peak < 400
            tell(f"Reddit, a crowd: {SUMMONSES} of {PEOPLE} people answered once in {seconds:.0f} s, {peak} MiB")
