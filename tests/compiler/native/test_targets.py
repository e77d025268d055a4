"""The same networks for every x86-64 level: run where this machine can, read as assembly where it may not."""

import pytest

from tenonc.compiler import TenonError, compile, load
from tenonc.targets.record import host, records


def residual(net) -> list[str]:
    """Convolutions with halos, a stride, a residual, a depthwise one, pools, a dense layer."""
    x = net("Relu", net.conv(net.input(1, 3, 12, 11), 3, 21, 3, 3, pads=[1] * 4))
    y = net("Add", x, net.conv(x, 21, 21, 3, 3, pads=[1] * 4))
    z = net("MaxPool", net.conv(y, 21, 21, 3, 3, group=21, strides=[2, 2]), kernel_shape=[2, 2])
    flat = net("Flatten", net("GlobalAveragePool", z))
    return [z, net("Softmax", net("MatMul", flat, net.weights(21, 10)))]


def attention(net) -> list[str]:
    """Matrix products whose operands are both computed at run time, softmax, a transpose, tanh."""
    x = net.input(2, 9, 16)
    q, k, v = (net("MatMul", x, net.weights(16, 16)) for _ in range(3))
    scores = net("MatMul", q, net("Transpose", k, perm=[0, 2, 1]))
    return [net("Tanh", net("MatMul", net("Softmax", scores, axis=-1), v))]


def shuffled(net) -> list[str]:
    """Grouped convolution, channel shuffle, concat, slices, pads, reductions."""
    x = net.conv(net.input(1, 6, 7, 7), 6, 12, 3, 3, group=3)
    split = net("Transpose", net("Reshape", x, net.constant([1, 3, 4, 25])), perm=[0, 2, 1, 3])
    y = net("Concat", net("Reshape", split, net.constant([1, 12, 5, 5])), x, axis=1)
    part = net("Slice", y, net.constant([1]), net.constant([20]), net.constant([1]), net.constant([3]))
    return [net("Pad", part, net.constant([0, 0, 1, 2, 0, 1, 0, 1])), net("ReduceMax", y, axes=[1, 3])]


NETS = [residual, attention, shuffled]
RUNNABLE = [name for name, record in records().items() if record.enabled <= host().enabled]


@pytest.mark.parametrize("make", NETS, ids=lambda make: make.__name__)
@pytest.mark.parametrize("target", RUNNABLE)
def test_like_the_reference(new_net, make, target):
    net = new_net()
    net.check(*make(net), target=target)


@pytest.mark.parametrize(
    ("target", "register"), [("x86-64", "%xmm"), ("x86-64-v3", "%ymm"), ("x86-64-v4", "%zmm")]
)
def test_uses_the_registers_of_its_target(new_net, target, register):
    net = new_net()
    text = compile(load(net.proto(*residual(net))), target).emit("asm")
    assert register in text
    wider = {"%xmm": "%ymm", "%ymm": "%zmm"}.get(register)
    assert wider is None or wider not in text


@pytest.mark.skipif("x86-64-v4" in RUNNABLE, reason="this machine runs every target")
def test_a_target_beyond_this_machine_is_compiled_but_not_run(new_net):
    net = new_net()
    with pytest.raises(TenonError, match="x86-64-v4"):
        net.check(*residual(net), target="x86-64-v4")
