"""The operator's pages keep in step with the code: their log lines, settings, metrics, commands and links exist."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.arguments import parse_arguments
from bot.configuration import describe_settings
from inference.settings import ENVIRONMENT_PREFIX, WorkerSettings

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "deploy" / name for name in ("OPERATING.md", "RUNBOOK.md")]
RUNBOOK = PAGES[1].read_text(encoding="utf-8")
METRICS = (ROOT / "deploy" / "docs" / "watching.md").read_text(encoding="utf-8")
LEVELS = {"info": "INFO", "warning": "WARNING", "error": "ERROR", "exception": "ERROR"}
LEAST_LETTERS = 10
ANYTHING = "…"


def trees() -> Iterator[ast.Module]:
    for file in [*sorted((ROOT / "bot").rglob("*.py")), ROOT / "inference" / "secret_files.py"]:
        yield ast.parse(file.read_text(encoding="utf-8"))


def template_of(node: ast.expr) -> str | None:
    """Return a text of the code with ``…`` for what is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return re.sub(r"%[-.0-9]*[sdfgr]", ANYTHING, text)
        case ast.JoinedStr(values=parts):
            return "".join(part.value if isinstance(part, ast.Constant) else ANYTHING for part in parts)
    return None


def logged() -> Iterator[tuple[str, str]]:
    for node in (node for tree in trees() for node in ast.walk(tree)):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="_log"), attr=attr), args=[first, *_]) if attr in LEVELS:
                if template := template_of(first):
                    yield LEVELS[attr], template


def said() -> Iterator[str]:
    for node in (node for tree in trees() for node in ast.walk(tree)):
        if isinstance(node, ast.Constant | ast.JoinedStr) and (template := template_of(node)):
            yield template


def regex_of(template: str) -> re.Pattern[str]:
    return re.compile(re.escape(template).replace(ANYTHING, ".*"), re.DOTALL)


def quoted_lines() -> list[str]:
    blocks = re.findall(r"^```log\n(.*?)^```$", RUNBOOK, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_every_log_line_of_the_runbook_is_in_the_code() -> None:
    known = [(level, template) for level, template in logged() if len(template.replace(ANYTHING, "")) >= LEAST_LETTERS]
    sentences = [regex_of(template) for template in said() if len(template.replace(ANYTHING, "")) >= LEAST_LETTERS]
    assert len(quoted_lines()) > 20
    for line in quoted_lines():
        level, text = line.split(maxsplit=1)
        if level == "colorizebot:":
            assert any(sentence.search(text) for sentence in sentences), line
            continue
        assert any(
            level == of and (regex_of(template).fullmatch(text) or regex_of(text).fullmatch(template))
            for of, template in known
        ), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    known = {variable for setting in describe_settings() for variable in setting.variables}
    known |= {ENVIRONMENT_PREFIX + name.upper() for name in WorkerSettings.model_fields}
    named = set(re.findall(r"COLORIZEBOT_[A-Z_]+[A-Z]", page.read_text(encoding="utf-8")))
    assert named - known == set()
    assert ENVIRONMENT_PREFIX + "TOKEN" in named


def test_every_metric_that_is_named_exists() -> None:
    known = set(re.findall(r"^\| `(colorizebot_\w+)`", METRICS, re.MULTILINE))
    named = set(re.findall(r"`(colorizebot_\w+)", RUNBOOK))
    assert len(named) > 5
    assert named - known == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_shown_is_understood(page: Path) -> None:
    shown = r"python -m bot ((?:stats|check|purge|replay|load|let-in)\b[^`\n]*)"
    commands = [found for found in re.findall(shown, page.read_text("utf-8")) if found not in ("purge", "load")]
    for command in commands:
        parse_arguments(shlex.split(command.replace("ID", "some-request")))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []
