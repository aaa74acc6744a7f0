"""Prometheus' own tools, from the Debian package ``prometheus``, and expressions taken apart."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"

_AGGREGATIONS = frozenset({"avg", "bottomk", "count", "group", "max", "min", "quantile", "stddev", "sum", "topk"})
_WORDS = frozenset({"and", "or", "unless", "bool", "offset", "inf", "nan"})
_LABEL_LISTS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_TOKEN = re.compile(
    r"""(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<range>\[[^\]]*\])
      | (?P<number>\d[\w.]*)
      | (?P<name>[a-zA-Z_:][\w:]*)
      | (?P<operator>=~|!~|!=|==|<=|>=|[-+*/%^<>=(){},@])
      | (?P<space>\s+)""",
    re.VERBOSE,
)


def tool(name: str) -> str:
    """Return where ``promtool`` or ``prometheus`` is; skips the test where it isn't."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install --no-install-recommends prometheus")
    return found


def promtool(*arguments: str | Path) -> str:
    """Run promtool; return what it says when it is content."""
    done = subprocess.run(
        [tool("promtool"), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def metrics_in(expression: str) -> dict[str, set[str]]:
    """Return the metrics that a PromQL expression asks for, each with the labels that it is selected by."""
    found: dict[str, set[str]] = {}
    tokens = list(_tokens(expression))
    depth, metric, labels_end = 0, None, 0
    for index, (kind, text) in enumerate(tokens):
        following = tokens[index + 1][1] if index + 1 < len(tokens) else ""
        if index < labels_end:
            continue
        if kind == "name" and text in _LABEL_LISTS and following == "(":
            labels_end = next(end for end in range(index, len(tokens)) if tokens[end][1] == ")")
        elif text == "{":
            depth += 1
        elif text == "}":
            depth -= 1
        elif kind == "name" and depth:
            assert metric is not None, f"labels without a metric in {expression}"
            found[metric].add(text)
        elif kind == "name" and following != "(" and text not in _WORDS | _AGGREGATIONS | _LABEL_LISTS:
            metric = text
            found.setdefault(metric, set())
    return found


def check_expressions(folder: Path, expressions: Mapping[str, str]) -> None:
    """Have promtool parse expressions, by some name for each."""
    import yaml

    rules = [{"record": f"checked:{number}", "expr": each} for number, each in enumerate(expressions.values())]
    file = folder / "expressions.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "checked", "rules": rules}]}))
    promtool("check", "rules", file)


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(expression):
        match = _TOKEN.match(expression, position)
        assert match, f"what is this: {expression[position : position + 20]!r} in {expression}"
        position = match.end()
        if match.lastgroup not in (None, "space", "range"):
            yield str(match.lastgroup), match[0]
