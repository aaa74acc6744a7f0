from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_GIVEN_BACK = """
from inference.bench.memory import resident
from inference.worker.heap import give_back_memory, use_few_arenas

use_few_arenas()
kept = []
held = []
for _ in range(400_000):  # pieces among which a few stay, so that the heap can't shrink from its end
    held.append(bytes(1000))
    if len(held) % 40_000 == 0:
        kept.append(bytes(1000))
del held
before = resident()
give_back_memory()
print((before - resident()) // 1_000_000)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_what_is_free_is_given_back() -> None:
    answer = subprocess.run([sys.executable, "-c", _GIVEN_BACK], capture_output=True, text=True, check=True)
    assert int(answer.stdout) >= 100


_REUSED = """
import resource, sys
from inference.worker.heap import keep_what_the_network_frees, use_few_arenas

use_few_arenas()
keep_what_the_network_frees(int(sys.argv[1]))

def run():
    maps = [bytearray(7_000_000) for _ in range(4)]
    for each in maps:
        each[::4096] = b"1" * len(each[::4096])

run()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    run()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("photos", ["4", "256", "1000000000000"])
def test_what_the_network_frees_is_there_for_its_next_batch(photos: str) -> None:
    answer = subprocess.run([sys.executable, "-c", _REUSED, photos], capture_output=True, text=True, check=True)
    page_faults = int(answer.stdout)
    assert page_faults < 4 * 7_000_000 // 4096
