"""Parallel loops over one result, whose body reads tensors and quantization parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.ir import Attribute, SSAValue

from ...dialects import nn
from ...dialects.nn.scalar_builder import ScalarBuilder
from ..lower_nn.emitter import Emitter, Operand, at, dims
from .parameters import Affine, Parameters

Read = Callable[[SSAValue], SSAValue]
"""Gives the element of a tensor that the nest reads."""


class Nest:
    """Collects what a body reads; `compute` emits the loops."""

    def __init__(self, emit: Emitter, shape: Sequence[int]):
        self.emit, self.shape, self.make = emit, tuple(shape), Parameters(emit)
        self._operands: dict[SSAValue, Operand] = {}

    def tensor(self, value: SSAValue) -> SSAValue:
        """Reads a tensor that broadcasts to the result; returns it."""
        self._operands[value] = self.emit.broadcast(value, self.shape)
        return value

    def parameter(self, value: SSAValue, like: Affine | None = None) -> SSAValue:
        """Reads what was made of the scale or zero point of `like`."""
        if like is None or like.axis is None or not nn.tensor_of(value).get_shape():
            return self.tensor(value)
        self._operands[value] = Operand(value, at(len(self.shape), dims(like.axis, 1)))
        return value

    def compute(self, element: Attribute, body: Callable[[ScalarBuilder, Read], SSAValue]) -> SSAValue:
        """A tensor of `element` from what `body` makes of the elements it reads."""

        def whole(b: ScalarBuilder, *elements: SSAValue) -> SSAValue:
            return body(b, dict(zip(self._operands, elements, strict=True)).__getitem__)

        return self.emit.elementwise(list(self._operands.values()), element, self.shape, whole)
