"""The README keeps its promises."""

from pathlib import Path

from bot.configuration import describe_settings

README = Path(__file__).parents[1] / "README.md"


def test_every_setting_is_named_with_its_meaning() -> None:
    text = README.read_text(encoding="utf-8")
    missing = [setting for setting in describe_settings() if f"| `{setting.variable}` | {setting.meaning}" not in text]
    assert missing == []
