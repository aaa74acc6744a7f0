"""The README keeps its promises."""

import re
from pathlib import Path

from bot.configuration import describe_settings
from inference.settings import WorkerSettings, variable_of

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_setting_that_it_names_exists() -> None:
    known = {name for setting in describe_settings() for name in setting.variables}
    known |= {variable_of(name) for name in WorkerSettings.model_fields}
    named = set(re.findall(r"COLORIZEBOT_[A-Z_]+[A-Z]", README))
    assert len(named) > 10
    assert named <= known


def test_every_file_that_it_links_exists() -> None:
    linked = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    assert len(linked) > 5
    assert [target for target in linked if not (ROOT / target).exists()] == []
