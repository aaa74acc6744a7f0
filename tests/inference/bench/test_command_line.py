from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from inference.bench import command_line, sections
from inference.bench.conditions import Conditions
from inference.bench.tables import Goal, Table


@dataclass(frozen=True)
class Row:
    figure: float


@pytest.fixture
def _one_section(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(conditions: Conditions) -> Iterator[Table]:
        assert conditions.folder.is_dir()
        yield Table("A table", [Row(3)], [Goal("as many as hoped", 3, at_least=3), Goal("as few", 3, at_most=2)])

    monkeypatch.setattr(sections, "import_module", lambda name: SimpleNamespace(measure=measure))


@pytest.mark.usefixtures("_one_section")
def test_sections_are_printed_and_written_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "figures.json"
    status = command_line.main(["--only", "start", "--json", str(file)])
    assert status == 1, "a goal was missed"
    printed = capsys.readouterr().out
    assert "### A table" in printed
    assert "1 of 2 goals reached" in printed
    document = json.loads(file.read_text())
    assert document["machine"]["torch"]
    assert list(document["sections"]) == ["start"]
    assert document["sections"]["start"]["tables"][0]["rows"] == [{"figure": 3}]


def test_a_file_that_can_not_be_written_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file in (tmp_path, tmp_path / "missing" / "figures.json"):
        with pytest.raises(SystemExit):
            command_line.main(["--json", str(file)])
        assert f"{file} can't be written" in capsys.readouterr().err


def test_an_unknown_section_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command_line.main(["--only", "weather"])
    assert "'start'" in capsys.readouterr().err
