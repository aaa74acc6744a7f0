"""Two hundred summonses by twenty people at once."""

from __future__ import annotations

import re
import time
from pathlib import Path

from tests.end_to_end.reddit.stage import stage

SUMMONSES, PEOPLE = 200, 20


def test_a_crowd_is_answered_in_turns(tmp_path: Path, worker_url: str):
    with stage(tmp_path, worker_url, REDDIT__HOSTING="web") as staged:
        began = time.monotonic()
        posts = [staged.post() for _ in range(SUMMONSES)]
        people = [f"person{number:02}" for number in range(PEOPLE)]
        for person in people:  # the first one asks for everything before anybody else gets a word in
            for _ in range(SUMMONSES // PEOPLE):
                staged.summon(posts.pop(), author=person)
        staged.answered_all()
        seconds = time.monotonic() - began
        status = Path(f"/proc/{staged.bot.process.pid}/status").read_text()
        peak = int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) // 1024
        staged.check()
        own = [one for one in reversed(staged.reddit.own()[0]) if one.parent]
        asked_by = [one.parent.author for one in own if one.parent]
        first_half = asked_by[: SUMMONSES // 2]
        assert {first_half.count(person) for person in people} <= set(range(3, 8))
        assert peak < 400
        print(f"\n{SUMMONSES} summonses of {PEOPLE} people answered once in {seconds:.0f} s; peak {peak} MiB")
