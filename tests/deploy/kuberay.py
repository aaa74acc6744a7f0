"""What KubeRay's ``ray.io/v1`` RayService looks like, as far as our manifest uses it; nothing else is let pass.

No package carries KubeRay's own schema, so this one was written after the types of its operator
(``ray-operator/apis/ray/v1`` of ray-project/kuberay): their names, which of them are required, and what they hold. Pod
templates are whole Kubernetes objects there, and are checked as such by the caller.
"""

from __future__ import annotations

from typing import Any

_COUNT = {"type": "integer", "minimum": 0}
_TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
_TEMPLATE = {"type": "object", "required": ["spec"]}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


_AUTOSCALER = _object(
    [],
    idleTimeoutSeconds=_COUNT,
    upscalingMode={"enum": ["Default", "Aggressive", "Conservative"]},
    resources={"type": "object"},
    securityContext={"type": "object"},
    volumeMounts={"type": "array", "items": {"type": "object", "required": ["name", "mountPath"]}},
)
_HEAD = _object(
    ["rayStartParams", "template"],
    serviceType={"enum": ["ClusterIP", "NodePort", "LoadBalancer"]},
    rayStartParams=_TEXTS,
    template=_TEMPLATE,
)
_GROUP = _object(
    ["groupName", "minReplicas", "maxReplicas", "rayStartParams", "template"],
    groupName={"type": "string", "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"},
    replicas=_COUNT,
    minReplicas=_COUNT,
    maxReplicas=_COUNT,
    numOfHosts={"type": "integer", "minimum": 1},
    rayStartParams=_TEXTS,
    template=_TEMPLATE,
)
_CLUSTER = _object(
    ["headGroupSpec"],
    rayVersion={"type": "string"},
    authOptions=_object([], mode={"enum": ["disabled", "token"]}, secretName={"type": "string"}),
    enableInTreeAutoscaling={"type": "boolean"},
    autoscalerOptions=_AUTOSCALER,
    headGroupSpec=_HEAD,
    workerGroupSpecs={"type": "array", "items": _GROUP},
)
RAY_SERVICE = _object(
    ["apiVersion", "kind", "metadata", "spec"],
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayService"},
    metadata={"type": "object", "required": ["name"]},
    spec=_object(["serveConfigV2", "rayClusterConfig"], serveConfigV2={"type": "string"}, rayClusterConfig=_CLUSTER),
)
