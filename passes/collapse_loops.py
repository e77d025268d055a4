"""collapse-loops: merges neighbouring loops wherever every operand's strides allow.

Expects: `tensorized.kernel`s of `tensorized.generic`s, loops in storage order (`fuse-kernels`).
Leaves: the same kernels with fewer, longer loops, and arguments whose merged dimensions are one.
`(kw, c) -> k` makes a direct convolution KH matrix products; `(h, w) -> p` makes a 1x1 convolution one.

A merge of loops a, b (b of extent E) needs, in every nest and for every operand, that a step of a is E
steps of b in memory. Compile-time operands of a reduction do not constrain its reduction loops: they
will be packed, so their accesses may turn into floordiv and mod.
"""

from __future__ import annotations

import os.path
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import AffineMapAttr, ArrayAttr, ModuleOp, TensorType
from xdsl.ir import BlockArgument, SSAValue
from xdsl.ir.affine import AffineDimExpr, AffineExpr, AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import Rewriter

from ..dialects import tensorized
from ..dialects.tensorized import LoopAttr
from ..dialects.tensorized.linear_form import flat_strides, linear_form, row_major, substitute


@dataclass(frozen=True)
class CollapseLoopsPass(ModulePass):
    name = "collapse-loops"
    preserves: ClassVar[str] = "reassociates(1e-5)"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        for kernel in tensorized.kernels(op):
            _Collapser(kernel).run()


def buffer_of(value: SSAValue) -> SSAValue:
    """The argument or empty a chain of nests writes: all of them share its type."""
    while isinstance(value.owner, tensorized.NestOperation):
        value = value.owner.init
    return value


class _Nest:
    """The loops and accesses of one nest, editable."""

    def __init__(self, op: tensorized.GenericOp):
        self.op = op
        self.names, self.kinds, self.extents = op.loop_names, op.kinds, op.extents
        self.accesses = op.accesses
        self.buffers = [buffer_of(value) for value in (*op.inputs, op.init)]

    def merge(self, at: int, name: str) -> None:
        inner = self.extents[at + 1]
        merged = AffineExpr.dimension(at)
        extents = [*self.extents[:at], self.extents[at] * inner, *self.extents[at + 2 :]]
        indices: list[AffineExpr] = [
            AffineExpr.dimension(i if i < at else i - 1) for i in range(len(self.extents))
        ]
        indices[at], indices[at + 1] = merged // inner, merged % inner
        self.accesses = [
            _linear_again(substitute(a, indices, extents), extents, inner) for a in self.accesses
        ]
        self.names[at : at + 2] = [name]
        self.kinds[at : at + 2] = [self.kinds[at]]
        self.extents = extents

    def write(self) -> None:
        loops = [LoopAttr.of(*loop) for loop in zip(self.names, self.kinds, self.extents)]
        self.op.properties["loops"] = ArrayAttr(loops)
        self.op.properties["maps"] = ArrayAttr(map(AffineMapAttr, self.accesses))


def _linear_again(access: AffineMap, extents: list[int], inner: int) -> AffineMap:
    """Folds `inner * c * (x floordiv inner) + c * (x mod inner)` back to `c * x`."""
    results: list[AffineExpr] = []
    for expr in access.results:
        form = linear_form(expr, extents)
        terms = dict(form.terms)
        for atom, coefficient in form.terms.items():
            if not isinstance(atom, AffineDimExpr) and coefficient % inner == 0:
                whole, rest = atom.lhs, None  # pyright: ignore[reportAttributeAccessIssue]
                rest = whole % inner
                if atom == whole // inner and terms.get(rest) == coefficient // inner:
                    del terms[atom], terms[rest]
                    terms[whole] = terms.get(whole, 0) + coefficient // inner
        results.append(type(form)(form.constant, terms).expr())
    return AffineMap(access.num_dims, 0, tuple(results))


class _Collapser:
    def __init__(self, kernel: tensorized.KernelOp):
        self.kernel = kernel
        self.nests = [_Nest(op) for op in kernel.body.block.ops if isinstance(op, tensorized.GenericOp)]
        # The constant operands of a kernel's only reduction will be packed; others are read as they lie.
        self.packs = sum("reduction" in nest.kinds for nest in self.nests) == 1
        self.shapes: dict[SSAValue, list[int]] = {}
        for nest in self.nests:
            for buffer in nest.buffers:
                assert isinstance(buffer.type, TensorType)
                self.shapes[buffer] = list(buffer.type.get_shape())

    def run(self) -> None:
        merged = True
        while merged:
            merged = any(self._try(a, b) for a, b in self._candidates())
        for nest in self.nests:
            nest.write()
        self._retype()

    def _candidates(self) -> list[tuple[str, str]]:
        pairs = {
            (a, b): None
            for nest in self.nests
            for a, b, ka, kb in zip(nest.names, nest.names[1:], nest.kinds, nest.kinds[1:])
            if ka == kb
        }
        return list(pairs)

    def _try(self, a: str, b: str) -> bool:
        users = [nest for nest in self.nests if a in nest.names or b in nest.names]
        joins: set[tuple[SSAValue, int]] = set()
        for nest in users:
            at = nest.names.index(a) if a in nest.names else -1
            if at < 0 or nest.names[at + 1 : at + 2] != [b] or nest.kinds[at] != nest.kinds[at + 1]:
                return False
            for buffer, access in zip(nest.buffers, nest.accesses):
                if not self._allows(nest, at, buffer, access, joins):
                    return False
        for buffer, dim in sorted(joins, key=lambda join: -join[1]):
            self._join(buffer, dim)
        name = a + b[len(os.path.commonprefix([a, b])) :]
        for nest in users:
            nest.merge(nest.names.index(a), name)
        return True

    def _allows(
        self, nest: _Nest, at: int, buffer: SSAValue, access: AffineMap, joins: set[tuple[SSAValue, int]]
    ) -> bool:
        if not access.used_dims() & {at, at + 1}:
            return True
        if nest.kinds[at] == "reduction" and self._is_constant(buffer) and self.packs:
            return True
        strides = flat_strides(access, row_major(self.shapes[buffer]), nest.extents)
        if strides is None or strides[at] != nest.extents[at + 1] * strides[at + 1]:
            return False
        outer = [i for i, e in enumerate(access.results) if at in e.used_dims()]
        inner = [i for i, e in enumerate(access.results) if at + 1 in e.used_dims()]
        if len(outer) != 1 or len(inner) != 1:
            return False
        if outer != inner:
            if inner[0] != outer[0] + 1:
                return False
            joins.add((buffer, outer[0]))
        return True

    def _is_constant(self, buffer: SSAValue) -> bool:
        return isinstance(buffer, BlockArgument) and buffer.index in self.kernel.constant_arguments

    def _join(self, buffer: SSAValue, dim: int) -> None:
        """Dimensions dim and dim + 1 of a row-major buffer become one, in every access of it."""
        shape = self.shapes[buffer]
        inner = shape[dim + 1]
        shape[dim : dim + 2] = [shape[dim] * inner]
        for nest in self.nests:
            for i, access in enumerate(nest.accesses):
                if nest.buffers[i] is buffer:
                    results = list(access.results)
                    results[dim : dim + 2] = [results[dim] * inner + results[dim + 1]]
                    nest.accesses[i] = AffineMap(access.num_dims, 0, tuple(results))

    def _retype(self) -> None:
        """Gives every buffer, and every nest that writes it, its merged shape."""
        for value, shape in list(self.shapes.items()):
            assert isinstance(value.type, TensorType)
            merged = TensorType(value.type.element_type, shape)
            if merged != value.type:
                Rewriter.replace_value_with_new_type(value, merged)
        for nest in self.nests:
            if nest.op.res.type != nest.op.init.type:
                Rewriter.replace_value_with_new_type(nest.op.res, nest.op.init.type)
        self.kernel.update_type()
