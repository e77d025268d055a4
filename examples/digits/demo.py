"""Compile `digits.onnx`, as it is and pruned, run both on the held-out images one by one, and compare with
onnxruntime.

    make demo            # or: python examples/digits/demo.py

The pruned network has half of the channels of every layer, those with the largest activations; its weights
are fitted to what the whole network computes on training images, without training. Leaves the IR after
every pass and the compiled artifacts in `build/demo/`. Latencies are medians over single images, one thread
each, the two runs taking turns so that both see the same machine. The first compilation of a process also
imports what it needs, the second is compilation alone; onnxruntime is imported beforehand.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import onnx
import onnxruntime
from data import Split, load_split
from rich import box
from rich.console import Console
from rich.table import Table

from tenonc import compiler
from tenonc.compiler.compare import exact_session
from tenonc.tools.models.quantized import quantize

MODEL = Path(__file__).with_name("digits.onnx")
OUTPUT = Path("build/demo")
ROUNDS = 20
RATIO = 0.5
CALIBRATION = 400
"""Training images that pruning looks at."""
ARTIFACTS = {"ll": "ll", "asm": "s", "obj": "o"}

T = TypeVar("T")
Runner = Callable[[np.ndarray], np.ndarray]


class Column(NamedTuple):
    """One compiler's measurements: first and second setup and latency in seconds, size in bytes."""

    accuracy: float
    first: float
    again: float
    latency: float
    size: int


def timed(action: Callable[[], T]) -> tuple[float, T]:
    """Seconds that `action` took, and its result."""
    start = time.perf_counter()
    result = action()
    return time.perf_counter() - start, result


def compile_ours(path: Path = MODEL, dump_dir: Path | None = None) -> compiler.Executable:
    """Read a model and compile it."""
    return compiler.compile(compiler.load(path), target="host", dump_dir=dump_dir)


def write_pruned(training: Split, path: Path) -> None:
    """The network without half of its channels, as a file."""
    data = {"image": training.images[:CALIBRATION]}
    small = compiler.prune(compiler.load(MODEL), RATIO, score="attention", data=data, recover=True)
    compiler.save_onnx(small, path)


def open_reference() -> onnxruntime.InferenceSession:
    """onnxruntime on one thread, with all its graph optimizations."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(MODEL), options, providers=["CPUExecutionProvider"])


def probabilities(runner: Runner, data: Split) -> np.ndarray:
    """The outputs [N, 10] for the images one by one."""
    return np.concatenate([runner(image[None]) for image in data.images])


def latencies(runners: list[Runner], data: Split) -> list[float]:
    """The median seconds per image of each runner, runs interleaved."""
    samples: list[list[float]] = [[] for _ in runners]
    for image in list(data.images[:, None]) * ROUNDS:
        for runner, times in zip(runners, samples, strict=True):
            start = time.perf_counter()
            runner(image)
            times.append(time.perf_counter() - start)
    return [statistics.median(times) for times in samples]


def write_artifact(exe: compiler.Executable, stem: str) -> int:
    """Write the compiled forms to build/demo; the size of the object file in bytes."""
    for kind, suffix in ARTIFACTS.items():
        content = exe.emit(kind)
        path = OUTPUT / f"{stem}.{suffix}"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return (OUTPUT / f"{stem}.{ARTIFACTS['obj']}").stat().st_size


def quantized(training: Split, data: Split) -> tuple[float, float]:
    """The network in 8 bits, its weights and ranges by onnxruntime's quantizer: the accuracy, and the part of
    the images that onnxruntime, which is told to multiply bytes exactly, reads the same."""
    feeds = ({"image": image[None]} for image in training.images[:200])
    model = quantize(onnx.load(MODEL), "int8-qdq", False, feeds)
    exe, session = compiler.compile(compiler.load(model)), exact_session(model)
    runners: list[Runner] = [lambda x: exe(x)[0], lambda x: np.asarray(session.run(None, {"image": x})[0])]
    ours, theirs = (probabilities(runner, data).argmax(1) for runner in runners)
    return float(np.mean(ours == data.labels)), float(np.mean(ours == theirs))


def report(columns: dict[str, Column]) -> Table:
    """Ours, as it is and pruned, beside onnxruntime's."""
    table = Table(title="digits, one image a time, one thread", box=box.SIMPLE_HEAD)
    for name in ("", *columns):
        table.add_column(name, justify="right" if name else "left")
    rows: list[tuple[str, Callable[[Column], str]]] = [
        ("accuracy", lambda c: f"{c.accuracy:.2%}"),
        ("compile, or load: first", lambda c: f"{c.first * 1e3:.0f} ms"),
        ("compile, or load: again", lambda c: f"{c.again * 1e3:.0f} ms"),
        ("latency, median", lambda c: f"{c.latency * 1e6:.1f} us"),
        ("artifact, or model", lambda c: f"{c.size / 1024:.0f} KiB"),
    ]
    for name, text in rows:
        table.add_row(name, *map(text, columns.values()))
    return table


def main() -> int:
    training, data = load_split()
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    first, exe = timed(compile_ours)
    again, _ = timed(compile_ours)
    load_first, session = timed(open_reference)
    load_again, _ = timed(open_reference)
    compile_ours(dump_dir=OUTPUT / "ir")
    write_pruned(training, OUTPUT / "pruned.onnx")
    small_first, small = timed(lambda: compile_ours(OUTPUT / "pruned.onnx"))
    small_again, _ = timed(lambda: compile_ours(OUTPUT / "pruned.onnx"))
    runners: list[Runner] = [
        lambda x: exe(x)[0],
        lambda x: small(x)[0],
        lambda x: np.asarray(session.run(None, {"image": x})[0]),
    ]
    found = [probabilities(runner, data) for runner in runners]
    accuracy = [float(np.mean(p.argmax(1) == data.labels)) for p in found]
    speed = latencies(runners, data)
    columns = {
        "tenon": Column(accuracy[0], first, again, speed[0], write_artifact(exe, "digits")),
        "pruned": Column(accuracy[1], small_first, small_again, speed[1], write_artifact(small, "pruned")),
        "onnxruntime": Column(accuracy[2], load_first, load_again, speed[2], MODEL.stat().st_size),
    }
    console = Console()
    console.print(report(columns))
    deviation = float(np.abs(found[0] - found[2]).max())
    console.print(f"largest difference of a probability over {len(data.labels)} images: {deviation:.2e}")
    right, same = quantized(training, data)
    console.print(f"in 8 bits (int8-qdq): accuracy {right:.2%}, read as onnxruntime does: {same:.2%}")
    console.print(f"IR of every level and the artifact: {OUTPUT}")
    return 0 if deviation <= 1e-4 else 1


if __name__ == "__main__":
    sys.exit(main())
