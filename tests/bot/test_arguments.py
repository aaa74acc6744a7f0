"""The command line as it is read."""

from datetime import timedelta

import pytest

from bot.arguments import parse_arguments
from bot.orders import Purge


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("load http://bot --seconds nan", "argument --seconds: 'nan' is no number above 0"),
        ("load http://bot --seconds -3", "argument --seconds: '-3' is no number above 0"),
        ("load http://bot --per-second fast", "argument --per-second: 'fast' is no number above 0"),
        ("load http://bot --clients 0", "argument --clients: '0' is no number of people"),
        ("stats --last 7", "argument --last: '7' is no time: write 90m, 24h, 7d or 4w"),
        ("purge --older-than 99999999m", "argument --older-than: '99999999m' is no time"),
    ],
)
def test_what_can_not_be_understood_is_said(arguments: str, expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_arguments(arguments.split())
    assert expected in capsys.readouterr().err


def test_long_times_are_as_long_as_they_say() -> None:
    order = parse_arguments(["purge", "--older-than", "2000000m"])
    assert isinstance(order, Purge)
    assert order.older_than == timedelta(minutes=2_000_000)
