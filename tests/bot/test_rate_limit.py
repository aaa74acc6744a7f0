"""The wait that people are told is exactly as long as it has to be."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rate_limit import WINDOW, wait_for_room

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)

taken_within_the_hour = st.lists(
    st.tuples(st.integers(1, 3599).map(lambda seconds: NOON - timedelta(seconds=seconds)), st.integers(1, 20)),
    max_size=20,
).map(sorted)


def test_the_first_photos_need_no_wait() -> None:
    assert wait_for_room([], 5, 5, NOON) == timedelta(0)


def test_one_too_many_waits_for_the_oldest_to_be_an_hour_old() -> None:
    taken = [(NOON - timedelta(minutes=50), 3), (NOON - timedelta(minutes=10), 2)]
    assert wait_for_room(taken, 1, 6, NOON) == timedelta(0)
    assert wait_for_room(taken, 1, 5, NOON) == timedelta(minutes=10)
    assert wait_for_room(taken, 4, 5, NOON) == timedelta(minutes=50)


def test_what_never_fits_is_no_matter_of_waiting() -> None:
    with pytest.raises(ValueError, match="never"):
        wait_for_room([], 6, 5, NOON)


@given(taken_within_the_hour, st.integers(1, 20), st.integers(20, 100))
def test_after_the_wait_there_is_room_and_not_before(
    taken: list[tuple[datetime, int]], photos: int, limit: int
) -> None:
    def fits_in_after(wait: timedelta) -> bool:
        still_counted = [count for moment, count in taken if moment > NOON + wait - WINDOW]
        return sum(still_counted) + photos <= limit

    wait = wait_for_room(taken, photos, limit, NOON)
    assert fits_in_after(wait)
    assert wait == timedelta(0) or not fits_in_after(wait - timedelta(microseconds=1))
