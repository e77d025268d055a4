"""Convolutions and pools of any geometry, and the layouts that several of them share."""

from hypothesis import given, settings
from hypothesis import strategies as st

SIZES = st.integers(1, 9)


def window(draw, rank: int, dilated: bool = True) -> dict[str, list[int]]:
    """Attributes of a window, but its kernel."""

    def numbers(low: int, high: int, count: int = rank) -> list[int]:
        return draw(st.lists(st.integers(low, high), min_size=count, max_size=count))

    attributes = {"strides": numbers(1, 3), "pads": numbers(0, 2, 2 * rank)}
    return attributes | ({"dilations": numbers(1, 2)} if dilated else {})


def fitting(draw, kernel: list[int], attributes: dict[str, list[int]]) -> list[int]:
    """An image that the kernel fits at least once."""
    rank = len(kernel)
    dilations = attributes.get("dilations", [1] * rank)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    pads = attributes["pads"]
    return [draw(st.integers(max(1, s - a - b), 9)) for s, a, b in zip(spans, pads, pads[rank:])]


@settings(max_examples=15)
@given(st.data())
def test_conv(new_net, data):
    draw, net = data.draw, new_net()
    kernel = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2))
    attributes = window(draw, len(kernel))
    image = fitting(draw, kernel, attributes)
    groups = draw(st.sampled_from([1, 1, 1, 2, 3, 7]))
    inside, outside = draw(st.integers(1, 40 // groups)) * groups, draw(st.integers(1, 40 // groups)) * groups
    if draw(st.booleans()):  # depthwise
        outside = inside = groups = draw(st.integers(1, 40))
    x = net.input(draw(st.integers(1, 3)), inside, *image)
    y = net.conv(x, inside, outside, *kernel, group=groups, **attributes)
    net.check(net("Relu", y) if draw(st.booleans()) else y)


@settings(max_examples=12)
@given(st.data())
def test_pool(new_net, data):
    draw, net = data.draw, new_net()
    op = draw(st.sampled_from(["MaxPool", "AveragePool"]))
    kernel = draw(st.lists(st.integers(1, 3), min_size=1, max_size=2))
    attributes = window(draw, len(kernel), dilated=op == "MaxPool")
    attributes["pads"] = [min(pad, size - 1) for pad, size in zip(attributes["pads"], kernel * 2)]
    image = fitting(draw, kernel, attributes)
    more = {"ceil_mode": draw(st.integers(0, 1))}
    if op == "AveragePool":
        more["count_include_pad"] = draw(st.integers(0, 1))
    x = net.input(draw(st.integers(1, 2)), draw(st.integers(1, 35)), *image)
    net.check(net(op, x, kernel_shape=kernel, **attributes, **more))


@settings(max_examples=8)
@given(st.data())
def test_conv_between_views(new_net, data):
    """What is concatenated, convolved, and then viewed in another way."""
    draw, net = data.draw, new_net()
    channels = draw(st.lists(st.integers(1, 20), min_size=2, max_size=3))
    size = draw(st.integers(3, 6))
    parts = [net.input(1, c, size, size) for c in channels]
    if draw(st.booleans()):
        parts[0] = net.conv(parts[0], channels[0], channels[0], 3, 3, pads=[1] * 4)
    x = net("Concat", *parts, axis=1)
    y = net.conv(x, sum(channels), 5, 3, 3, pads=[1] * 4)
    z = net.conv(y, 5, 17, 1, 1)
    view = draw(st.sampled_from(["flatten", "reshape", "concat", "rows", "transpose", "slice"]))
    if view == "flatten":
        z = net("MatMul", net("Flatten", z), net.weights(17 * size * size, 3))
    elif view == "reshape":
        z = net("Softmax", net("Reshape", z, net.constant([17, size * size])))
    elif view == "concat":
        z = net("Concat", z, x, net.weights(1, 2, size, size), axis=1)
    elif view == "rows":
        z = net("Concat", z, z, axis=draw(st.sampled_from([2, 3])))
    elif view == "transpose":
        z = net("Relu", net("Transpose", z, perm=[0, 2, 3, 1]))
    else:
        z = net("Slice", z, *(net.constant([n]) for n in (1, 9, draw(st.integers(1, 3)), 2)))
    net.check(z)


@settings(max_examples=6)
@given(st.data())
def test_residual_chain(new_net, data):
    """Blocks that add what they started from; kernels of several sizes read one halo."""
    draw, net = data.draw, new_net()
    channels, size = draw(st.integers(1, 20)), draw(st.integers(2, 7))
    x = net.conv(net.input(1, 3, size, size), 3, channels, 3, 3, pads=[1] * 4)
    for _ in range(draw(st.integers(1, 3))):
        y = x
        for _ in range(draw(st.integers(1, 2))):
            k = draw(st.sampled_from([1, 3, 5]))
            y = net("Relu", net.conv(y, channels, channels, k, k, pads=[k // 2] * 4))
        x = net("Add", x, y) if draw(st.booleans()) else net("Add", y, x)
        if draw(st.booleans()):
            x = net("Relu", x)
    net.check(x)


@settings(max_examples=6)
@given(st.data())
def test_consumers_with_their_own_pads(new_net, data):
    draw, net = data.draw, new_net()
    x = (
        net("Relu", net.input(1, 4, 6, 5))
        if draw(st.booleans())
        else net.conv(net.input(1, 2, 6, 5), 2, 4, 1, 1)
    )
    outputs = [x] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(2, 3))):
        pads = draw(st.lists(st.integers(0, 2), min_size=4, max_size=4))
        kind = draw(st.sampled_from(["conv", "max", "average", "pad"]))
        if kind == "conv":
            outputs.append(net.conv(x, 4, 9, 3, 3, pads=pads))
        elif kind == "pad":
            corners = net.constant([0, 0, *pads[:2], 0, 0, *pads[2:]])
            outputs.append(net("Pad", x, corners, net.constant(draw(st.sampled_from([0.0, 1.5])), "f4")))
        else:
            op = "MaxPool" if kind == "max" else "AveragePool"
            outputs.append(net(op, x, kernel_shape=[3, 3], pads=pads))
    net.check(*outputs)
