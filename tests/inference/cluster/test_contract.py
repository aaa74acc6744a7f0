"""The tests of the worker's HTTP contract, word for word, against a cluster."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.inference import test_client
from tests.inference.worker import test_crowds, test_hostile_files, test_service, test_uploads

pytest.importorskip("ray", reason="needs the extra “cluster”")
pytestmark = pytest.mark.timeout(600)  # clusters start slowly

_CONTRACT = (test_service, test_uploads, test_hostile_files, test_crowds, test_client)

_PROXY_CONTINUES = "Serve's proxies ask for every body themselves, before the ingress sees the request"
_OF_ONE_PROCESS = "starts a worker of its own, and looks into that process; test_cluster.py has the cluster's"
_SLOWER_TO_TELL = "leaves when the metrics tell of a stage; a cluster's, gathered from its processes, come after it"
_NO_CLUSTER = "is about the client alone"

NOT_APPLICABLE = {
    "test_a_body_is_only_called_for_when_it_is_wanted": _PROXY_CONTINUES,
    "test_a_busy_worker_says_when_to_come_back": _PROXY_CONTINUES,
    "test_from_loading_to_loss": _OF_ONE_PROCESS,
    "test_a_client_that_leaves_midway_is_dropped": _SLOWER_TO_TELL,
    "test_nobody_there": _NO_CLUSTER,
    "test_something_else_is_no_worker": _NO_CLUSTER,
    "test_what_is_no_time_to_come_back_is_none": _NO_CLUSTER,
    "test_a_worker_that_hangs_is_not_ready": _NO_CLUSTER,
    "test_either_url_or_socket": _NO_CLUSTER,
    "test_the_client_needs_none_of_the_models_dependencies": _NO_CLUSTER,
}
"""Not in here either: test_lifecycle.py and test_memory.py, for they start, stop and starve one process."""


def _tests_of(module: ModuleType) -> dict[str, object]:
    return {name: value for name, value in vars(module).items() if name.startswith("test_") and callable(value)}


for _module in _CONTRACT:
    for _name, _test in _tests_of(_module).items():
        assert _name not in globals(), f"two tests are called {_name}"
        if _name not in NOT_APPLICABLE:
            globals()[_name] = _test


def test_what_is_left_out_is_still_there() -> None:
    names = {name for module in _CONTRACT for name in _tests_of(module)}
    assert set(NOT_APPLICABLE) <= names
