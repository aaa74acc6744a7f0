"""The table of all metrics in the guide: ``python -m tests.deploy.metrics_table`` writes it anew."""

from __future__ import annotations

import tempfile
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

GUIDE = Path(__file__).parents[2] / "deploy" / "docs" / "watching.md"
_BEGIN, _END = "<!-- metrics -->\n", "<!-- end of metrics -->"
_HEAD = "| metric | kind | labels | meaning |\n|---|---|---|---|\n"
_OWN = "colorizebot_"


def table(*texts: str) -> str:
    """Return the table of the metrics in ``/metrics`` of the bot and the worker."""
    families = {family.name: family for text in texts for family in text_string_to_metric_families(text)}
    rows = []
    for name, family in sorted(families.items()):
        if not name.startswith(_OWN):
            continue
        labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
        shown = f"{name}_total" if family.type == "counter" else name
        rows.append(f"| `{shown}` | {family.type} | {', '.join(labels) or _unseen(name)} | {family.documentation} |\n")
    return _HEAD + "".join(rows)


def table_in(guide: str) -> str:
    """Return the table that a guide has."""
    return guide[guide.index(_BEGIN) + len(_BEGIN) : guide.index(_END)]


def _unseen(name: str) -> str:
    """Return the labels of metrics that have no samples until something happens."""
    return {
        "colorizebot_attempts_failed": "why",
        "colorizebot_worker_gpu_memory_bytes": "kind",
        "colorizebot_worker_out_of_memory": "stage",
        "colorizebot_worker_photo_process_deaths": "manner",
    }.get(name, "")


def _write() -> None:
    from tests.deploy.watched_bot import watched_bot

    guide = GUIDE.read_text()
    with tempfile.TemporaryDirectory() as folder, watched_bot(Path(folder)) as watched:
        new = table(watched.metrics_of_bot(), watched.metrics_of_worker())
    begin = guide.index(_BEGIN) + len(_BEGIN)
    GUIDE.write_text(guide[:begin] + new + guide[guide.index(_END) :])


if __name__ == "__main__":
    _write()
