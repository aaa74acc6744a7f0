"""``deploy/kubernetes`` as kustomize builds it, held to Kubernetes' own schemas and to what we promise of it."""

from __future__ import annotations

import copy
import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from bot.configuration import describe_settings
from bot.settings import Settings
from inference.cluster.settings import ClusterSettings
from inference.settings import WorkerSettings, variable_of
from inference.worker.metrics import Metrics
from tests.deploy import image
from tests.deploy.kuberay import RAY_SERVICE

KUBERNETES = Path(__file__).parents[2] / "deploy" / "kubernetes"
OVERLAYS = ("cpu", "gpu", "ray")
VERSIONS = ("1.31", "1.37")
_TOOLS = str(Path(sys.executable).parent)
Resource = dict[str, Any]


@cache
def _built(overlay: str) -> tuple[Resource, ...]:
    kubectl = shutil.which("kubectl", path=_TOOLS) or shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed (extra test)")
    made = subprocess.run(
        [kubectl, "kustomize", KUBERNETES / "overlays" / overlay], capture_output=True, text=True, check=False
    )
    assert (made.returncode, made.stderr) == (0, "")
    return tuple(yaml.safe_load_all(made.stdout))


def _all(overlay: str, kind: str) -> list[Resource]:
    return [resource for resource in _built(overlay) if resource["kind"] == kind]


def _one(overlay: str, kind: str, name: str) -> Resource:
    return next(resource for resource in _all(overlay, kind) if resource["metadata"]["name"] == name)


def _pods(overlay: str) -> Iterator[tuple[str, Resource]]:
    """Yield each pod template with its name."""
    for deployment in _all(overlay, "Deployment"):
        yield deployment["metadata"]["name"], deployment["spec"]["template"]
    for service in _all(overlay, "RayService"):
        cluster = service["spec"]["rayClusterConfig"]
        yield "head", cluster["headGroupSpec"]["template"]
        for group in cluster["workerGroupSpecs"]:
            yield group["groupName"], group["template"]


@pytest.mark.parametrize("overlay", OVERLAYS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_resource_keeps_to_kubernetes_schemas(overlay: str, version: str) -> None:
    for resource in _built(overlay):
        if resource["apiVersion"] != "ray.io/v1":
            kubernetes_validate.validate(resource, version, strict=True)
    for name, template in _pods(overlay):
        pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": name}, "template": template}
        kubernetes_validate.validate(pod, version, strict=True)


def test_a_wrong_manifest_would_not_pass() -> None:
    deployment = copy.deepcopy(_one("cpu", "Deployment", "colorizebot-worker"))
    deployment["spec"]["template"]["spec"]["containers"][0]["readinesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)
    service = copy.deepcopy(_one("ray", "RayService", "colorizebot-worker"))
    service["spec"]["rayClusterConfig"]["headGroupSpec"]["rayStartParams"]["num-cpus"] = 0
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(service, RAY_SERVICE)


def test_the_ray_service_is_as_kuberay_and_ray_serve_want_it() -> None:
    service = _one("ray", "RayService", "colorizebot-worker")
    jsonschema.validate(service, RAY_SERVICE)
    serve_config = yaml.safe_load(service["spec"]["serveConfigV2"])
    arguments = serve_config["applications"][0]["args"]
    assert ClusterSettings(**arguments).replicas == 2
    group = service["spec"]["rayClusterConfig"]["workerGroupSpecs"][0]
    gpus = group["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
    assert arguments["max_replicas"] * arguments["gpus_per_replica"] <= gpus * group["maxReplicas"]


def test_nobody_runs_programs_on_ray_without_its_token() -> None:
    cluster = _one("ray", "RayService", "colorizebot-worker")["spec"]["rayClusterConfig"]
    assert cluster["authOptions"] == {"mode": "token"}


def test_rays_object_store_fits_into_the_shared_memory_of_its_nodes() -> None:
    utils = pytest.importorskip("ray._private.utils", reason="Ray is not installed (extra cluster)")
    cluster = _one("ray", "RayService", "colorizebot-worker")["spec"]["rayClusterConfig"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        [shared] = [volume["emptyDir"]["sizeLimit"] for volume in pod["volumes"] if volume["name"] == "shm"]
        memory = pod["containers"][0]["resources"]["limits"]["memory"]
        told = group["rayStartParams"].get("object-store-memory")
        takes = utils.resolve_object_store_memory(_bytes(memory), told and int(told))
        assert takes <= _bytes(shared), "Ray uses the disk instead"


def test_ray_serve_finds_the_application_and_the_bot_its_service() -> None:
    schema = pytest.importorskip("ray.serve.schema", reason="Ray is not installed (extra cluster)")
    service = _one("ray", "RayService", "colorizebot-worker")
    config = schema.ServeDeploySchema(**yaml.safe_load(service["spec"]["serveConfigV2"]))
    [application] = config.applications
    module, _, name = application.import_path.partition(":")
    assert callable(getattr(importlib.import_module(module), name))
    from ray import __version__

    assert service["spec"]["rayClusterConfig"]["rayVersion"] == __version__
    url = _bot_settings("ray")["COLORIZEBOT_INFERENCE_URL"]
    assert url == f"http://{service['metadata']['name']}-serve-svc:{config.http_options.port}"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_pod_is_as_restricted_as_kubernetes_can_make_it(overlay: str) -> None:
    for name, template in _pods(overlay):
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"], name
        assert str(pod["securityContext"]["runAsUser"]) == image.last("worker", "USER").split(":")[0]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for volume in pod["volumes"]:
            assert set(volume) <= {"name", "emptyDir", "persistentVolumeClaim"}
        for container in pod["containers"]:
            context = container["securityContext"]
            assert not context["allowPrivilegeEscalation"]
            assert context["readOnlyRootFilesystem"]
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
    [namespace] = _all(overlay, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_no_variable_of_kubernetes_is_taken_for_a_setting(overlay: str) -> None:
    """Links to a service called colorizebot-worker would set COLORIZEBOT_WORKER_PORT=tcp://..."""
    assert [name for name, template in _pods(overlay) if template["spec"].get("enableServiceLinks") is not False] == []


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_settings_are_settings_and_secrets_are_only_named(overlay: str) -> None:
    assert _all(overlay, "Secret") == []
    for resource in _all(overlay, "ConfigMap"):
        for name in resource["data"]:
            known = {variable_of(field) for field in WorkerSettings.model_fields}
            known |= {setting.variable for setting in describe_settings()}
            assert name in known
            assert not re.search("TOKEN|PASSWORD|SECRET|DATABASE_URL", name)
    for _, template in _pods(overlay):
        for container in template["spec"]["containers"]:
            for variable in container.get("env", []):
                assert "value" not in variable or "TOKEN" not in variable["name"]


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_services_budgets_and_policies_find_their_pods(overlay: str) -> None:
    labels = [template["metadata"]["labels"] for _, template in _pods(overlay)]

    def found(selector: dict[str, str]) -> bool:
        wanted = {key: value for key, value in selector.items() if not key.startswith("ray.io/")}
        return any(wanted.items() <= pod.items() for pod in labels)

    for service in _all(overlay, "Service"):
        assert found(service["spec"]["selector"])
    for budget in _all(overlay, "PodDisruptionBudget"):
        assert found(budget["spec"]["selector"]["matchLabels"])
    for policy in _all(overlay, "NetworkPolicy"):
        assert found(policy["spec"]["podSelector"].get("matchLabels", {}))
    deployments = {deployment["metadata"]["name"] for deployment in _all(overlay, "Deployment")}
    for scaler in _all(overlay, "HorizontalPodAutoscaler"):
        assert scaler["spec"]["scaleTargetRef"]["name"] in deployments


@pytest.mark.parametrize("overlay", ["cpu", "gpu"])
def test_the_worker_reaches_nobody(overlay: str) -> None:
    policy = _one(overlay, "NetworkPolicy", "worker")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert not policy.get("egress")


def test_a_ray_node_reaches_its_like_dns_and_no_internet() -> None:
    blocks = [
        ip_network(peer["ipBlock"]["cidr"])
        for policy in _all("ray", "NetworkPolicy")
        if policy["metadata"]["name"] in {"worker", "ray", "ray-head"}
        for rule in policy["spec"].get("egress", [])
        for peer in rule["to"]
        if "ipBlock" in peer
    ]
    assert blocks
    assert all(block.is_private for block in blocks)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_bot_reaches_the_internet_and_nothing_private_but_its_own(overlay: str) -> None:
    rules = _one(overlay, "NetworkPolicy", "bot")["spec"]["egress"]
    blocks = [peer["ipBlock"] for rule in rules for peer in rule["to"] if "ipBlock" in peer]

    def reached(address: str) -> bool:
        ip = ip_address(address)
        return any(
            ip in ip_network(block["cidr"]) and not any(ip in ip_network(each) for each in block["except"])
            for block in blocks
        )

    assert reached("1.1.1.1")
    assert reached("2606:4700:4700::1111")
    private = "10.96.0.1 172.20.3.4 192.168.1.1 169.254.169.254 100.64.0.1 127.0.0.1 fd00::1 fe80::1 64:ff9b::a00:1"
    assert [address for address in private.split() if reached(address)] == []
    components = [peer["podSelector"]["matchLabels"] for rule in rules for peer in rule["to"] if "podSelector" in peer]
    assert components == [
        {"app.kubernetes.io/name": "colorizebot", "app.kubernetes.io/component": "worker"},
        {"app.kubernetes.io/name": "postgresql"},
        {"k8s-app": "kube-dns"},
    ]
    assert not any(rule.get("to") is None for rule in rules), "a rule without peers lets it reach everybody"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_everybody_gets_longer_to_stop_than_it_takes(overlay: str) -> None:
    drain = max(
        Settings.model_fields["limits"].default.drain_seconds, WorkerSettings.model_fields["drain_seconds"].default
    )
    for name, template in _pods(overlay):
        if name != "head":
            assert template["spec"]["terminationGracePeriodSeconds"] > drain + 10


def test_an_upgrade_of_workers_needs_no_gpu_beyond_those_in_use() -> None:
    for overlay, surge in (("cpu", 1), ("gpu", 0)):
        update = _one(overlay, "Deployment", "colorizebot-worker")["spec"]["strategy"]["rollingUpdate"]
        assert update == {"maxSurge": surge, "maxUnavailable": 1 - surge}


def test_ports_are_those_of_the_images() -> None:
    for target in ("bot", "worker"):
        [container] = _one("cpu", "Deployment", f"colorizebot-{target}")["spec"]["template"]["spec"]["containers"]
        assert str(container["ports"][0]["containerPort"]) == image.last(target, "EXPOSE")


def test_the_autoscaler_asks_for_a_metric_that_the_worker_has_and_the_adapter_hands_on() -> None:
    metric = _one("cpu", "HorizontalPodAutoscaler", "colorizebot-worker")["spec"]["metrics"][0]["pods"]["metric"][
        "name"
    ]
    assert f"\n{metric} " in Metrics().render().decode()
    adapter = yaml.safe_load((KUBERNETES / "monitoring" / "prometheus-adapter.yaml").read_text(encoding="utf-8"))
    [rule] = adapter["rules"]["custom"]
    assert rule["seriesQuery"].startswith(metric + "{")
    assert set(rule["resources"]["overrides"]) == {"namespace", "pod"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_bot_has_enough_photos_in_work_to_have_the_last_worker_added(overlay: str) -> None:
    in_work = int(_bot_settings(overlay)["COLORIZEBOT_LIMITS__PARALLEL"])
    needed = []
    for scaler in _all(overlay, "HorizontalPodAutoscaler"):
        [metric] = scaler["spec"]["metrics"]
        target = int(metric["pods"]["target"]["averageValue"])
        # A tenth more than the target is tolerated.
        needed.append(1.1 * target * (scaler["spec"]["maxReplicas"] - 1))
    for service in _all(overlay, "RayService"):
        arguments = yaml.safe_load(service["spec"]["serveConfigV2"])["applications"][0]["args"]
        needed.append(ClusterSettings(**arguments).target_requests * (arguments["max_replicas"] - 1))
    assert len(needed) == 1
    assert in_work > needed[0]


@pytest.mark.parametrize(("overlay", "told"), [("cpu", ["worker"]), ("gpu", ["worker"]), ("ray", ["head"])])
def test_no_measurement_of_the_workers_is_collected_twice(overlay: str, told: list[str]) -> None:
    jobs = yaml.safe_load((KUBERNETES / "monitoring" / "prometheus-scrape.yaml").read_text(encoding="utf-8"))
    [job] = [job for job in jobs["scrape_configs"] if job["job_name"] == "colorizebot-worker"]
    collected = []
    for name, template in _pods(overlay):
        labels = {
            "__meta_kubernetes_pod_label_" + re.sub(r"\W", "_", key): value for key, value in _labels(name, template)
        }
        for port in template["spec"]["containers"][0]["ports"]:
            if _kept(job["relabel_configs"], labels | {"__meta_kubernetes_pod_container_port_name": port["name"]}):
                collected.append(name.removeprefix("colorizebot-"))
    assert collected == told


def _labels(name: str, template: Resource) -> Iterator[tuple[str, str]]:
    yield from template["metadata"]["labels"].items()
    if not name.startswith("colorizebot-"):  # KubeRay's operator adds this
        yield "ray.io/node-type", "head" if name == "head" else "worker"


def _kept(rules: list[Resource], labels: dict[str, str]) -> bool:
    for rule in rules:
        text = ";".join(labels.get(label, "") for label in rule["source_labels"])
        fits = re.fullmatch(rule.get("regex", "(.*)"), text) is not None
        if fits != (rule.get("action") == "keep") and rule.get("action") in ("keep", "drop"):
            return False
    return True


def test_prometheus_understands_its_jobs(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: prometheus)")
    jobs = yaml.safe_load((KUBERNETES / "monitoring" / "prometheus-scrape.yaml").read_text(encoding="utf-8"))
    for job in jobs["scrape_configs"]:
        # Debian's promtool is built without Kubernetes' discovery.
        assert job.pop("kubernetes_sd_configs") == [{"role": "pod", "namespaces": {"names": ["colorizebot"]}}]
        labels = {each.get("target_label") for each in job["relabel_configs"]}
        assert {"namespace", "pod"} <= labels, "the adapter finds pods by them"
    (tmp_path / "prometheus.yml").write_text(yaml.safe_dump(jobs), encoding="utf-8")
    said = subprocess.run(
        [promtool, "check", "config", "--syntax-only", tmp_path / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr


def _bot_settings(overlay: str) -> dict[str, str]:
    [settings] = [
        resource["data"]
        for resource in _all(overlay, "ConfigMap")
        if resource["metadata"]["name"].startswith("colorizebot-bot")
    ]
    return dict(settings)


def _bytes(quantity: str) -> int:
    number, unit = quantity[:-2], quantity[-2:]
    return int(number) * {"Mi": 2**20, "Gi": 2**30}[unit]
