"""Models in onnxruntime's operator format (QLinearConv, QLinearAdd, QGemm ...) are pruned."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tenonc.compiler import compile, load, run_reference, save_onnx
from tenonc.compiler.pruning.driver import pruned
from tenonc.compiler.pruning.masks_file import digest_of
from tenonc.compiler.pruning.options import PruneOptions
from tenonc.dialects import nn, qnn
from tenonc.passes.pruning.groups import main_function

X = np.random.default_rng(1).normal(size=(1, 3, 8, 8)).astype(np.float32)


class Operators:
    """Nodes of a model in the operator format; a tensor is its name, scale and zero point."""

    def __init__(self, signed: bool):
        self.rng, self.nodes, self.arrays = np.random.default_rng(5), [], {}
        self.signed = signed

    def parameters(self, name: str, scale: float) -> tuple[str, str, str]:
        self.arrays[f"{name}.s"] = np.float32(scale)
        self.arrays[f"{name}.z"] = np.int8(-5) if self.signed else np.uint8(123)
        return name, f"{name}.s", f"{name}.z"

    def weights(self, name: str, shape: tuple[int, ...], axis: int, scale: float = 0.01) -> list[str]:
        """Integers with a scale and zero point of each channel."""
        self.arrays[f"{name}.w"] = self.rng.integers(-128, 128, shape).astype(np.int8)
        self.arrays[f"{name}.ws"] = self.rng.uniform(scale / 2, scale, shape[axis]).astype(np.float32)
        self.arrays[f"{name}.wz"] = self.rng.integers(-3, 4, shape[axis]).astype(np.int8)
        return [f"{name}.{part}" for part in ("w", "ws", "wz")]

    def bias(self, name: str, count: int) -> str:
        self.arrays[f"{name}.b"] = self.rng.integers(-500, 500, count).astype(np.int32)
        return f"{name}.b"

    def op(self, kind: str, to: tuple[str, str, str], *operands: str, domain="com.microsoft", **attributes):
        node = helper.make_node(kind, list(operands), [to[0]], name=to[0], domain=domain, **attributes)
        self.nodes.append(node)
        return to

    def conv(self, name: str, x: tuple[str, str, str], shape: tuple[int, ...], groups: int = 1):
        to, weights = self.parameters(name, 0.05), self.weights(name, shape, 0)
        operands = [*x, *weights, *to[1:], self.bias(name, shape[0])]
        return self.op("QLinearConv", to, *operands, domain="", group=groups, pads=[shape[2] // 2] * 4)


def network(build, signed: bool) -> onnx.ModelProto:
    """Stem, depthwise, 1x1, a sum with the stem, a table, a concat, a mean over pixels, a product."""
    q = Operators(signed)
    start = q.op("QuantizeLinear", q.parameters("start", 0.03), "x", "start.s", "start.z", domain="")
    stem = q.conv("stem", start, (8, 3, 3, 3))
    deep = q.conv("deep", stem, (8, 1, 3, 3), 8)
    wide = q.conv("wide", deep, (8, 8, 1, 1))
    total = q.parameters("total", 0.07)
    q.op("QLinearAdd", total, *stem, *wide, *total[1:])
    gate = q.op("QLinearSigmoid", gate := q.parameters("gate", 1 / 200), *total, *gate[1:])
    scaled = q.parameters("scaled", 0.07)
    q.op("QLinearMul", scaled, *total, *gate, *scaled[1:])
    both = q.parameters("both", 0.07)
    q.op("QLinearConcat", both, *both[1:], *scaled, *stem, axis=1)
    pool = q.parameters("pool", 0.02)
    q.op("QLinearGlobalAveragePool", pool, *both, *pool[1:], channels_last=0)
    q.arrays["flat"] = np.array([1, 16])
    q.op("Reshape", ("line", "", ""), "pool", "flat", domain="")
    fc, last = q.weights("fc", (16, 6), 1), q.parameters("fc", 0.02)
    q.op("QGemm", last, "line", *pool[1:], *fc, q.bias("fc", 6), *last[1:])
    q.op("DequantizeLinear", ("y", "", ""), *last, domain="")
    return build(q.nodes, {"x": (TensorProto.FLOAT, X.shape)}, ["y"], q.arrays)


@pytest.fixture(params=[False, True], ids=["u8", "s8"])
def proto(build, request):
    return network(build, request.param)


def reference(model) -> np.ndarray:
    return run_reference(model, {"x": X})["y"]


@pytest.mark.parametrize("score", ["l1", "attention"])
def test_masked_is_shrunk_bit_for_bit(proto, score):
    model = load(proto)
    before = digest_of(model.module)
    found = pruned(model, PruneOptions(0.5, score), {"x": X})
    np.testing.assert_array_equal(reference(found.model), reference(found.masked))
    assert digest_of(model.module) == before
    removed = {group.name: len(group.removed) for group in found.groups if group.removed}
    assert removed == {"stem": 4}
    convs = [op for op in found.model.main.body.block.ops if isinstance(op, nn.ConvOp)]
    assert [nn.tensor_of(op.w).get_shape() for op in convs] == [(4, 3, 3, 3), (4, 1, 3, 3), (4, 4, 1, 1)]
    assert found.after.multiplications < found.before.multiplications / 2


def test_parameters_of_channels_are_those_of_the_file(proto):
    """What is cut is integers, scales and zero points, not their floats."""
    found = pruned(load(proto), PruneOptions(0.5))
    arrays = {t.name: onnx.numpy_helper.to_array(t) for t in proto.graph.initializer}
    stays = [c for c in range(8) if c not in found.groups[0].removed]
    for op in [op for op in found.model.main.body.block.ops if isinstance(op, nn.ConvOp)]:
        name, weights, bias = op.location.desc.data, op.w.owner, op.bias.owner
        kept = arrays[f"{name}.w"][stays]
        if name == "wide":
            kept = kept[:, stays]
        values = [(weights.x, kept), (weights.zp, arrays[f"{name}.wz"][stays])]
        for value, expected in [*values, (bias.x, arrays[f"{name}.b"][stays])]:
            constant = value.owner.value
            array = (
                found.model.store.get(constant)
                if isinstance(constant, nn.WeightAttr)
                else nn.dense_array(constant)
            )
            np.testing.assert_array_equal(array, expected)


def test_nothing_removed_nothing_changed(proto, tmp_path):
    """The integers are those of the operators: compiled, in the interpreter, and after a file was written."""
    model = load(proto)
    found = pruned(model, PruneOptions(0.0)).model
    (want,) = compile(model, cache=False)(X)
    np.testing.assert_array_equal(compile(found, cache=False)(X)[0], want)
    save_onnx(found, tmp_path / "again.onnx")
    np.testing.assert_array_equal(compile(load(tmp_path / "again.onnx"), cache=False)(X)[0], want)


def test_pruned_and_compiled_is_on_integers(proto):
    """No op of what is compiled stays on floats but the ends."""
    from xdsl.context import Context

    from tenonc.passes.qdq_to_integer import QdqToIntegerPass

    found = pruned(load(proto), PruneOptions(0.5)).model
    module = found.module.clone()
    QdqToIntegerPass().apply(Context(), module)
    ops = main_function(module, "test").body.block.ops
    kinds = [op.name for op in ops if isinstance(op, qnn.ConvOp | qnn.MatmulOp | nn.ConvOp | nn.MatmulOp)]
    assert kinds == ["qnn.conv"] * 3 + ["qnn.matmul"]


def test_what_no_float_form_has_stays_whole(proto):
    """Exact multipliers cannot be written as floats between quantize and dequantize."""
    model = load(proto)
    for op in model.module.walk():
        if isinstance(op, qnn.RequantizeOp) and op.location.desc.data == "wide":
            op.properties |= op.properties_of(**{**op.values(), "arithmetic": "exact"})
    found = pruned(model, PruneOptions(0.5))
    pinned = {group.name: group.pinned for group in found.groups}
    assert pinned["stem"] is not None and "wide" in pinned["stem"]
    assert any(isinstance(op, qnn.ConvOp) for op in found.model.module.walk())
