"""The same bits with any number of threads, whatever is cut and however raggedly."""

import os
import threading
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tenonc.compiler import Executable, TenonError, compile, load
from tenonc.compiler.compare import seeded_inputs
from tenonc.dialects.tensorized import kernels
from tenonc.passes.schedule import threads as rule
from tenonc.tools.models.export import export_module
from tenonc.tools.models.sequences import VisionTransformer

EXTENTS = st.sampled_from([1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 40])


@pytest.fixture(autouse=True)
def everything_is_cut(monkeypatch):
    """Small kernels too."""
    monkeypatch.setattr(rule, "DISPATCH_CYCLES", 0)


def cut_kernels(exe: Executable) -> int:
    module = exe.artifact.module  # pyright: ignore[reportAttributeAccessIssue]
    return sum(any(op.name == "scf.parallel" for op in kernel.walk()) for kernel in kernels(module))


def check(proto, threads) -> None:
    model = load(proto)
    inputs = seeded_inputs(model.inputs)
    expected = compile(model, cache=False)(inputs)
    for count in threads:
        exe = compile(model, threads=count, cache=False)
        assert exe.threads == count
        for got, want in zip(exe(inputs), expected, strict=True):
            np.testing.assert_array_equal(got, want)


def convolution(net, draw):
    channels, outputs = draw(EXTENTS), draw(EXTENTS)
    height, width = draw(st.integers(3, 20)), draw(st.integers(3, 20))
    x = net("Relu", net.input(draw(st.integers(1, 2)), channels, height, width))
    stride = draw(st.integers(1, 2))
    y = net.conv(x, channels, outputs, 3, 3, pads=[1] * 4, strides=[stride] * 2)
    return net("Relu", net.conv(net("Sigmoid", y), outputs, draw(EXTENTS), 3, 3, pads=[1] * 4))


def depthwise(net, draw):
    channels = draw(EXTENTS)
    x = net.input(1, channels, draw(st.integers(3, 20)), draw(st.integers(3, 20)))
    return net("Relu", net.conv(x, channels, channels, 3, 3, group=channels, pads=[1] * 4))


def product(net, draw):
    rows, depth, columns = draw(EXTENTS), draw(EXTENTS), draw(EXTENTS)
    right = net.operand(draw(st.booleans()), depth, columns)
    return net("Tanh", net("MatMul", net.input(rows, depth), right))


def attention(net, draw):
    heads, rows, depth = draw(st.integers(1, 5)), draw(EXTENTS), draw(EXTENTS)
    q, k, v = (net.input(heads, rows, depth) for _ in range(3))
    scores = net("MatMul", q, net("Transpose", k, perm=[0, 2, 1]))
    return net("MatMul", net("Softmax", scores, axis=-1), v)


def pooling(net, draw):
    x = net.input(1, draw(EXTENTS), draw(st.integers(4, 20)), draw(st.integers(4, 20)))
    kind = draw(st.sampled_from(["MaxPool", "AveragePool"]))
    return net(kind, x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)


def normalized(net, draw):
    rows, columns = draw(EXTENTS), draw(EXTENTS)
    scale, bias = net.weights(columns), net.weights(columns)
    return net("LayerNormalization", net.input(2, rows, columns), scale, bias, axis=-1)


def joined(net, draw):
    """A concat of kernels that write into one buffer."""
    height = draw(st.integers(3, 12))
    x = net.input(1, 8, height, height)
    parts = [net("Relu", net.conv(x, 8, draw(EXTENTS), 1, 1)) for _ in range(3)]
    return net("Concat", *parts, axis=1)


def grown(net, draw):
    """Up by a transposed convolution and by interpolation, as in a U-Net."""
    channels, height = draw(EXTENTS), draw(st.integers(2, 8))
    x = net.input(1, channels, height, height)
    filters = net.weights(channels, draw(EXTENTS), 2, 2)
    wide = net("ConvTranspose", x, filters, kernel_shape=[2, 2], strides=[2, 2])
    scales = net.constant(np.array([1, 1, 2, 2], np.float32))
    bilinear = net("Resize", net("Relu", x), "", scales, mode="linear")
    return net("Concat", net("Relu", wide), bilinear, axis=1)


def looked_up(net, draw):
    table = net.weights(draw(EXTENTS) + 9, draw(EXTENTS))
    ids = net.input(draw(EXTENTS), draw(EXTENTS), kind=7)
    return net("Neg", net("Gather", table, ids, axis=0))


@pytest.mark.parametrize(
    "build", [convolution, depthwise, product, attention, pooling, normalized, joined, grown, looked_up]
)
@settings(max_examples=8)
@given(data=st.data())
def test_random_shapes(new_net, build, data):
    net = new_net()
    y = build(net, data.draw)
    check(net.proto(y), data.draw(st.lists(st.sampled_from([2, 3, 5, 64]), min_size=1, max_size=2)))


def test_a_model():
    """A vision transformer in small: attention, norms and products behind one another."""
    make = partial(VisionTransformer, width=48, layers=2, size=64)
    check(export_module("small", make, (1, 3, 64, 64)).SerializeToString(), [2])


def test_it_is_cut(new_net):
    """Otherwise the tests above would compare one thread with itself."""
    net = new_net()
    proto = net.proto(net("Softmax", net("Relu", net.conv(net.input(1, 8, 14, 14), 8, 40, 3, 3)), axis=1))
    assert cut_kernels(compile(load(proto), threads=2, cache=False)) >= 2
    assert cut_kernels(compile(load(proto), threads=1, cache=False)) == 0


def test_threads_share_an_executable_of_threads(new_net):
    """Several callers at a time, more threads than cores, several executables that come and go."""
    net = new_net()
    proto = net.proto(net("Relu", net.conv(net.input(1, 8, 16, 16), 8, 24, 3, 3, pads=[1] * 4)))
    model = load(proto)
    exe = compile(model, threads=2, cache=False)
    rng = np.random.default_rng(0)
    cases = [rng.standard_normal((1, 8, 16, 16)).astype(np.float32) for _ in range(6)]
    expected = [exe(x)[0] for x in cases]
    failures: list[BaseException] = []

    def call(own: Executable) -> None:
        try:
            for _ in range(30):
                for x, want in zip(cases, expected, strict=True):
                    np.testing.assert_array_equal(own(x)[0], want)
        except BaseException as error:
            failures.append(error)

    others = [compile(model, threads=n, cache=False) for n in (2, 3)]
    callers = [threading.Thread(target=call, args=(e,)) for e in (exe, exe, exe, *others)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert not failures


def test_a_forked_process_computes_the_same(new_net):
    net = new_net()
    exe = compile(load(net.proto(net("Exp", net.input(64, 64)))), threads=2, cache=False)
    x = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    expected = exe(x)[0]
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if all(np.array_equal(exe(x)[0], expected) for _ in range(20)) else 1
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    np.testing.assert_array_equal(exe(x)[0], expected)


@pytest.mark.parametrize(
    "threads, message",
    [
        (0, "threads is 0, expected 1 to 64"),
        (-1, "threads is -1, expected 1 to 64"),
        (65, "threads is 65, expected 1 to 64"),
        (2.0, "threads is 2.0, expected a whole number"),
        (True, "threads is True, expected a whole number"),
        ("2", "threads is '2', expected a whole number"),
    ],
)
def test_bad_numbers_of_threads(new_net, threads, message: str):
    net = new_net()
    model = load(net.proto(net("Exp", net.input(4))))
    with pytest.raises(TenonError) as error:
        compile(model, threads=threads)
    assert str(error.value) == message
