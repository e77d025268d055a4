"""Nodes called like what the compiled code itself contains; borders of special values; concats that leave."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tenonc.compiler import compile, load


@pytest.mark.parametrize(
    "name", ["main", "@main", "tenon_main", "tenon_weights", "expf", "memcpy", "weights"]
)
def test_a_node_may_have_any_name(name):
    nodes = [
        helper.make_node("Exp", ["x"], ["a"], name=name),
        helper.make_node("Softmax", ["a"], ["y"], name="after"),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 5])
    graph = helper.make_graph(nodes, "g", [x], [onnx.ValueInfoProto(name="y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    exe = compile(load(model))
    (y,) = exe(np.zeros((2, 5), np.float32))
    np.testing.assert_allclose(y, 0.2, rtol=1e-6)
    assert b"ELF" in exe.emit("obj")[:4]


def padded(net, x, value):
    return net("Pad", x, net.constant([0, 1, 0, 1], "i8"), net.constant(value, "f4"))


def test_a_border_of_nan(new_net):
    net = new_net()
    net.check(padded(net, net("Neg", net.input(2, 3)), np.nan))


def test_borders_of_both_zeros(new_net):
    """One value in two borders that differ in a sign: the reciprocals are infinities of either sign."""
    net = new_net()
    x = net("Neg", net.input(2, 3))
    net.check(net("Reciprocal", padded(net, x, 0.0)), net("Reciprocal", padded(net, x, -0.0)))


@pytest.mark.parametrize("last", ["Flatten", "Reshape", "Pad", "Transpose"])
def test_a_concat_that_leaves_through_a_view(new_net, last):
    net = new_net()
    x = net.input(1, 8, 6, 6)
    heads = net("Concat", net.conv(x, 8, 9, 1, 1), net.conv(x, 8, 9, 1, 1), axis=1)
    views = {
        "Flatten": lambda: net("Flatten", heads),
        "Reshape": lambda: net("Reshape", heads, net.constant([18, 36], "i8")),
        "Pad": lambda: net("Pad", heads, net.constant([0, 0, 1, 1, 0, 0, 1, 1], "i8")),
        "Transpose": lambda: net("Transpose", heads, perm=[0, 2, 3, 1]),
    }
    net.check(views[last]())
