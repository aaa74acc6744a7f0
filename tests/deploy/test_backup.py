"""The commands of ``deploy/docs/postgresql.md`` that back up a ledger in use and restore it, run for real."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from bot.ledger import Etiquette, open_ledger
from bot.storage import Storage
from bot.vocabulary import State
from tests.bot.ledger.test_ledger import ANSWER, asking
from tests.postgresql import PostgresqlServer, programs_path

GUIDE = Path(__file__).parents[2] / "deploy" / "docs" / "postgresql.md"


def commands(title: str) -> str:
    """Return the guide's commands below a comment."""
    found = re.search(rf"<!-- {title} -->\n```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found.group(1)


def run(title: str, *, url: str, data: Path, backup: Path) -> None:
    settings = {"COLORIZEBOT_DATABASE_URL": url, "COLORIZEBOT_DATA_DIR": str(data), "BACKUP": str(backup)}
    environment = {**os.environ, **settings, "PATH": programs_path()}
    subprocess.run(["bash", "-eu", "-c", commands(title)], env=environment, check=True, timeout=60)


@pytest.mark.parametrize("kind", ["SQLite", "PostgreSQL"])
async def test_a_backup_of_a_ledger_in_use_is_restored(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    old, new, backup = (tmp_path / name for name in ("old", "new", "backup"))
    for folder in (old, new, backup):
        folder.mkdir()
    if kind == "SQLite":
        url, new_url = (f"sqlite:///{folder / 'colorizebot.sqlite3'}" for folder in (old, new))
    else:
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        url, new_url = server.new_database(), server.new_database()
    async with open_ledger(url) as ledger:
        await ledger.roster.join()
        answered, in_work, later = asking("answered"), asking("in work"), asking("after the backup")
        for recorded in (answered, in_work):
            await ledger.record(recorded)
            await ledger.claim(recorded.id)
        await ledger.decided(answered.id, ANSWER)
        await ledger.delivered(answered.id, "answer-1")
        await Etiquette(ledger.engine).opt_out("reddit", "ann")
        storage = Storage(old / "requests")
        await storage.save_input(answered.id, 0, b"photo")
        await storage.save_picture(answered.id, "result-0.jpg", b"colours")
        run(f"backup of {kind}", url=url, data=old, backup=backup)
        await ledger.record(later)
    run(f"restore of {kind}", url=new_url, data=new, backup=backup)
    async with open_ledger(new_url) as ledger:
        entry = await ledger.by_id(answered.id)
        assert entry is not None
        assert (entry.state, entry.outcome, entry.answer_id) == (State.ANSWERED, ANSWER, "answer-1")
        assert [waiting.request for waiting in await ledger.unfinished()] == [in_work]
        assert await ledger.by_id(later.id) is None
        assert await Etiquette(ledger.engine).has_opted_out("reddit", "ann")
        again = asking("as before, with the restored keys")
        await ledger.roster.join()
        await ledger.record(again)
        assert (await ledger.record(asking("answered"))).request.id == answered.id
    assert await Storage(new / "requests").read(answered.id, "result-0.jpg") == b"colours"
