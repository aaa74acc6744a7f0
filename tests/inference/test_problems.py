"""The tree of problems: what goes over the wire comes back as the same exception."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from inference import problems
from inference.problems import Busy, Problem

EXPECTED = {
    "NotAnImage": (400, "not_an_image"),
    "BrokenImage": (400, "broken_image"),
    "EmptyBody": (400, "empty"),
    "TokenNeeded": (401, "token_needed"),
    "CertificateNeeded": (403, "certificate_needed"),
    "TooManyBytes": (413, "too_many_bytes"),
    "TooManyPixels": (413, "too_many_pixels"),
    "TooManyFrames": (413, "too_many_frames"),
    "UnsupportedType": (415, "unsupported_type"),
    "InvalidOption": (422, "invalid_option"),
    "Busy": (429, "busy"),
    "NotReady": (503, "loading"),
    "Draining": (503, "draining"),
    "OutOfMemory": (503, "out_of_memory"),
}


def test_every_problem_of_the_worker_is_listed_here() -> None:
    ours = {problem.__name__ for problem in Problem.__subclasses__() if problem.__module__ == Problem.__module__}
    assert ours == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_problem_survives_the_wire(name: str) -> None:
    problem_class: type[Problem] = getattr(problems, name)
    sent = problem_class("Please do this instead.")
    document = json.loads(json.dumps(sent.to_json()))
    assert (document["status"], document["reason"]) == EXPECTED[name]
    assert document["type"] == f"urn:colorizebot:problem:{document['reason']}"
    received = Problem.from_json(document, retry_after=3)
    assert type(received) is problem_class
    assert (received.detail, str(received), received.retry_after) == ("Please do this instead.",) * 2 + (3,)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_standing_advice_is_one_kind_sentence(name: str) -> None:
    detail = getattr(problems, name)().detail
    assert detail.endswith(".")
    assert "please" in detail
    assert "\n" not in detail


def test_an_unknown_reason_is_a_plain_problem() -> None:
    received = Problem.from_json({"reason": "from_the_future", "detail": 5})
    assert type(received) is Problem
    assert received.status == 500
    assert received.detail == Problem.advice


def test_busy_tells_when_to_come_back() -> None:
    assert Busy(retry_after=2).retry_after == 2
    assert "retry_after" not in Busy(retry_after=2).to_json()


def test_words_and_problems_need_only_the_standard_library() -> None:
    program = (
        "import sys, inference.problems, inference.vocabulary\n"
        "heavy = {'torch', 'numpy', 'PIL', 'aiohttp'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
