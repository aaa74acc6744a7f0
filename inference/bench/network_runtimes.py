"""The bundled network in every runtime that could serve it, from lightness to ab, on CPUs.

Each is a function of threads and an ONNX file, which returns a function of lightness (n, 1, h, w) in 0..100 to ab, both
float32 arrays. Runtimes are imported inside, so that time and memory of a process are those of one alone.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Batch: TypeAlias = NDArray[np.float32]
Predict: TypeAlias = Callable[[Batch], Batch]

SIDE = 192
"""Side of the square inputs."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """One way to run the network; ``package`` has to be installed for it."""

    label: str
    prepare: Callable[[int, Path], Predict]
    package: str = "torch"


def _served(threads: int, onnx: Path) -> Predict:
    from inference.model.colorizer import load_colorizer

    colorizer = load_colorizer(device="cpu")
    return _of_tensors(threads, colorizer.predict)


def _eager(threads: int, onnx: Path) -> Predict:
    from inference.model.colorizer import load_colorizer

    colorizer = load_colorizer(device="cpu")
    return _of_tensors(threads, lambda lightness: colorizer.decode(colorizer.network(lightness)))


def _folded(threads: int, onnx: Path) -> Predict:
    import torch

    return _fused(threads, torch.float32, kernels=False)


def _fused_float32(threads: int, onnx: Path) -> Predict:
    import torch

    return _fused(threads, torch.float32, kernels=None)


def _fused(threads: int, dtype: torch.dtype, *, kernels: bool | None) -> Predict:
    import torch

    from inference.model.colorizer import load_colorizer
    from inference.model.fusing import fused
    from inference.model.topdown import TopDown

    colorizer = load_colorizer(device="cpu")
    assert isinstance(colorizer.network, TopDown)  # noqa: S101 - for the type checker
    network = fused(colorizer.network, torch.device("cpu"), dtype, kernels=kernels)
    return _of_tensors(threads, lambda lightness: colorizer.decode(network(lightness)))


def _of_tensors(threads: int, predict: Callable[[Tensor], Tensor]) -> Predict:
    import torch

    torch.set_num_threads(threads)

    @torch.inference_mode()
    def run(lightness: Batch) -> Batch:
        batch = torch.from_numpy(lightness).contiguous(memory_format=torch.channels_last)
        ab: Batch = predict(batch).numpy()
        return ab

    return run


def _onnxruntime(threads: int, onnx: Path) -> Predict:
    runtime: Any = import_module("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = runtime.InferenceSession(str(onnx), options)

    def run(lightness: Batch) -> Batch:
        ab: Batch = session.run(None, {"lightness": lightness})[0]
        return ab

    return run


def _openvino(precision: str) -> Callable[[int, Path], Predict]:
    def prepare(threads: int, onnx: Path) -> Predict:
        openvino: Any = import_module("openvino")
        settings = {
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": precision,
            "PERFORMANCE_HINT": "LATENCY",
        }
        compiled = openvino.Core().compile_model(str(onnx), "CPU", settings)
        request = compiled.create_infer_request()

        def run(lightness: Batch) -> Batch:
            ab: Batch = request.infer([lightness])[compiled.output(0)]
            return ab.copy()

        return run

    return prepare


RUNTIMES = {
    "eager": Runtime("PyTorch as trained, channels-last", _eager),
    "folded": Runtime("batch norms folded", _folded),
    "fused": Runtime("and fused oneDNN kernels, float32", _fused_float32),
    "served": Runtime("as served: best type, photos apart", _served),
    "onnxruntime": Runtime("ONNX Runtime, float32", _onnxruntime, "onnxruntime"),
    "openvino": Runtime("OpenVINO, float32", _openvino("f32"), "openvino"),
    "openvino-bf16": Runtime("OpenVINO, bfloat16", _openvino("bf16"), "openvino"),
}


def export_onnx(path: Path) -> None:
    """Write the bundled network with its decoding, for any number of photos of one size; needs the package onnx."""
    import torch

    from inference.model.colorizer import load_colorizer

    colorizer = load_colorizer(device="cpu")

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = colorizer.network

        def forward(self, lightness: Tensor) -> Tensor:
            return colorizer.decode(self.network(lightness))

    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's, about sizes that are fixed here
        torch.onnx.export(
            Whole().eval(),
            (torch.zeros(1, 1, SIDE, SIDE),),
            str(path),
            dynamo=False,  # the newer exporter needs one more package
            opset_version=17,
            input_names=["lightness"],
            output_names=["ab"],
            dynamic_axes={"lightness": {0: "photos"}, "ab": {0: "photos"}},
        )
