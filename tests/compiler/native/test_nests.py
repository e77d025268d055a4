"""Matrix products, reductions, and what moves or broadcasts elements."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

EXTENTS = st.integers(1, 19)


def shapes(low: int, high: int, most: int = 9):
    return st.lists(st.integers(1, most), min_size=low, max_size=high)


@settings(max_examples=15)
@given(st.data())
def test_matmul(new_net, data):
    """Batched, broadcast, and vectors; either side may be constant."""
    draw, net = data.draw, new_net()
    m, k, n = draw(EXTENTS), draw(EXTENTS), draw(EXTENTS)
    batch = draw(shapes(0, 2, 4))
    left = [draw(st.sampled_from([1, size])) for size in batch]
    shapes_ = {"matrices": ([*left, m, k], [*batch, k, n]), "row": ([k], [*batch, k, n])}
    shapes_ |= {"column": ([*left, m, k], [k]), "inner": ([k], [k]), "shared": ([*batch, m, k], [k, n])}
    a, b = shapes_[draw(st.sampled_from(sorted(shapes_)))]
    runtime = draw(st.sampled_from([(True, True), (True, False), (False, True)]))
    y = net("MatMul", net.operand(runtime[0], *a), net.operand(runtime[1], *b))
    net.check(net("Tanh", y) if draw(st.booleans()) else y)


@settings(max_examples=8)
@given(st.data())
def test_gemm(new_net, data):
    draw, net = data.draw, new_net()
    m, k, n = draw(st.integers(1, 40)), draw(st.integers(1, 40)), draw(st.integers(1, 70))
    flip = [draw(st.integers(0, 1)) for _ in range(2)]
    a = net.input(*((k, m) if flip[0] else (m, k)))
    b = net.operand(draw(st.booleans()), *((n, k) if flip[1] else (k, n)))
    c = net.operand(draw(st.booleans()), *draw(st.sampled_from([(n,), (m, 1), (1, 1), (m, n)])))
    net.check(net("Relu", net("Gemm", a, b, c, transA=flip[0], transB=flip[1], alpha=0.5)))


@settings(max_examples=15)
@given(st.data())
def test_reduce(new_net, data):
    draw, net = data.draw, new_net()
    shape = draw(shapes(1, 4))
    axes = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    kind = draw(st.sampled_from(["Mean", "Max", "Min", "Prod", "L1", "SumSquare", "LogSumExp"]))
    x = net.input(*shape)
    if draw(st.booleans()):
        x = net("Sin", x)
    y = net(f"Reduce{kind}", x, axes=axes, keepdims=draw(st.integers(0, 1)))
    net.check(net("Neg", y) if draw(st.booleans()) else y)


@settings(max_examples=8)
@given(st.data())
def test_softmax(new_net, data):
    draw, net = data.draw, new_net()
    shape = draw(shapes(1, 4, 12))
    op = draw(st.sampled_from(["Softmax", "LogSoftmax"]))
    x = net("Mul", net.input(*shape), net.constant(draw(st.sampled_from([1.0, 30.0])), "f4"))
    net.check(net(op, x, axis=draw(st.integers(0, len(shape) - 1))))


@settings(max_examples=15)
@given(st.data())
def test_moved_elements(new_net, data):
    """Up to three of transpose, reshape, slice, pad, concat, one after another."""
    draw, net = data.draw, new_net()
    shape = draw(shapes(1, 5, 6))
    x = net.input(*shape)
    for _ in range(draw(st.integers(1, 3))):
        axis = draw(st.integers(0, len(shape) - 1))
        kind = draw(st.sampled_from(["transpose", "reshape", "slice", "pad", "concat", "exp"]))
        if kind == "transpose":
            order = draw(st.permutations(range(len(shape))))
            x, shape = net("Transpose", x, perm=order), [shape[i] for i in order]
        elif kind == "reshape":
            shape = draw(st.permutations(factors(math.prod(shape))))
            x = net("Reshape", x, net.constant(shape))
        elif kind == "slice":
            start, step = draw(st.integers(0, shape[axis] - 1)), draw(st.integers(1, 3))
            x = net("Slice", x, *(net.constant([n]) for n in (start, shape[axis], axis, step)))
            shape = [*shape[:axis], -(-(shape[axis] - start) // step), *shape[axis + 1 :]]
        elif kind == "pad":
            pads = [draw(st.integers(-1 if n > 2 else 0, 2)) for n in shape * 2]
            value = net.constant(draw(st.sampled_from([0.0, -1.5])), "f4")
            x = net("Pad", x, net.constant(pads), value)
            shape = [n + a + b for n, a, b in zip(shape, pads, pads[len(shape) :])]
        elif kind == "concat":
            x = net("Concat", x, net("Neg", x), net.operand(draw(st.booleans()), *shape), axis=axis)
            shape = [*shape[:axis], 3 * shape[axis], *shape[axis + 1 :]]
        else:
            x = net("Exp", net("Clip", x, net.constant(-3.0, "f4"), net.constant(3.0, "f4")))
    net.check(x)


def factors(count: int) -> list[int]:
    """`count` as a product of two or three, with an extent of 1."""
    first = max(d for d in range(1, min(count, 7) + 1) if count % d == 0)
    return [first, 1, count // first]


@settings(max_examples=12)
@given(st.data())
def test_broadcast_chain(new_net, data):
    """Elementwise ops over operands that miss dimensions or have extents of 1."""
    draw, net = data.draw, new_net()
    shape = draw(shapes(0, 4))
    x = net.input(*shape)
    for _ in range(draw(st.integers(1, 4))):
        ones = [draw(st.sampled_from([1, n])) for n in shape]
        other = net.operand(draw(st.booleans()), *ones[draw(st.integers(0, len(shape))) :])
        op = draw(st.sampled_from(["Add", "Sub", "Mul", "Max", "Min"]))
        x = net(op, x, other) if draw(st.booleans()) else net(op, other, x)
    net.check(x)


@settings(max_examples=25)
@given(st.data())
def test_concats_in_place(new_net, data):
    """Concats of concats, of values read elsewhere, in a halo, beside arguments, slices and constants."""
    draw, net = data.draw, new_net()
    channels = [draw(st.integers(1, 20)) for _ in range(3)]
    x = net.input(1, channels[0], 5, 6)
    made = [(net("Neg", x), channels[0]), (x, channels[0]), (net.weights(1, 2, 5, 6), 2)]
    for _ in range(draw(st.integers(1, 4))):
        chosen = draw(st.lists(st.sampled_from(made), min_size=2, max_size=3))
        width = sum(n for _, n in chosen)
        y = net("Concat", *(name for name, _ in chosen), axis=1)
        made.append((y, width))
        kind = draw(st.sampled_from(["conv", "relu", "pool"]))
        if kind == "conv":
            made.append((net.conv(y, width, channels[1], 3, 3, pads=[1] * 4), channels[1]))
        elif kind == "pool":
            made.append((net("MaxPool", y, kernel_shape=[3, 3], pads=[1] * 4, strides=[1, 1]), width))
        else:
            made.append((net("Relu", y), width))
    outputs = [made[-1][0], made[-2][0]] if draw(st.booleans()) else [made[-1][0]]
    net.check(*outputs)


def test_concat_that_is_returned_in_another_shape(new_net):
    """It stays in no buffer of the function, so nothing is made in it."""
    net = new_net()
    x, y = net.input(2, 3, 4, 4), net.input(2, 3, 4, 4)
    whole = net("Concat", net("Exp", x), net("Mul", net("Exp", y), x), axis=3)
    net.check(net("Reshape", whole, net.constant([2, 3, 32])))
