"""What a model returns and takes: several outputs, inputs and constants among them, scalars."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from tenonc.compiler import compile, load


@pytest.fixture
def net(new_net):
    return new_net()


def test_several_outputs(net):
    x = net.input(3, 5)
    y = net("Relu", x)
    net.check(y, net("Add", x, y), net("ReduceMax", y, axes=[1]), net("Transpose", y))


def test_a_value_returned_twice(net):
    x = net("Relu", net.input(2, 5))
    net.check(x, x)


def test_views_of_one_value_returned(net):
    x = net("Relu", net.input(2, 6))
    net.check(x, net("Reshape", x, net.constant([3, 4])), net("Flatten", x, axis=0), net("Neg", x))


def test_an_input_returned(net):
    x = net.input(2, 3)
    net.check(x, net("Neg", x), x)


def test_views_of_an_input_returned(net):
    x = net.input(2, 6)
    net.check(net("Reshape", x, net.constant([3, 4])), net("Transpose", x))


def test_a_constant_returned(net):
    c = net.weights(2, 3)
    net.check(c, net("Add", net.input(3), c), net("Transpose", c))


def test_only_constants(net):
    net.input(2)
    net.check(net("Exp", net.weights(3)))


def test_no_inputs(net):
    net.check(net.weights(2, 2))


def test_an_unused_input(net):
    x, _, z = net.input(4), net.input(2, 2), net.input(4)
    net.check(net("Sub", z, x))


def test_scalars(net):
    a, b = net.input(), net.input()
    total = net("Add", a, b)
    column = net.input(3, 1)
    net.check(total, net("Mul", total, net.constant(2.0, "f4")), net("Add", column, total))


def test_scalar_views_and_sums(net):
    x = net.input(1, 1)
    rows = net.input(4, 9)
    shape = net.constant([], "i8")
    net.check(
        net("Reshape", x, shape),
        net("ReduceMean", rows, keepdims=0),
        net("MatMul", net.input(9), net.weights(9)),
        net("Reshape", net("ReduceMax", rows, keepdims=0), net.constant([1, 1, 1])),
    )


def test_extents_of_one_everywhere(net):
    x = net.input(1, 1, 1, 1)
    y = net("Relu", net.conv(x, 1, 1, 3, 3, pads=[1] * 4))
    z = net("Add", net("MaxPool", y, kernel_shape=[1, 1]), x)
    w = net("Softmax", net("MatMul", net("Flatten", z), net.weights(1, 1)), axis=1)
    net.check(y, z, w, net("Concat", z, z, axis=1), net("GlobalAveragePool", z))


def test_no_elements(net):
    x, y = net.input(2, 0), net.input(0, 3)
    half = net("Slice", net.input(4), net.constant([2]), net.constant([2]))
    net.check(
        net("Relu", x),
        net("Concat", net("Relu", x), net("Neg", net.input(2, 3)), axis=1),
        net("ReduceSum", x, net.constant([1])),
        net("MatMul", x, y),
        net("MatMul", y, net.weights(3, 2)),
        net("Pad", x, net.constant([0, 1, 0, 2]), net.constant(1.5, "f4")),
        net("Add", net.input(3, 1), half),
        net("Transpose", y),
        x,
    )


@pytest.mark.parametrize(
    "kind",
    [TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.INT64, TensorProto.INT32, TensorProto.INT8],
    ids=TensorProto.DataType.Name,
)
def test_other_element_types(net, kind):
    a, b = net.input(3, 9, kind=kind), net.input(9, 4, kind=kind)
    product = net("MatMul", a, b)
    outputs = [
        product,
        net("Concat", a, net("Transpose", b), net("Neg", a), axis=0),
        net("Less", a, net("Abs", a)),
    ]
    outputs += [net("ReduceMax", a, axes=[0]), net("ReduceSum", a, net.constant([1]))]
    bound = {TensorProto.FLOAT16: 2e-3, TensorProto.DOUBLE: 1e-12}.get(kind, 1e-5)
    net.check(*outputs, bound=bound)


def test_casts(net):
    x = net.input(3, 5)
    kinds = (TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.INT64, TensorProto.INT32, TensorProto.INT8)
    casts = [net("Cast", net("Mul", x, net.constant(9.0, "f4")), to=kind) for kind in kinds]
    net.check(*casts, *(net("Cast", cast, to=TensorProto.FLOAT) for cast in casts))


def test_bools(net):
    a, b = net.input(3, 5), net.input(5)
    less, more = net("Less", a, b), net("Greater", a, net.constant(0.0, "f4"))
    both = net("And", less, more)
    net.check(both, net("Not", both), net("Or", less, more), net("Where", both, a, b), net("Transpose", both))
    # fmt: skip


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16])
def test_16_bit_floats_in_every_access(build, kind):
    """Broadcast scalars, ragged rows, transposed reads: LLVM has no shuffles of such elements."""
    dtype = np.dtype(helper.tensor_dtype_to_np_dtype(kind))
    nodes = [
        helper.make_node("Where", ["c", "s", "x"], ["w"]), helper.make_node("Transpose", ["w"], ["t"]),
        helper.make_node("Max", ["t", "col"], ["m"]), helper.make_node("Slice", ["m", "from", "to"], ["y"]),
    ]  # fmt: skip
    rng = np.random.default_rng(0)
    x, flags = rng.standard_normal((6, 11)).astype(dtype), rng.standard_normal((6, 11)) > 0
    column = rng.standard_normal((11, 1)).astype(dtype)
    model = build(
        nodes,
        {"x": (kind, [6, 11]), "c": (TensorProto.BOOL, [6, 11]), "s": (kind, []), "col": (kind, [11, 1])},
        ["y"], {"from": np.array([1]), "to": np.array([10])},
    )  # fmt: skip
    (got,) = compile(load(model))(x, flags, np.array(2, dtype), column)
    want = np.maximum(np.where(flags, np.array(2, dtype), x).T, column)[1:10]
    np.testing.assert_array_equal(got.astype(np.float32), want.astype(np.float32))
