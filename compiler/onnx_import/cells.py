"""One step of each recurrent layer. Sizes: N rows of a batch, H hidden values, G gates, in ONNX's order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from ...dialects import nn
from .activations import Activation
from .context import Context, rank_of, shape_of
from .shape import slice_axis

Step = Callable[["Layer", Sequence[SSAValue], SSAValue, Sequence[SSAValue]], list[SSAValue]]
"""The states after one step, from the states before, the projected input [N, G H] and the captured values."""


@dataclass
class Layer:
    """One direction of a layer."""

    ctx: Context
    hidden: int
    functions: list[Activation]
    linear_before_reset: bool = False
    input_forget: bool = False
    has_peepholes: bool = False

    def parts(self, x: SSAValue) -> list[SSAValue]:
        """[N, k H] as k times [N, H]; vectors likewise."""
        axis = rank_of(x) - 1
        count = shape_of(x)[axis] // self.hidden
        return [slice_axis(self.ctx, x, axis, i * self.hidden, self.hidden) for i in range(count)]

    def __call__(self, fn: str, *operands: SSAValue) -> SSAValue:
        return self.ctx.elementwise(fn, *operands)

    def product(self, a: SSAValue, b: SSAValue) -> SSAValue:
        return self.ctx.emit(nn.MatmulOp(a, b))

    def rest(self, x: SSAValue) -> SSAValue:
        """1 - x."""
        return self("sub", self.ctx.scalar_like(1.0, x), x)


def _rnn_step(layer: Layer, states: Sequence[SSAValue], x: SSAValue, captured: Sequence[SSAValue]):
    (h,), (f,) = states, layer.functions
    return [f(layer("add", x, layer.product(h, captured[0])))]


def _gru_step(layer: Layer, states: Sequence[SSAValue], x: SSAValue, captured: Sequence[SSAValue]):
    """Gates z, r, h. Captured are the recurrent weights of z and r [H, 2 H] and of h [H, H], and with
    linear_before_reset the recurrent bias of h."""
    (h,), (f, g) = states, layer.functions
    xz, xr, xh = layer.parts(x)
    z, r = layer.parts(layer.product(h, captured[0]))
    z, r = f(layer("add", xz, z)), f(layer("add", xr, r))
    if layer.linear_before_reset:
        reset = layer("mul", r, layer("add", layer.product(h, captured[1]), captured[2]))
    else:
        reset = layer.product(layer("mul", r, h), captured[1])
    new = g(layer("add", xh, reset))
    return [layer("add", layer("mul", layer.rest(z), new), layer("mul", z, h))]


def _lstm_step(layer: Layer, states: Sequence[SSAValue], x: SSAValue, captured: Sequence[SSAValue]):
    """Gates i, o, f, c. The cell is not clipped before its activation (onnxruntime's reading).
    Captured are the recurrent weights [H, 4 H] and, where given, the peepholes [3 H]."""
    (h, cell), (f, g, out) = states, layer.functions
    i, o, forget, c = layer.parts(layer("add", x, layer.product(h, captured[0])))
    if layer.has_peepholes:
        pi, po, pf = layer.parts(captured[1])
        i, forget = (layer("add", v, layer("mul", p, cell)) for v, p in ((i, pi), (forget, pf)))
    i = f(i)
    forget = layer.rest(i) if layer.input_forget else f(forget)
    cell = layer("add", layer("mul", forget, cell), layer("mul", i, g(c)))
    if layer.has_peepholes:
        o = layer("add", o, layer("mul", po, cell))
    return [layer("mul", f(o), out(cell)), cell]


@dataclass(frozen=True)
class Kind:
    """What distinguishes the three layers."""

    gates: int
    states: int
    activations: tuple[str, ...]
    step: Step


KINDS = {
    "RNN": Kind(1, 1, ("Tanh",), _rnn_step),
    "GRU": Kind(3, 1, ("Sigmoid", "Tanh"), _gru_step),
    "LSTM": Kind(4, 2, ("Sigmoid", "Tanh", "Tanh"), _lstm_step),
}
