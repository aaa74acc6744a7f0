"""One folder, one bot."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.data_folder import hold_data_folder
from bot.problems import OperatorError

HOLD = """
import sys, time
from pathlib import Path
from bot.data_folder import hold_data_folder
with hold_data_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_folder_is_made_and_let_go(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    for _ in range(2):
        with hold_data_folder(folder):
            assert folder.is_dir()


def test_a_second_bot_is_told_of_the_first_and_a_killed_one_holds_nothing(tmp_path: Path) -> None:
    first = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    with pytest.raises(OperatorError, match=r"Another bot .*COLORIZEBOT_DATA_DIR"), hold_data_folder(tmp_path):
        pass
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    with hold_data_folder(tmp_path):
        pass


def test_a_folder_that_can_not_be_made_is_explained(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(OperatorError, match=r"can't be used \(.+\); set COLORIZEBOT_DATA_DIR"), hold_data_folder(file):
        pass
