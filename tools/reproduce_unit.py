"""Table I of UNIT (Weng et al., CGO 2021): sixteen convolutions of unsigned and signed bytes, beside
onnxruntime and OpenVINO, and as a part of the machine's peak.

Inputs come padded, inputs and outputs are unsigned bytes in buffers that are bound before; the runtimes and
the loop that measures the peak take turns. The peak is that of the fastest instruction that is exact for any
bytes (`targets/peak.py`): without VNNI that is a chain on 16 bits. There the peers' defaults saturate sums at
16 bits, so their integers are wrong; how far each peer's are from ours is listed, and the time of onnxruntime
told to be exact.
"""

from __future__ import annotations

import math
import statistics
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..targets.peak import PeakLoop

PEERS = ("onnxruntime", "openvino")

FULL, QUICK = (9, 0.15), (3, 0.03)
"""Rounds, and seconds of each runtime in a round."""


@dataclass(frozen=True)
class Layer:
    """`ic` x `ihw` x `ihw` inputs, padding included, `oc` filters of `kernel` x `kernel`, in steps of
    `stride`."""

    ic: int
    ihw: int
    oc: int
    kernel: int
    stride: int

    @property
    def ohw(self) -> int:
        return (self.ihw - self.kernel) // self.stride + 1

    @property
    def macs(self) -> int:
        return self.ohw**2 * self.oc * self.ic * self.kernel**2


LAYERS = [
    Layer(*row)
    for row in (
        (288, 35, 384, 3, 2), (160, 9, 224, 3, 1), (1056, 7, 192, 1, 1), (80, 73, 192, 3, 1),
        (128, 16, 128, 3, 1), (192, 16, 192, 3, 1), (256, 16, 256, 3, 1), (1024, 14, 512, 1, 1),
        (128, 16, 160, 3, 1), (576, 14, 192, 1, 1), (96, 16, 128, 3, 1), (1024, 14, 256, 1, 1),
        (576, 14, 128, 1, 1), (64, 29, 96, 3, 1), (64, 56, 128, 1, 2), (608, 14, 192, 1, 1),
    )
]  # fmt: skip


@dataclass(frozen=True)
class Result:
    """Milliseconds of each runtime; operations a nanosecond, ours and in the peak's loop of the same rounds;
    and how many steps an output of each peer is from ours at most."""

    shape: dict[str, int]
    tenonc_ms: float
    peers: dict[str, float]
    exact_onnxruntime_ms: float
    gops: float
    peak_gops: float
    steps_apart: dict[str, int]
    percent_of_peak: float

    @property
    def speedup(self) -> float:
        """Over the faster peer."""
        return min(self.peers.values()) / self.tenonc_ms

    @property
    def exact_speedup(self) -> float:
        """Over the faster one whose integers are right."""
        right = [ms for peer, ms in self.peers.items() if self.steps_apart[peer] <= 1]
        return min([*right, self.exact_onnxruntime_ms]) / self.tenonc_ms


def run(quick: bool, threads: int, layers: Sequence[Layer] = LAYERS) -> dict[str, Any]:
    """Measures, shows the table and returns what `--json` writes."""
    from ..targets.peak import peak_loop
    from .model_bench import pinned
    from .tables import progress

    rounds, seconds = QUICK if quick else FULL
    results: list[Result] = []
    loop = peak_loop(of="bytes")
    with progress("unit") as step, pinned(threads), tempfile.TemporaryDirectory(prefix="tenonc-") as folder:
        for number, layer in enumerate(layers, 1):
            step(f"layer {number} of {len(layers)}")
            results.append(_measure(layer, Path(folder), threads, rounds, seconds, loop))
    peak = max(result.peak_gops for result in results)
    _show(results, loop.instruction, peak)
    return {
        "layers": [asdict(result) for result in results],
        "geomean_speedup": _geomean(r.speedup for r in results),
        "geomean_exact_speedup": _geomean(r.exact_speedup for r in results),
        "mean_percent_of_peak": statistics.fmean(r.percent_of_peak for r in results),
        "faster_than_both": sum(r.speedup > 1 for r in results),
        "peak": {"instruction": loop.instruction, "gops": peak},
        "threads": threads,
    }


@dataclass(frozen=True)
class _Peak:
    """The peak's loop as a runtime of one core; a run takes some tenths of a millisecond."""

    loop: PeakLoop
    count: int = 10_000

    def run(self) -> None:
        self.loop.run(self.count)

    def gops(self, ms: float) -> float:
        return 1e-6 * self.count * self.loop.operations / ms


def _geomean(ratios: Iterable[float]) -> float:
    return math.exp(statistics.fmean(map(math.log, ratios)))


def _measure(layer: Layer, folder: Path, threads: int, rounds: int, seconds: float, loop: PeakLoop) -> Result:
    """The file of a peer is the form that it takes best: onnxruntime runs both, OpenVINO reads pairs of
    QuantizeLinear and DequantizeLinear only."""
    from .. import compiler
    from .model_bench import Compiled, interleaved
    from .peers import make_peer

    files = {form: folder / f"{form}.onnx" for form in FORMS}
    for form, path in files.items():
        path.write_bytes(model(layer, form))
    shape = (1, layer.ic, layer.ihw, layer.ihw)
    inputs = {"x": np.random.default_rng(1).integers(0, 256, shape, np.uint8)}
    exe = compiler.compile(compiler.load(str(files["qdq"])), threads=threads, cache=False)
    runners: dict[str, Any] = {"tenonc": Compiled(exe, inputs)}
    for peer, form in (("onnxruntime", "qdq"), ("onnxruntime", "qop"), ("openvino", "qdq")):
        runners[f"{peer} {form}"] = make_peer(peer, str(files[form]), inputs, threads)
    runners["exact"] = make_peer("onnxruntime", str(files["qop"]), inputs, threads, "int8-exact")
    peak = _Peak(loop)
    times = interleaved(runners | {"peak": peak}, rounds, seconds)
    gops, at_most = 2e-6 * layer.macs / times["tenonc"], peak.gops(times["peak"]) * threads
    ours = runners["tenonc"].outputs()["y"].astype(int)
    apart = {n: int(np.abs(r.outputs()["y"].astype(int) - ours).max()) for n, r in runners.items()}
    names = {peer: [n for n in times if n.startswith(peer)] for peer in PEERS}
    return Result(
        asdict(layer),
        times["tenonc"],
        {peer: min(times[n] for n in own) for peer, own in names.items()},
        times["exact"],
        gops,
        at_most,
        {peer: max(apart[n] for n in own) for peer, own in names.items()},
        100 * gops / at_most,
    )


def model(layer: Layer, form: str) -> bytes:
    """The ONNX file of a layer: weights of all signed bytes with a scale for each filter, a bias, and a scale
    of the outputs that leaves few of them clamped."""
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(layer.ic + layer.oc)
    shape = (layer.oc, layer.ic, layer.kernel, layer.kernel)
    scales = (0.01 + 0.01 * rng.random(layer.oc)).astype(np.float32)
    spread = 74 * 74 * 0.015 * math.sqrt(layer.ic * layer.kernel**2)
    constants = {
        "w": rng.integers(-127, 128, shape, np.int8),
        "ws": scales,
        "wz": np.zeros(layer.oc, np.int8),
        "b": rng.integers(-1000, 1000, layer.oc, np.int32),
        "bs": (np.float32(0.02) * scales).astype(np.float32),
        "bz": np.zeros(layer.oc, np.int32),
        "s": np.array(0.02, np.float32),
        "z": np.array(128, np.uint8),
        "ys": np.array(0.02 * spread / 50, np.float32),
    }
    window = {"kernel_shape": [layer.kernel] * 2, "strides": [layer.stride] * 2}
    nodes, used = FORMS[form](helper, window)
    sides = {"x": [1, layer.ic, layer.ihw, layer.ihw], "y": [1, layer.oc, layer.ohw, layer.ohw]}
    x, y = (helper.make_tensor_value_info(name, TensorProto.UINT8, side) for name, side in sides.items())
    weights = [numpy_helper.from_array(constants[name], name) for name in used]
    graph = helper.make_graph(nodes, "layer", [x], [y], weights)
    opsets = [helper.make_opsetid("", 13)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


def _pairs(helper: Any, window: dict) -> tuple[list, list[str]]:
    """Floats between DequantizeLinear and QuantizeLinear."""
    nodes = [
        helper.make_node("DequantizeLinear", ["x", "s", "z"], ["xf"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["wf"], axis=0),
        helper.make_node("DequantizeLinear", ["b", "bs", "bz"], ["bf"], axis=0),
        helper.make_node("Conv", ["xf", "wf", "bf"], ["c"], name="conv", **window),
        helper.make_node("QuantizeLinear", ["c", "ys", "z"], ["y"]),
    ]
    return nodes, ["s", "z", "w", "ws", "wz", "b", "bs", "bz", "ys"]


def _integer(helper: Any, window: dict) -> tuple[list, list[str]]:
    """One op on integers."""
    operands = ["x", "s", "z", "w", "ws", "wz", "ys", "z", "b"]
    return [helper.make_node("QLinearConv", operands, ["y"], name="conv", **window)], sorted(
        {*operands} - {"x"}
    )


FORMS: dict[str, Callable[[Any, dict], tuple[list, list[str]]]] = {"qdq": _pairs, "qop": _integer}
"""How a quantized model may be written."""


COLUMNS = (
    "layer", "tenonc ms", *(f"{peer} ms" for peer in PEERS), "exact ort ms", "speed-up", "over exact",
    "% of peak", "steps apart",
)  # fmt: skip


def _show(results: Sequence[Result], instruction: str, gops: float) -> None:
    from .tables import print_table

    rows: list[tuple[str, ...]] = [
        (
            "{ic}x{ihw}x{ihw} -> {oc}, {kernel}x{kernel} / {stride}".format(**r.shape),
            f"{r.tenonc_ms:.3f}",
            *(f"{r.peers[peer]:.3f}" for peer in PEERS),
            f"{r.exact_onnxruntime_ms:.3f}",
            f"{r.speedup:.2f}",
            f"{r.exact_speedup:.2f}",
            f"{r.percent_of_peak:.0f}",
            ", ".join(str(n) for n in r.steps_apart.values()),
        )
        for r in results
    ]
    means = (_geomean(r.speedup for r in results), _geomean(r.exact_speedup for r in results))
    part = statistics.fmean(r.percent_of_peak for r in results)
    rows.append(("geometric means, mean", *[""] * 4, *(f"{mean:.2f}" for mean in means), f"{part:.0f}", ""))
    print_table(f"UNIT, Table I: {gops:.0f} Gop/s is the peak, of {instruction}", COLUMNS, rows)
