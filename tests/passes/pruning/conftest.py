"""Random small networks over everything that channels can pass through, for tests of masks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, NameLoc, StringAttr, TensorType, UnknownLoc, f64
from xdsl.ir import Operation, SSAValue

from tenonc.dialects import nn, prune
from tenonc.dialects.reference import interpreter

SIDE = 4


class Network:
    """Grows a function on x [2, 3, 4, 4], of f64. `images` are its values [2, C, 4, 4]. `pick(n)` decides."""

    def __init__(self, pick: Callable[[int], int], seed: int = 0):
        self.pick, self.rng = pick, np.random.default_rng(seed)
        self.store = nn.WeightStore()
        self.ops: list[Operation] = []
        type_ = TensorType(f64, [2, 3, SIDE, SIDE])
        self.function = func.FuncOp.from_region("main", [type_], [])
        self.images: list[SSAValue] = [self.function.body.block.args[0]]
        self.images = [self.conv(self.images[0], 4 * (1 + pick(2)))]

    def add(self, op: Operation) -> SSAValue:
        op.location = NameLoc(StringAttr(f"n{len(self.ops)}"), UnknownLoc())
        self.ops.append(op)
        self.function.body.block.add_op(op)
        return op.results[0]

    def weight(self, *shape: int) -> SSAValue:
        array = self.rng.standard_normal(shape) / np.sqrt(max(1, np.prod(shape[1:])))
        return self.add(nn.constant(self.store, array))

    def grow(self, steps: int, without_masks: bool = False) -> None:
        known = [step for step in STEPS if not (without_masks and step in (_masked, _attention))]
        for _ in range(steps):
            made = known[self.pick(len(known))](self)
            if made is not None:
                self.images.append(made)

    def image(self) -> SSAValue:
        return self.images[self.pick(len(self.images))]

    def channels(self, value: SSAValue) -> int:
        return nn.tensor_of(value).get_shape()[1]

    def finish(self) -> ModuleOp:
        """Every image goes into the result."""
        total: SSAValue | None = None
        for image in self.images:
            pooled = self.add(nn.ReduceOp("mean", image, axes=[2, 3], keepdims=False))
            part = self.add(nn.MatmulOp(pooled, self.weight(self.channels(image), 2)))
            total = part if total is None else self.add(nn.ElementwiseOp("add", total, part))
        assert total is not None
        self.function.body.block.add_op(func.ReturnOp(total))
        self.function.function_type = type(self.function.function_type).from_lists(
            list(self.function.function_type.inputs), [total.type]
        )
        module = ModuleOp([self.function])
        module.verify()
        return module

    def conv(self, x: SSAValue, outputs: int, groups: int = 1) -> SSAValue:
        w = self.weight(outputs, self.channels(x) // groups, 3, 3)
        bias = self.weight(outputs) if self.pick(2) else None
        window = {"strides": [1, 1], "pads": [1, 1, 1, 1], "dilations": [1, 1]}
        return self.add(nn.ConvOp(x, w, bias, **window, groups=groups))


def _conv(net: Network) -> SSAValue:
    return net.conv(net.image(), 4 * (1 + net.pick(3)))


def _grouped(net: Network) -> SSAValue | None:
    x = net.image()
    fits = [g for g in (2, 4, 8, net.channels(x)) if net.channels(x) % g == 0]
    if not fits:
        return None
    groups = fits[net.pick(len(fits))]
    return net.conv(x, groups * (1 + net.pick(3)), groups)


def _transposed(net: Network) -> SSAValue:
    x = net.image()
    groups = 2 if net.channels(x) % 2 == 0 and net.pick(2) else 1
    w = net.weight(net.channels(x), 4, 3, 3)
    window = {"strides": [1, 1], "pads": [1, 1, 1, 1], "dilations": [1, 1]}
    return net.add(nn.ConvTransposeOp(x, w, None, **window, groups=groups))


def _batch_norm(net: Network) -> SSAValue:
    x = net.image()
    c = net.channels(x)
    variance = net.add(nn.constant(net.store, net.rng.uniform(0.5, 2, c)))
    scale, bias, mean = (net.weight(c) for _ in range(3))
    return net.add(nn.BatchNormOp(x, scale, bias, mean, variance, 1e-5))


def _activation(net: Network) -> SSAValue:
    return net.add(nn.ElementwiseOp(("relu", "sigmoid", "tanh", "silu")[net.pick(4)], net.image()))


def _pair(net: Network) -> SSAValue | None:
    x = net.image()
    others = [y for y in net.images if net.channels(y) == net.channels(x)]
    fn = ("add", "mul", "sub", "max")[net.pick(4)]
    return net.add(nn.ElementwiseOp(fn, x, others[net.pick(len(others))]))


def _scaled(net: Network) -> SSAValue:
    x = net.image()
    return net.add(nn.ElementwiseOp("add", x, net.weight(net.channels(x), 1, 1)))


def _concat(net: Network) -> SSAValue:
    return net.add(nn.ConcatOp([net.image() for _ in range(2 + net.pick(2))], 1))


def _slice(net: Network) -> SSAValue | None:
    x = net.image()
    c = net.channels(x)
    start, step = net.pick(c // 2), 1 + net.pick(2)
    size = (c - start - 1) // step + 1
    return (
        net.add(nn.SliceOp(x, [0, start, 0, 0], [2, size, SIDE, SIDE], [1, step, 1, 1])) if size > 1 else None
    )


def _gather(net: Network) -> SSAValue:
    x = net.image()
    index = net.rng.integers(0, net.channels(x), 4)
    return net.add(nn.GatherOp(x, [net.add(nn.ConstantOp(nn.dense_attribute(index)))], 1))


def _shuffle(net: Network) -> SSAValue | None:
    x = net.image()
    c, groups = net.channels(x), (2, 4)[net.pick(2)]
    if c % groups:
        return None
    split = net.add(nn.ReshapeOp(x, [2, groups, c // groups, SIDE, SIDE]))
    turned = net.add(nn.TransposeOp(split, [0, 2, 1, 3, 4]))
    return net.add(nn.ReshapeOp(turned, [2, c, SIDE, SIDE]))


def _pad(net: Network) -> SSAValue:
    value = float(net.pick(2))
    return net.add(nn.PadOp(net.image(), [0, net.pick(2), 0, 0], [0, 1 + net.pick(2), 0, 0], value))


def _pool(net: Network) -> SSAValue:
    kind = ("max", "average", "sum")[net.pick(3)]
    window = {"kernel": [3, 3], "strides": [1, 1], "pads": [1, 1, 1, 1], "dilations": [1, 1]}
    return net.add(nn.PoolOp(kind, net.image(), **window, ceil_mode=False, count_include_pad=False))


def _gate(net: Network) -> SSAValue:
    x = net.image()
    pooled = net.add(nn.ReduceOp("mean", x, axes=[2, 3], keepdims=True))
    c = net.channels(x)
    w = net.weight(c, c, 1, 1)
    gate = net.add(nn.ConvOp(pooled, w, None, strides=[1, 1], pads=[0] * 4, dilations=[1, 1]))
    return net.add(nn.ElementwiseOp("mul", x, net.add(nn.ElementwiseOp("sigmoid", gate))))


def _group_norm(net: Network) -> SSAValue | None:
    x = net.image()
    c = net.channels(x)
    if c % 2:
        return None
    scale = net.weight(c, 1, 1)
    return net.add(nn.NormalizeOp("standard", x, scale, axes=[1, 2, 3], groups=2, epsilon=1e-5))


def _norm(net: Network) -> SSAValue:
    axes = ([1], [2, 3], [1, 2, 3])[net.pick(3)]
    return net.add(nn.NormalizeOp("standard", net.image(), axes=axes, epsilon=1e-5))


def _channels_last(net: Network) -> SSAValue:
    """A matrix product over channels in the last place, and back."""
    x = net.image()
    turned = net.add(nn.TransposeOp(x, [0, 2, 3, 1]))
    mixed = net.add(nn.MatmulOp(turned, net.weight(net.channels(x), 4)))
    return net.add(nn.TransposeOp(mixed, [0, 3, 1, 2]))


def _flat(net: Network) -> SSAValue:
    """Flattened, combined with a matrix, and back to an image."""
    x = net.image()
    c = net.channels(x)
    flat = net.add(nn.ReshapeOp(x, [2, c * SIDE * SIDE]))
    mixed = net.add(nn.MatmulOp(flat, net.weight(c * SIDE * SIDE, 4 * SIDE * SIDE)))
    return net.add(nn.ReshapeOp(mixed, [2, 4, SIDE, SIDE]))


def _attention(net: Network) -> SSAValue:
    """Two heads of four over the positions of an image; keys are shared if they are few."""
    x = net.image()
    rows = net.add(nn.ReshapeOp(x, [2, net.channels(x), SIDE * SIDE]))
    tokens = net.add(nn.TransposeOp(rows, [0, 2, 1]))

    def heads(perm: list[int]) -> SSAValue:
        made = net.add(nn.MatmulOp(tokens, net.weight(net.channels(x), 8)))
        return net.add(nn.TransposeOp(net.add(nn.ReshapeOp(made, [2, SIDE * SIDE, 2, 4])), perm))

    query, key, value = heads([0, 2, 1, 3]), heads([0, 2, 3, 1]), heads([0, 2, 1, 3])
    weights = net.add(nn.SoftmaxOp(net.add(nn.MatmulOp(query, key)), 3))
    mixed = net.add(nn.TransposeOp(net.add(nn.MatmulOp(weights, value)), [0, 2, 1, 3]))
    joined = net.add(nn.ReshapeOp(mixed, [2, SIDE * SIDE, 8]))
    if net.pick(2):
        first = 4 * net.pick(2)
        joined = net.add(prune.MaskOp(joined, 2, list(range(first, first + 1 + net.pick(4)))))
    out = net.add(nn.MatmulOp(joined, net.weight(8, 4)))
    return net.add(nn.ReshapeOp(net.add(nn.TransposeOp(out, [0, 2, 1])), [2, 4, SIDE, SIDE]))


def _resize(net: Network) -> SSAValue:
    x = net.image()
    c = net.channels(x)
    grown = net.add(nn.ResizeOp("nearest", x, sizes=[2, c, 8, 8], scales=[1, 1, 2, 2]))
    return net.add(nn.ResizeOp("nearest", grown, sizes=[2, c, SIDE, SIDE], scales=[1, 1, 0.5, 0.5]))


def _masked(net: Network) -> SSAValue:
    """Any channels, at any place; now and then rows of the image."""
    x = net.image()
    axis = 1 if net.pick(8) else 2
    extent = nn.tensor_of(x).get_shape()[axis]
    removed = np.flatnonzero(net.rng.random(extent) < (0.3, 0.6, 1.0)[net.pick(3)])
    return net.add(prune.MaskOp(x, axis, removed.tolist()))


STEPS = [
    _conv, _conv, _grouped, _grouped, _transposed, _batch_norm, _activation, _pair, _pair, _scaled, _concat,
    _slice, _gather, _shuffle, _shuffle, _pad, _pool, _gate, _group_norm, _norm, _channels_last, _flat,
    _attention, _resize, _masked, _masked, _masked, _masked,
]  # fmt: skip


def run(module: ModuleOp, store: nn.WeightStore) -> np.ndarray:
    """What the function returns for a seeded image."""
    x = np.random.default_rng(1).standard_normal((2, 3, SIDE, SIDE))
    (result,) = interpreter(module, store).call_op("main", (x,))
    return result


@pytest.fixture(scope="session")
def network() -> type[Network]:
    return Network


@pytest.fixture(scope="session")
def run_network() -> Callable[[ModuleOp, nn.WeightStore], np.ndarray]:
    return run
