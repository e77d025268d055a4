"""Other runtimes, for comparison: each runs one model on bound buffers with a given number of threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from ..dialects.errors import TenonError

Arrays = Mapping[str, np.ndarray]


class Timed(Protocol):
    """What is ready to run, and may be timed."""

    def run(self) -> None: ...


class Runner(Timed, Protocol):
    """A model ready to run: `run` computes `outputs` (by name) from inputs that were bound before."""

    def outputs(self) -> dict[str, np.ndarray]: ...


class OnnxRuntime:
    """onnxruntime on the CPU with all its graph optimizations; in f32, since it has no bf16 there. With the
    precision `int8-exact` its sums of bytes do not saturate on machines without VNNI."""

    def __init__(self, path: str, inputs: Arrays, threads: int, precision: str = "fp32"):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        if precision == "int8-exact":
            options.add_session_config_entry("session.x64quantprecision", "1")
        self._session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self._binding = self._session.io_binding()
        self._values = {k: onnxruntime.OrtValue.ortvalue_from_numpy(a) for k, a in inputs.items()}
        for name, value in self._values.items():
            self._binding.bind_ortvalue_input(name, value)
        self._names = [output.name for output in self._session.get_outputs()]
        for name in self._names:
            self._binding.bind_output(name)
        self._session.run_with_iobinding(self._binding)
        for name, value in zip(self._names, self._binding.get_outputs(), strict=True):
            self._binding.bind_ortvalue_output(name, value)  # now their shapes are known: the same memory

    def run(self) -> None:
        self._session.run_with_iobinding(self._binding)

    def outputs(self) -> dict[str, np.ndarray]:
        return dict(zip(self._names, map(np.asarray, self._binding.copy_outputs_to_cpu()), strict=True))


class OpenVino:
    """OpenVINO on the CPU. The precision is always said: its default where the machine has bf16 instructions
    is bf16."""

    def __init__(self, path: str, inputs: Arrays, threads: int, precision: str = "fp32"):
        import openvino  # pyright: ignore[reportMissingImports]  # only with the extra bench

        core = openvino.Core()
        model = core.read_model(path)
        names = [port.get_any_name() for port in model.inputs]
        model.reshape({name: list(inputs[name].shape) for name in names})
        self._names = [port.get_any_name() for port in model.outputs]
        config = {
            "INFERENCE_PRECISION_HINT": {"fp32": "f32"}.get(precision, precision),
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": 1,
            "ENABLE_CPU_PINNING": False,  # the process is pinned
        }
        self._request = core.compile_model(model, "CPU", config).create_infer_request()
        self._tensors = [openvino.Tensor(inputs[name], shared_memory=True) for name in names]
        for index, tensor in enumerate(self._tensors):
            self._request.set_input_tensor(index, tensor)

    def run(self) -> None:
        self._request.infer()

    def outputs(self) -> dict[str, np.ndarray]:
        return {
            name: np.array(self._request.get_output_tensor(index).data)
            for index, name in enumerate(self._names)
        }


PEERS: dict[str, Callable[[str, Arrays, int, str], Runner]] = {
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVino,
}


def make_peer(name: str, path: str, inputs: Arrays, threads: int, precision: str = "fp32") -> Runner:
    """The model in the file `path`, ready to run on `inputs`; raises `TenonError` where the peer cannot."""
    try:
        return PEERS[name](path, inputs, threads, precision)
    except ModuleNotFoundError as error:
        extra = f"needs {error.name}, which the extra 'bench' installs: pip install 'tenonc[bench]'"
        raise TenonError(f"peer {name} {extra}") from None
    except Exception as error:
        reason: Any = " ".join(str(error).split())[:300]
        raise TenonError(f"peer {name} refuses {path}: {reason}") from error
