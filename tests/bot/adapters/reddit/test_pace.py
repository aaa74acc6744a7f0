from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.adapters import TryLater
from bot.adapters.reddit.pace import Pace


def headers(remaining: float, used: int, reset: int) -> dict[str, str]:
    return {
        "x-ratelimit-remaining": f"{remaining:.1f}",
        "x-ratelimit-used": str(used),
        "x-ratelimit-reset": str(reset),
    }


def take_turns(pace: Pace, turns: int) -> None:
    for _ in range(turns):
        pace.wait(threading.Event())


def test_nobody_waits_while_plenty_is_left():
    waits: list[float] = []
    pace = Pace(waits.append)
    pace.learn(200, headers(101.0, 899, 60))
    pace.learn(200, headers(500.0, 500, 600))
    take_turns(pace, 20)
    assert waits == []


def test_what_is_left_is_spread_over_the_time_that_is_left():
    waits: list[float] = []
    pace = Pace(waits.append)
    began = time.monotonic()
    pace.learn(200, headers(20.0, 980, 2))
    take_turns(pace, 5)
    assert time.monotonic() - began > 0.49
    assert max(waits) <= 0.1


def test_all_threads_share_what_is_left():
    waits: list[float] = []
    pace = Pace(waits.append)
    began = time.monotonic()
    pace.learn(200, headers(20.0, 980, 2))
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: take_turns(pace, 1), range(8)))
    assert time.monotonic() - began > 0.79
    assert max(waits) <= 0.4


def test_a_long_wait_is_refused():
    pace = Pace()
    pace.learn(200, headers(0.0, 1000, 300))
    with pytest.raises(TryLater) as later:
        pace.wait(threading.Event())
    assert 290 < (later.value.retry_after or 0) <= 300


def test_too_many_requests_holds_everybody():
    pace = Pace()
    pace.learn(429, {"retry-after": "30"})
    with pytest.raises(TryLater):
        pace.wait(threading.Event())


@pytest.mark.parametrize(
    "nonsense",
    [
        {},
        {"x-ratelimit-remaining": "0"},
        {"x-ratelimit-remaining": "many", "x-ratelimit-reset": "soon", "x-ratelimit-used": ""},
        {"x-ratelimit-remaining": "nan", "x-ratelimit-reset": "inf", "x-ratelimit-used": "-1"},
        {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"},
    ],
)
def test_nonsense_changes_nothing(nonsense: dict[str, str]):
    waits: list[float] = []
    pace = Pace(waits.append)
    pace.learn(429, nonsense)
    take_turns(pace, 3)
    assert waits == []


def test_a_stopping_bot_waits_no_longer():
    pace, stopping = Pace(), threading.Event()
    pace.learn(200, headers(0.0, 1000, 5))
    threading.Timer(0.1, stopping.set).start()
    began = time.monotonic()
    with pytest.raises(TryLater):
        pace.wait(stopping)
    assert time.monotonic() - began < 4
