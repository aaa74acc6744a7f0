"""How a cluster is set up, and how it refuses to start."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest

from inference.cluster import command_line
from inference.cluster.settings import ClusterSettings
from inference.settings import UnusableSettings
from tests.inference.cluster.running_cluster import RunningCluster


def test_flags_go_to_the_settings_they_belong_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLORIZEBOT_CLUSTER_GPUS_PER_REPLICA", "0.5")
    (tmp_path / "colorizebot.toml").write_text("[cluster]\nreplicas = 3\n[worker]\nqueue_size = 9\n")
    worker, cluster = command_line.read({"max_replicas": "4", "port": "8123"})
    assert (worker.port, worker.queue_size) == (8123, 9)
    assert (cluster.replicas, cluster.max_replicas, cluster.gpus_per_replica) == (3, 4, 0.5)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        ({"replicas": "0"}, r"--replicas \(COLORIZEBOT_CLUSTER_REPLICAS\)"),
        ({"replicas": "3", "max_replicas": "2"}, "max_replicas has to be at least replicas"),
        ({"target_requests": "20"}, "target_requests has to be at most requests_per_replica"),
        ({"queue_size": "0"}, r"--queue-size \(COLORIZEBOT_WORKER_QUEUE_SIZE\)"),
    ],
)
def test_settings_that_cannot_be(
    flags: dict[str, str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnusableSettings, match=complaint):
        command_line.read(flags)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in ClusterSettings.model_fields.values())


def test_without_ray_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert command_line.main([]) == 2
    assert "pip install" in capsys.readouterr().err


def test_a_ray_service_lets_nobody_in_unasked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs the extra “cluster”")
    from inference.cluster.serving import application

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("inference.cluster.serving.build", lambda worker, cluster: "built")
    with pytest.raises(UnusableSettings, match=r"COLORIZEBOT_WORKER_TOKEN.*COLORIZEBOT_WORKER_OPEN"):
        application({})
    monkeypatch.setenv("COLORIZEBOT_WORKER_TOKEN", "short")
    with pytest.raises(UnusableSettings, match="16 ASCII characters"):
        application({})
    for variable, value in (("TOKEN", "a-token-that-only-the-tests-know"), ("OPEN", "true")):
        monkeypatch.delenv("COLORIZEBOT_WORKER_TOKEN", raising=False)
        monkeypatch.setenv(f"COLORIZEBOT_WORKER_{variable}", value)
        assert application({}) == "built"


def test_it_refuses_to_start_with_one_sentence(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra “cluster”")
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = str(server.getsockname()[1])
        starts = {
            "--port (COLORIZEBOT_WORKER_PORT)": ["--port", taken],
            "--host (COLORIZEBOT_WORKER_HOST)": ["--host", "0.0.0.0", "--port", "0"],
            "--socket (COLORIZEBOT_WORKER_SOCKET)": ["--socket", "cluster.sock"],
        }
        clusters = {names: RunningCluster(*flags, folder=tmp_path) for names, flags in starts.items()}
        for names, cluster in clusters.items():
            with cluster:
                assert cluster.wait_end(120) == 2
            (sentence,) = [line for line in cluster.output.splitlines() if line.startswith("colorizebot cluster: ")]
            assert names in sentence
            assert sentence.endswith(".")
            assert "Traceback" not in cluster.output
