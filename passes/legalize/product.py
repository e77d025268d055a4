"""One quantized contraction: the instructions that may compute it, and its operands in their types."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from xdsl.dialects.builtin import IntegerType
from xdsl.ir import SSAValue

from ...dialects import nn, qnn
from ...dialects.qnn.intervals import weights_of, weights_within
from ...dialects.qnn.parameters import limits, visible
from ..graph_builder import GraphBuilder
from .forms import WITHOUT_INSTRUCTION, Form
from .rewriting import centred_weights, converted, shifted, zero_of
from .storage import Storage, place

# Elements a cycle of a copy in another type.
COPIED = 8.0


class Operand(NamedTuple):
    """A tensor known at run time: its place, that of its zero point, and whether it is what an instruction
    takes for the weights."""

    index: int
    zero: int
    second: bool = False


@dataclass
class Product:
    """`macs` products of integers, by one of `forms`; the `operands` known at run time, and the places of the
    weights and their zero point."""

    op: qnn.ConvOp | qnn.MatmulOp
    macs: int
    forms: Sequence[Form]
    operands: Sequence[Operand]
    weights: tuple[int, int] | None
    repairs: list[str] = field(default_factory=list)

    def note(self, operand: Operand, have: IntegerType, storage: Storage, how: str) -> None:
        """Adds what is changed of an operand to the repairs."""
        shift = -storage.shift
        by = f", {abs(shift)} {'added' if shift > 0 else 'subtracted'}" if shift else ""
        zero = "its zero point and the terms of the sum move with it"
        self.repairs.append(f"operand {operand.index}: {have} {how} as {storage.element}{by}; {zero}")

    def elements(self, operand: Operand) -> list[IntegerType]:
        """The types an operand may have, those of the fastest instructions first."""
        return list(dict.fromkeys(_type(form, operand) for form in self.forms))

    def rate(self, operand: Operand, element: IntegerType) -> float:
        """Products a cycle with an operand of the type, whatever the other one has."""
        fitting = (form.rate for form in self.forms if _type(form, operand) == element)
        return max(fitting, default=WITHOUT_INSTRUCTION)

    def storage(self, operand: Operand, element: IntegerType) -> Storage | None:
        """How the operand is kept in another type: without its zero point where there is room, and a number
        to subtract. None for a narrower type."""
        have = nn.tensor_of(self.op.operands[operand.index]).element_type
        assert isinstance(have, IntegerType)
        if element.width.data == have.width.data:
            return Storage(element, limits(have)[0] - limits(element)[0])
        if element.width.data < have.width.data:
            return None
        zero = visible(self.op.operands[operand.zero])
        return Storage(element, int(zero) if zero is not None and zero.ndim == 0 else 0)

    def settle(self) -> None:
        """Gives operands and weights the types of the form that takes the least time, copies included."""
        form = min(self.forms, key=self._cycles, default=None)
        if form is None or self._cycles(form) >= self.macs / WITHOUT_INSTRUCTION:
            return
        new = GraphBuilder(self.op)
        for operand in self.operands:
            storage = self.storage(operand, _type(form, operand))
            if storage is not None and self._misses(operand, form):
                x, zero = (self.op.operands[at] for at in (operand.index, operand.zero))
                have = nn.tensor_of(x).element_type
                assert isinstance(have, IntegerType)
                self.note(operand, have, storage, "copied")
                self.op.operands[operand.index] = converted(new, x, storage)
                self.op.operands[operand.zero] = shifted(self.op, zero, storage)
        if self.weights is not None:
            self._centre_weights(new, *self.weights, form.weights)

    def _cycles(self, form: Form) -> float:
        copies = sum(self._copied(operand, form) for operand in self.operands)
        return self.macs / form.rate + copies

    def _copied(self, operand: Operand, form: Form) -> float:
        if not self._misses(operand, form):
            return 0.0
        possible = self.storage(operand, _type(form, operand)) is not None
        shape = nn.tensor_of(self.op.operands[operand.index]).get_shape()
        return math.prod(shape) / COPIED if possible else math.inf

    def _misses(self, operand: Operand, form: Form) -> bool:
        return nn.tensor_of(self.op.operands[operand.index]).element_type != _type(form, operand)

    def _centre_weights(self, new: GraphBuilder, index: int, zero: int, element: IntegerType) -> None:
        w, number = self.op.operands[index], visible(self.op.operands[zero])
        if nn.tensor_of(w).element_type == element and number is not None and not number.any():
            return
        have = nn.tensor_of(w).element_type
        self.repairs.append(f"operand {index}: weights in {have} less their zero points, as {element}")
        by = _broadcastable(new, self.op, index, self.op.operands[zero])
        self.op.operands[index] = centred_weights(new, w, by, element)
        self.op.operands[zero] = zero_of(new, element)


def _type(form: Form, operand: Operand) -> IntegerType:
    return form.weights if operand.second else form.data


def _broadcastable(new: GraphBuilder, op: qnn.ConvOp | qnn.MatmulOp, index: int, zero: SSAValue) -> SSAValue:
    """The zero point of the operand at `index`, in a shape that broadcasts to it: one a row, but of a
    right-hand side one a column."""
    shape = nn.tensor_of(zero).get_shape()
    if not shape or (isinstance(op, qnn.MatmulOp) and index == place(op, "b")):
        return zero
    rank = 2 if isinstance(op, qnn.MatmulOp) else nn.tensor_of(op.operands[index]).get_num_dims()
    return new.along(zero, 0, rank)


def product_of(op: nn.NNOperation, forms: Sequence[Form]) -> Product | None:
    """The contraction `op`, if instructions could compute it: one that sums over channels."""
    if isinstance(op, qnn.ConvOp):
        if sums_taps(op) or weights_of(op) is None:
            return None
        macs = math.prod(op.shape) * math.prod(nn.tensor_of(op.w).get_shape()[1:])
        data, weights = Operand(place(op, "x"), place(op, "zp_x")), (place(op, "w"), place(op, "zp_w"))
        return Product(op, macs, _right_for(op, forms), [data], weights)
    if isinstance(op, qnn.MatmulOp):
        macs = math.prod(op.shape) * nn.tensor_of(op.a).get_shape()[-1]
        left, right = (Operand(place(op, n), place(op, f"zp_{n}")) for n in ("a", "b"))
        known = weights_of(op)
        if known is None:
            any_weights = [form for form in forms if form.within is None]
            return Product(op, macs, any_weights, [left, right._replace(second=True)], None)
        data, weights = (left, right) if known[0] is op.b else (right, left)
        return Product(op, macs, _right_for(op, forms), [data], weights[:2])
    return None


def sums_taps(op: nn.NNOperation) -> bool:
    """Whether the op is a depthwise convolution by weights known at compile time: it sums the taps of its
    window, and no channels."""
    if not isinstance(op, qnn.ConvOp) or weights_of(op) is None:
        return False
    return op.value_of("groups") > 1 and nn.tensor_of(op.w).get_shape()[1] == 1


def widens_taps(op: qnn.ConvOp, forms: Sequence[Form], types: Collection[IntegerType]) -> bool:
    """Whether weights of a depthwise convolution are better widened, for an instruction that takes them so:
    where no single instruction multiplies its bytes and sums them, since taps of a dot product have to be put
    beside each other first, and a chain then takes longer."""
    element = nn.tensor_of(op.x).element_type
    dots = any(form.data == element and form.within is None for form in _right_for(op, forms))
    return element in types and not dots


def _right_for(op: qnn.ConvOp | qnn.MatmulOp, forms: Sequence[Form]) -> list[Form]:
    known = weights_of(op)
    assert known is not None
    interval = weights_within(op, *known)
    return [form for form in forms if form.takes(interval)]
