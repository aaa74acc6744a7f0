"""Many workers behind one address, on Ray Serve: ``python -m inference cluster``, or KubeRay's RayService.

The import path for a RayService (or ``serve run``) is ``inference.cluster.serving:application``. It takes its settings
from the environment of the Ray head's container (``COLORIZEBOT_WORKER_…`` and ``COLORIZEBOT_CLUSTER_…``), and such
``args`` as name one of the latter (``{replicas: 2, gpus_per_replica: 0.5}``). The application has two deployments:

- ``Ingress`` takes requests in. It runs the worker's own HTTP application, so that the contract is the same down to
  the words of the refusals, but no model.
- ``Replica`` holds one loaded model each, with the worker's batching and its photo processes. Its ``user_config`` is
  ``{weights: path}``: another path there is an update of the weights in place.

This module imports nothing: Ray (extra ``cluster``) is needed by those parts alone that run on it.
"""
