"""Integer islands are the same bits on every target, and a difference is found where it is made."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tenonc import compiler
from tenonc.compiler import compare_targets as module
from tenonc.compiler import load
from tenonc.compiler.compare_targets import compare_targets
from tenonc.compiler.islands import cut_islands
from tenonc.dialects.errors import UsageError
from tenonc.targets.record import find_target
from tenonc.tools import tenonc

RNG = np.random.default_rng(11)
TARGETS = ["interpreter", "x86-64", "cascadelake-emulated"]


@pytest.fixture
def proto() -> onnx.ModelProto:
    """Two islands with a softmax of floats between them: QDQ, weights of 8 bits and of 7."""
    arrays: dict[str, np.ndarray] = {
        "s_x": np.float32(0.03), "z_x": np.uint8(121), "w": RNG.integers(-127, 128, (6, 3, 3, 3), np.int8),
        "s_w": RNG.uniform(0.004, 0.007, 6).astype(np.float32), "z_w": np.zeros(6, np.int8),
        "b": RNG.standard_normal(6).astype(np.float32), "s_c": np.float32(0.02), "z_c": np.uint8(3),
        "s_p": np.float32(1 / 255), "z_p": np.uint8(0), "v": RNG.integers(-64, 65, (6, 6, 1, 1), np.int8),
        "s_y": np.float32(0.001), "z_y": np.uint8(130),
    }  # fmt: skip

    def pair(name: str, scale: str, zero: str) -> list[onnx.NodeProto]:
        return [
            helper.make_node("QuantizeLinear", [name, scale, zero], [f"{name}_q"], name=f"{name}_q"),
            helper.make_node("DequantizeLinear", [f"{name}_q", scale, zero], [f"{name}_d"], name=f"{name}_d"),
        ]

    nodes = [
        *pair("x", "s_x", "z_x"),
        helper.make_node("DequantizeLinear", ["w", "s_w", "z_w"], ["w_d"], axis=0),
        helper.make_node("Conv", ["x_d", "w_d", "b"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        *pair("c", "s_c", "z_c"),
        helper.make_node("Softmax", ["c_d"], ["p"], name="softmax", axis=1),
        *pair("p", "s_p", "z_p"),
        helper.make_node("DequantizeLinear", ["v", "s_w", "z_w"], ["v_d"], axis=0),
        helper.make_node("Conv", ["p_d", "v_d"], ["e"], name="second"),
        helper.make_node("Relu", ["e"], ["y"], name="relu"),
        *pair("y", "s_y", "z_y"),
    ]
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 9, 8])],
        [helper.make_tensor_value_info("y_d", TensorProto.FLOAT, [1, 6, 9, 8])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in arrays.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_what_is_cut(proto):
    """The softmax, which computes floats, is of no island; the integers on both sides are."""
    islands = cut_islands(load(proto))
    assert [port.name for port in islands.fused.model.inputs] == ["input", "p_q"]
    assert islands.fused.ops == ["qnn.requantize", "qnn.dequantize"]
    ops = [op.name for op in islands.returned.model.main.walk()]
    assert ops.count("qnn.conv") == 2 and "qnn.softmax" not in ops
    assert "qnn.softmax" in [op.name for op in islands.before.main.walk()]
    assert islands.returned.ops.count("qnn.requantize") == 2


def test_the_same_bits(proto):
    targets = [name for name in TARGETS if name == "interpreter" or _known(name)]
    found = compare_targets(load(proto), targets)
    assert {difference.target for difference in found} == set(targets[1:])
    assert sum(d.returned for d in found) > sum(not d.returned for d in found) == 2 * (len(targets) - 1)
    assert not any(difference.differ or difference.worst for difference in found)


def _known(name: str) -> bool:
    try:
        return bool(find_target(name))
    except UsageError:
        return False


class Shifted:
    """A compiled model whose results of the node `second` are off by one in their first element."""

    def __init__(self, real):
        self.real = real

    def run_dict(self, feeds):
        found = self.real.run_dict(feeds)
        if "second" in found:
            found["second"].flat[0] += 1
        return found


def test_a_difference_is_named(proto, monkeypatch, tmp_path, capsys):
    real = compiler.compile

    def broken(model, **options):
        exe = real(model, **options)
        return Shifted(exe) if options["target"] == "x86-64" else exe

    monkeypatch.setattr(module, "compile", broken)
    onnx.save(proto, tmp_path / "m.onnx")
    words = ["compare", str(tmp_path / "m.onnx"), "--targets", "interpreter,x86-64"]
    assert tenonc.main([*words, "--json", str(tmp_path / "d.json")]) == 1
    shown = capsys.readouterr()
    assert (
        "1 values are not the same bits on all targets, first 'second' (qnn.conv): on x86-64 1 of "
        in shown.err
    )
    rows = json.loads((tmp_path / "d.json").read_text())["values"]
    assert [row["value"] for row in rows if row["differ"]] == ["second"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--targets", "host"], "expected two or more different ones"),
        (["--targets", "host,host"], "expected two or more different ones"),
        (["--targets", "host,vax"], "unknown target 'vax'"),
        (["--json", "d.json"], "--json is for --targets"),
    ],
)
def test_bad_words(proto, tmp_path, capsys, words, line):
    onnx.save(proto, tmp_path / "m.onnx")
    assert tenonc.main(["compare", str(tmp_path / "m.onnx"), *words]) != 0
    assert line in capsys.readouterr().err


def test_a_model_of_floats(relu):
    with pytest.raises(Exception, match="the model has no quantized ops"):
        compare_targets(load(relu), ["x86-64", "host"])
