"""Reductions of rows and what lies between them: each chain is one kernel, whatever its axes."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from tenonc.compiler import compile, load

EXTENTS = st.sampled_from([1, 2, 3, 4, 5, 7, 16, 17, 33, 70])
SHAPES = st.lists(EXTENTS, min_size=1, max_size=4).filter(lambda shape: math.prod(shape) <= 20_000)


def normalized(net, x, axes):
    """(x - mean) / sqrt(variance + epsilon)."""
    centred = net("Sub", x, net("ReduceMean", x, axes=axes, keepdims=1))
    variance = net("ReduceMean", net("Mul", centred, centred), axes=axes, keepdims=1)
    return net("Div", centred, net("Sqrt", net("Add", variance, net.constant(1e-3, "f4"))))


def scaled(net, x, axes):
    """x over its Euclidean norm."""
    norm = net("ReduceL2", x, axes=axes, keepdims=1)
    return net("Div", x, net("Add", norm, net.constant(1e-3, "f4")))


def softmax(net, x, axes):
    return net("Softmax", x, axis=axes[0])


CHAINS = {"normalized": normalized, "scaled": scaled, "softmax": softmax}


@settings(max_examples=40)
@given(st.data())
def test_chains(new_net, data):
    draw, net = data.draw, new_net()
    shape = draw(SHAPES)
    axes = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    x = net.input(*shape)
    if draw(st.booleans()):
        x = net("Sin", x)
    y = CHAINS[draw(st.sampled_from(list(CHAINS)))](net, x, axes)
    if draw(st.booleans()):  # a costly op that reads the chain's result twice
        y = net("Add", y, net("Exp", net("Neg", y)))
    outputs = [y, net("Mul", y, y)] if draw(st.booleans()) else [y]
    net.check(*outputs)


def kernels_called(proto) -> int:
    exe = compile(load(proto))
    return exe.emit("mlir").count("tensorized.call")


def test_a_chain_is_one_kernel(new_net):
    for name, chain in CHAINS.items():
        net = new_net()
        y = chain(net, net.input(6, 70), [1])
        assert kernels_called(net.proto(y)) == 1, name


def test_a_value_used_outside_cuts_the_chain(new_net):
    """The mean leaves the kernel: what follows it is a kernel of its own."""
    net = new_net()
    x = net.input(6, 70)
    mean = net("ReduceMean", x, axes=[1], keepdims=0)
    y = net("Sub", x, net("Unsqueeze", mean, net.constant([1], "i8")))
    assert kernels_called(net.proto(y, mean)) == 2
    net.check(y, mean)


def test_rows_beside_a_contraction(new_net):
    """Layer norm between two matrix products, with a residual: the sum joins the first product."""
    net = new_net()
    x = net.input(5, 40)
    total = net("Add", net("MatMul", x, net.weights(40, 40)), x)
    y = net("MatMul", normalized(net, total, [1]), net.weights(40, 24))
    assert kernels_called(net.proto(y)) == 3
    net.check(y)


def test_an_epilogue_may_read_its_contraction_twice(new_net):
    """x * sigmoid(x) behind a depthwise and behind a grouped convolution, whose result is a view."""
    for channels, group in ((24, 24), (24, 4)):
        net = new_net()
        x = net.conv(net.input(1, channels, 9, 9), channels, channels, 3, 3, group=group)
        y = net("GlobalAveragePool", net("Mul", x, net("Sigmoid", x)))
        # the input in the layout wanted, the contraction, the average, the result
        assert kernels_called(net.proto(y)) <= 4
        net.check(y)
