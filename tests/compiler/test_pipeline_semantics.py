"""The whole pipeline under `tenon-opt --check-semantics`: no pass breaks its promise, none goes unchecked."""

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper

from tenonc.compiler import load
from tenonc.compiler.options import CompileOptions
from tenonc.compiler.pipeline import pipeline_text
from tenonc.tools.tenon_opt import main

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.onnx"
RNG = np.random.default_rng(2)


def he(*shape: int) -> np.ndarray:
    return (RNG.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)


@pytest.fixture
def mixed(build):
    """Depthwise, grouped and strided convolutions, concat, pools, a residual, softmax over rows."""
    weights = {"w0": he(6, 1, 3, 3), "w1": he(9, 2, 3, 3), "w2": he(6, 6, 1, 1), "b": he(9, 1)[:, 0]}
    weights |= {"w3": he(12, 4), "axes": np.array([1, 2])}
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w0"], ["depthwise"], group=6, pads=[1, 1, 1, 1], name="depthwise"),
        node("Conv", ["depthwise", "w2"], ["pointwise"], name="pointwise"),
        node("Add", ["pointwise", "x"], ["residual"], name="residual"),
        node(
            "Conv",
            ["residual", "w1", "b"],
            ["grouped"],
            group=3,
            pads=[0, 1, 2, 1],
            strides=[2, 2],
            name="grouped",
        ),
        node(
            "AveragePool",
            ["residual"],
            ["pooled"],
            kernel_shape=[3, 3],
            pads=[1] * 4,
            strides=[2, 2],
            name="pool",
        ),
        node("Concat", ["grouped", "pooled"], ["joined"], axis=1, name="joined"),
        node("Transpose", ["joined"], ["rows"], perm=[0, 2, 3, 1], name="rows"),
        node("Softmax", ["rows"], ["shares"], axis=2, name="shares"),
        node("ReduceMax", ["shares"], ["top"], axes=[1], keepdims=0, name="top"),
        node("Flatten", ["grouped"], ["flat"], name="flat"),
    ]
    return build(nodes, {"x": (TensorProto.FLOAT, [1, 6, 8, 7])}, ["shares", "top", "flat"], weights)


@pytest.mark.parametrize("target", ["x86-64-v3"])
@pytest.mark.parametrize("name, threads", [("digits", 1), ("mixed", 1), ("mixed", 3)])
def test_every_pass_keeps_its_promise(request, tmp_path, capfd, monkeypatch, name, threads, target):
    monkeypatch.setattr("tenonc.passes.schedule.threads.DISPATCH_CYCLES", 0)  # small kernels are cut too
    model = load(DIGITS if name == "digits" else request.getfixturevalue(name))
    module, weights = tmp_path / "model.mlir", tmp_path / "model.safetensors"
    module.write_text(str(model.module))
    model.store.save(weights)
    passes = pipeline_text(CompileOptions(target, threads=threads))
    arguments = [str(module), "--check-semantics", "--weights", str(weights), "-p", passes]
    status = main([*arguments, "-o", str(tmp_path / "out.mlir")])
    assert (status, capfd.readouterr().err) == (0, "")
    text = (tmp_path / "out.mlir").read_text()
    assert "tensorized.apply" in text and ("scf.parallel" in text) == (threads > 1)
