"""What is exported: accepted by the checker, the same numbers in onnxruntime and imported again."""

from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Block, Region, SSAValue

from tenonc.compiler import Model, TenonError, load, run_reference, save_onnx
from tenonc.compiler.onnx_export import elementwise
from tenonc.compiler.onnx_export.registry import RULES
from tenonc.dialects import nn
from tenonc.passes.decompose_nn import RULES as COMPOSITE

RNG = np.random.default_rng(11)


def f32(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    return np.abs(f32(*shape)) + np.float32(0.5)


class Building:
    """A module under construction: `emit` appends an op, `weight` a constant."""

    def __init__(self, arrays: list[np.ndarray]):
        self.block = Block(arg_types=[TensorType(nn.element_type(a.dtype), a.shape) for a in arrays])
        self.store = nn.WeightStore()

    def emit(self, op) -> SSAValue:
        self.block.add_op(op)
        return op.results[0]

    def weight(self, array) -> SSAValue:
        return self.emit(nn.constant(self.store, np.asarray(array)))

    def finish(self, *results: SSAValue) -> Model:
        self.block.add_op(func.ReturnOp(*results))
        types = [a.type for a in self.block.args], [r.type for r in results]
        module = ModuleOp([func.FuncOp("main", types, Region(self.block))])
        module.verify()
        return Model(module, self.store)


def model_of(arrays: list[np.ndarray], build: Callable[..., SSAValue | tuple[SSAValue, ...]]) -> Model:
    building = Building(arrays)
    results = build(building, *building.block.args)
    return building.finish(*(results if isinstance(results, tuple) else (results,)))


def outputs_of(model: Model, arrays: list[np.ndarray]) -> list[np.ndarray]:
    names = [port.name for port in model.inputs]
    values = run_reference(model, dict(zip(names, arrays, strict=True)))
    return [values[port.name] for port in model.outputs]


def check(model: Model, arrays: list[np.ndarray], path, runtime: bool = True) -> onnx.ModelProto:
    """The exported file by the checker, in onnxruntime and imported again."""
    want = outputs_of(model, arrays)
    save_onnx(model, path)
    onnx.checker.check_model(str(path), full_check=True)
    proto = onnx.load(path)
    found = [outputs_of(load(path), arrays)]
    if runtime:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 4
        session = onnxruntime.InferenceSession(str(path), options)
        names = [port.name for port in model.inputs]
        found.append(session.run(None, dict(zip(names, arrays, strict=True))))
    for results in found:
        for got, expected in zip(results, want, strict=True):
            assert got.dtype == expected.dtype and got.shape == expected.shape
            bound = 2e-5 * max(np.abs(expected).max(initial=0), 1) if expected.dtype.kind == "f" else 0
            np.testing.assert_allclose(
                got.astype(np.float64), expected.astype(np.float64), rtol=0, atol=bound
            )
    return proto


def test_every_op_has_a_rule():
    """Of its own, or through the ops it is decomposed into, but for steps that only a compile makes."""
    steps = {nn.WinogradInputOp, nn.WinogradWeightsOp, nn.WinogradOutputOp}
    ops = {op for op in nn.NN.operations if op is not nn.ConstantOp}
    assert ops - steps <= RULES.keys() | COMPOSITE.keys()


def test_every_elementwise_function_has_a_rule():
    assert nn.ELEMENTWISE.keys() == elementwise.DIRECT.keys() | elementwise.COMPOSED.keys()


@pytest.mark.parametrize("fn", sorted(nn.ELEMENTWISE))
def test_elementwise(fn, tmp_path):
    """Every function of the table, on operands that broadcast."""
    function = nn.ELEMENTWISE[fn]
    shapes = [(3, 4), (4,), (1,)][: function.arity]
    kinds = [function.rule] * function.arity
    arrays = [_operand(fn, rule, shape, i) for i, (rule, shape) in enumerate(zip(kinds, shapes, strict=True))]
    model = model_of(arrays, lambda b, *args: b.emit(nn.ElementwiseOp(fn, *args)))
    check(model, arrays, tmp_path / "m.onnx")


def _operand(fn: str, rule: str, shape: tuple[int, ...], position: int) -> np.ndarray:
    if rule == "where" and position == 0 or rule == "logic":
        return RNG.standard_normal(shape) > 0
    if rule not in ("number", "float", "compare", "where"):  # integers and bits
        return RNG.integers(0, 7, shape).astype(np.uint32 if "shift" in fn else np.int32)
    if fn == "acosh":
        return positive(*shape) + 1
    if fn in ("asin", "acos", "atanh"):
        return (f32(*shape) / 8).clip(-0.9, 0.9)
    return positive(*shape) if fn in ("log", "sqrt", "rsqrt", "pow", "reciprocal") else f32(*shape)


X, IMAGE = f32(2, 6, 4), f32(2, 4, 9, 8)
WINDOW = {"strides": [2, 1], "pads": [1, 0, 1, 1], "dilations": [1, 2]}
POOL = {"kernel": [3, 2], "strides": [2, 2], "pads": [1, 0, 1, 1], "dilations": [1, 1]}
INDEX = np.array([[0, 2, 5], [1, -1, 3]], np.int64)


def conv(b, x):
    return b.emit(nn.ConvOp(x, b.weight(f32(6, 2, 3, 2)), b.weight(f32(6)), groups=2, **WINDOW))


def conv_transpose(pads):
    fields = {"strides": [2, 2], "dilations": [1, 1], "pads": pads}
    return lambda b, x: b.emit(
        nn.ConvTransposeOp(x, b.weight(f32(4, 3, 3, 2)), b.weight(f32(6)), groups=2, **fields)
    )


def pool(kind, **changes):
    fields = POOL | changes
    return lambda b, x: b.emit(nn.PoolOp(kind, x, **fields))


def batch_norm(b, x):
    parameters = [b.weight(a) for a in (f32(4), f32(4), f32(4), positive(4))]
    return b.emit(nn.BatchNormOp(x, *parameters, epsilon=1e-3))


def normalize(kind, axes, shapes=(), groups=1):
    return lambda b, x: b.emit(
        nn.NormalizeOp(kind, x, *(b.weight(f32(*s)) for s in shapes), axes=axes, epsilon=1e-4, groups=groups)
    )


def scan(b, h, xs, w):
    """h = tanh(x @ w + h), twice the h as an element; the elements backwards."""
    types = [nn.tensor_of(v) for v in (h, w)]
    row = TensorType(types[0].element_type, nn.tensor_of(xs).get_shape()[1:])
    body = Block(arg_types=[types[0], row, types[1]])
    product = nn.MatmulOp(body.args[1], body.args[2])
    total = nn.ElementwiseOp("add", product, body.args[0])
    out = nn.ElementwiseOp("tanh", total)
    twice = nn.ElementwiseOp("add", out, out)
    end = func.ReturnOp(out, twice)
    body.add_ops([product, total, out, twice, end])
    signature = [a.type for a in body.args], [out.result.type, twice.result.type]
    step = func.FuncOp("step", signature, Region(body), visibility="private")
    b.functions = [step]
    op = nn.ScanOp(step, [h, xs, w], carried=1, sliced=1, steps=5, reversed=[0, 1])
    b.block.add_op(op)
    return tuple(op.outs)


CASES = {
    "cast": ([X * 9], lambda b, x: b.emit(nn.CastOp(x, nn.element_type(np.int32)))),
    "bitcast": ([X], lambda b, x: b.emit(nn.BitcastOp(x, nn.element_type(np.uint32)))),
    "conv": ([IMAGE], conv),
    "conv_transpose": ([IMAGE], conv_transpose([1, 0, 1, 1])),
    "conv_transpose_grown": ([IMAGE], conv_transpose([1, -1, -2, 1])),
    "max_pool": ([IMAGE], pool("max", ceil_mode=True)),
    "average_pool": ([IMAGE], pool("average", count_include_pad=True)),
    "sum_pool": ([IMAGE], pool("sum", ceil_mode=True)),
    "argmax_pool": ([IMAGE], pool("argmax")),
    "matmul": ([X], lambda b, x: b.emit(nn.MatmulOp(x, b.weight(f32(4, 5))))),
    **{
        f"reduce_{kind}": (
            [X], lambda b, x, kind=kind: b.emit(nn.ReduceOp(kind, x, axes=[0, 2], keepdims=False))
        )
        for kind in ("sum", "mean", "prod", "max", "min")
    },
    "reduce_nothing": ([X], lambda b, x: b.emit(nn.ReduceOp("sum", x, axes=[], keepdims=True))),
    "softmax": ([X], lambda b, x: b.emit(nn.SoftmaxOp(x, 1))),
    "log_softmax": ([X], lambda b, x: b.emit(nn.SoftmaxOp(x, 2, log=True))),
    "batch_norm": ([IMAGE], batch_norm),
    "layer_norm": ([X], normalize("standard", [1, 2], [(6, 4), (6, 4)])),
    "layer_norm_plain": ([X], normalize("standard", [2])),
    "instance_norm": ([IMAGE], normalize("standard", [2, 3], [(4, 1, 1), (4, 1, 1)])),
    "group_norm": ([IMAGE], normalize("standard", [1, 2, 3], [(4, 1, 1), (4, 1, 1)], groups=2)),
    "group_norm_plain": ([IMAGE], normalize("standard", [1, 2, 3], groups=2)),
    "rms_norm": ([X], normalize("rms", [2], [(4,)])),
    "l2_norm": ([X], normalize("l2", [1])),
    "l1_norm": ([X], normalize("l1", [0])),
    "reshape": ([X], lambda b, x: b.emit(nn.ReshapeOp(x, [3, 16]))),
    "transpose": ([X], lambda b, x: b.emit(nn.TransposeOp(x, [2, 0, 1]))),
    "concat": ([X], lambda b, x: b.emit(nn.ConcatOp([x, x, b.weight(f32(2, 1, 4))], 1))),
    "slice": ([X], lambda b, x: b.emit(nn.SliceOp(x, [0, 1, 0], [2, 3, 2], [1, 2, 3]))),
    "slice_nothing": ([X], lambda b, x: b.emit(nn.SliceOp(x, [0, 1, 0], [2, 0, 2], [1, 2, 3]))),
    "pad": ([X], lambda b, x: b.emit(nn.PadOp(x, [0, 1, 0], [2, 0, 1], -1.5))),
    "broadcast": ([f32(6, 1)], lambda b, x: b.emit(nn.BroadcastOp(x, [2, 6, 4]))),
    "gather": ([X, INDEX], lambda b, x, i: b.emit(nn.GatherOp(x, [i], 1))),
    "gather_batch": ([X, INDEX], lambda b, x, i: b.emit(nn.GatherOp(x, [i], 1, batch=1))),
    "gather_batch_later": (
        [f32(2, 3, 6, 4), INDEX], lambda b, x, i: b.emit(nn.GatherOp(x, [i], 2, batch=1))
    ),
    "gather_points": (
        [f32(3, 6, 7, 4), INDEX], lambda b, x, i: b.emit(nn.GatherOp(x, [i, i], 1))
    ),
    "gather_elements": (
        [X, np.array([[[0, 1, 2, 5]]], np.int64)], lambda b, x, i: b.emit(nn.GatherElementsOp(x, i, 1))
    ),
    "arg_reduce": ([X], lambda b, x: b.emit(nn.ArgReduceOp("min", x, 1, last=True))),
    "top_k": ([X], lambda b, x: b.emit(nn.TopKOp(x, 1, 4, largest=False))),
    "cumulate": ([X], lambda b, x: b.emit(nn.CumulateOp("sum", x, 1, exclusive=True))),
    "scatter": (
        [X, np.array([1, -2]), f32(2, 6, 4)],
        lambda b, x, i, u: b.emit(nn.ScatterOp("add", x, i, u)),
    ),
    "scatter_elements": (
        [X, np.array([[[0], [3], [2], [1], [1], [3]]] * 2), f32(2, 6, 1)],
        lambda b, x, i, u: b.emit(nn.ScatterElementsOp("replace", x, i, u, 2)),
    ),
    "iota": (
        [np.arange(8)], lambda b, x: b.emit(nn.ElementwiseOp("add", x, b.emit(nn.IotaOp(8))))
    ),
    "large_broadcast": (
        [X],
        lambda b, x: b.emit(
            nn.ElementwiseOp("add", b.emit(nn.BroadcastOp(b.weight(np.float32(2)), [300, 2, 6, 4])), x)
        ),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_op(name, tmp_path):
    arrays, build = CASES[name]
    check(model_of(arrays, build), arrays, tmp_path / "m.onnx", runtime=name != "bitcast")


def test_signed_shifts_are_refused(tmp_path):
    arrays = [np.arange(3, dtype=np.int32)] * 2
    model = model_of(arrays, lambda b, x, y: b.emit(nn.ElementwiseOp("shift_right", x, y)))
    with pytest.raises(TenonError, match="shift_right of i32 has no ONNX op"):
        save_onnx(model, tmp_path / "m.onnx")


def test_scan(tmp_path):
    arrays = [f32(2, 3), f32(5, 2, 4), f32(4, 3)]
    building = Building(arrays)
    results = scan(building, *building.block.args)
    building.block.add_op(func.ReturnOp(*results))
    types = [a.type for a in building.block.args], [r.type for r in results]
    main = func.FuncOp("main", types, Region(building.block))
    module = ModuleOp([main, *building.functions])
    check(Model(module, building.store), arrays, tmp_path / "m.onnx")


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint8, np.float64])
@pytest.mark.parametrize("fn", ["add", "neg", "relu", "floor", "max", "equal"])
def test_other_element_types(fn, dtype, tmp_path):
    arrays = [np.arange(6).reshape(2, 3).astype(dtype)] * nn.ELEMENTWISE[fn].arity
    model = model_of(arrays, lambda b, *args: b.emit(nn.ElementwiseOp(fn, *args)))
    check(model, arrays, tmp_path / "m.onnx", runtime=(dtype, fn) != (np.int64, "relu") and dtype != np.uint8)


def test_outputs_that_are_inputs_constants_and_repeated(tmp_path):
    def build(b, x, y):
        relu = b.emit(nn.ElementwiseOp("relu", x))
        return relu, x, b.weight(f32(30)), relu, b.emit(nn.ElementwiseOp("neg", relu))

    arrays = [X, X]
    proto = check(model_of(arrays, build), arrays, tmp_path / "m.onnx")
    assert [value.name for value in proto.graph.output] == [f"output{i}" for i in range(5)]


def test_names_of_a_model_are_kept(tmp_path):
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("MatMul", ["in:0", "layer.weight"], ["hidden/act"], name="block/dense"),
        helper.make_node("Relu", ["hidden/act"], ["out"], name="act"),
    ]
    info = helper.make_tensor_value_info
    weight = onnx.numpy_helper.from_array(f32(4, 5), "layer.weight")
    graph = helper.make_graph(
        nodes, "g", [info("in:0", TensorProto.FLOAT, [2, 4])], [info("out", TensorProto.FLOAT, [2, 5])],
        [weight],
    )  # fmt: skip
    source = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    proto = check(load(source), [f32(2, 4)], tmp_path / "m.onnx")
    assert [node.name for node in proto.graph.node] == ["block/dense", "act"]
    assert [node.op_type for node in proto.graph.node] == ["MatMul", "Relu"]
    assert proto.graph.input[0].name == "in:0" and proto.graph.output[0].name == "out"


def test_after_fold_batch_norm(tmp_path):
    """The arithmetic on weights is evaluated: what is left is one convolution with other weights."""
    from tenonc.compiler.pipeline import context, parse_pipeline

    model = model_of([IMAGE], lambda b, x: batch_norm_of_conv(b, x))
    for one in parse_pipeline("canonicalize,fold-batch-norm,canonicalize,cse"):
        one.apply(context(), model.module)
    proto = check(model, [IMAGE], tmp_path / "m.onnx")
    assert [node.op_type for node in proto.graph.node] == ["Conv"]


def batch_norm_of_conv(b, x):
    made = b.emit(nn.ConvOp(x, b.weight(f32(4, 4, 3, 2)), b.weight(f32(4)), **WINDOW))
    return batch_norm(b, made)


def test_bytes_are_deterministic(tmp_path):
    for name in ("a", "b"):
        global RNG
        RNG = np.random.default_rng(5)
        save_onnx(model_of([IMAGE], conv), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_external_data(tmp_path):
    model = model_of([X], lambda b, x: b.emit(nn.MatmulOp(x, b.weight(f32(4, 50)))))
    path = tmp_path / "m.onnx"
    save_onnx(model, path, external_data=True)
    assert path.stat().st_size < 500 and (tmp_path / "m.onnx.data").stat().st_size == 800
    onnx.checker.check_model(str(path), full_check=True)
    np.testing.assert_array_equal(outputs_of(load(path), [X])[0], outputs_of(model, [X])[0])


def test_lower_levels_are_refused(tmp_path):
    from tenonc.compiler.pipeline import context, parse_pipeline

    model = model_of([X], lambda b, x: b.emit(nn.ElementwiseOp("relu", x)))
    for one in parse_pipeline("lower-nn"):
        one.apply(context(), model.module)
    with pytest.raises(TenonError, match="cannot be written as ONNX: expected ops of the nn level"):
        save_onnx(model, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_digits_model(tmp_path):
    """A whole model."""
    from pathlib import Path

    model = load(Path(__file__).parents[3] / "examples/digits/digits.onnx")
    arrays = [RNG.standard_normal(port.shape).astype(port.dtype) for port in model.inputs]
    check(model, arrays, tmp_path / "m.onnx")
