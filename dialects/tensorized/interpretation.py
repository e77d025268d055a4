"""Meaning of the tensor level: nests, packing, kernels and their calls, on numpy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from xdsl.dialects import arith
from xdsl.dialects.builtin import ShapedType
from xdsl.interpreter import (
    Interpreter,
    InterpreterFunctions,
    ReturnedValues,
    impl,
    impl_terminator,
    register_impls,
)
from xdsl.ir import Attribute, Block
from xdsl.utils.exceptions import InterpretationError

from ..nn.base import tensor_of
from ..nn.dtypes import numpy_dtype
from ..reference.access import read, write
from ..reference.nest import evaluate_nest
from ..reference.scalar import EVALUATIONS, captured_values
from ..reference.tensor import unwritten
from .buffers import EmptyOp, IotaOp, PackOp
from .call import CallOp
from .contract import ContractOp
from .instruction import InstructionOp, YieldOp
from .lookup import LookupOp
from .nest import GenericOp, loop_extents
from .transform import TransformOp

Arrays = tuple[Any, ...]


@register_impls
class KernelFunctions(InterpreterFunctions):
    def __init__(self) -> None:
        self._bodies: dict[InstructionOp, Block] = {}

    @impl_terminator(YieldOp)
    def run_yield(self, interpreter: Interpreter, op: YieldOp, args: Arrays):
        return ReturnedValues(args), ()

    @impl(GenericOp)
    def generic(self, interpreter: Interpreter, op: GenericOp, args: Arrays):
        block = op.body.block
        captured = {value: interpreter.get_values((value,))[0] for value in captured_values(block)}
        return (evaluate_nest(op.extents, op.kinds, op.accesses, args, block, captured),)

    @impl(LookupOp)
    def lookup(self, interpreter: Interpreter, op: LookupOp, args: Arrays):
        return (looked_up(op, *args),)

    @impl(IotaOp)
    def iota(self, interpreter: Interpreter, op: IotaOp, args: Arrays):
        return (np.arange(tensor_of(op.res).get_shape()[0], dtype=np.int64),)

    @impl(ContractOp)
    def contract(self, interpreter: Interpreter, op: ContractOp, args: Arrays):
        body = self._body(op.declaration())
        return (evaluate_nest(op.extents, op.kinds, op.accesses, args, body),)

    def _body(self, instruction: InstructionOp) -> Block:
        """The instruction's body with its accumulator last, as a nest has its init."""
        if instruction not in self._bodies:
            block = instruction.body.clone().block
            accumulator = block.args[instruction.accumulator.data]
            last = block.insert_arg(accumulator.type, len(block.args))
            accumulator.replace_all_uses_with(last)
            block.erase_arg(accumulator)
            self._bodies[instruction] = block
        return self._bodies[instruction]

    @impl(TransformOp)
    def transform(self, interpreter: Interpreter, op: TransformOp, args: Arrays):
        element = tensor_of(op.res).element_type
        body = _sum_of_products(element, len(args))
        return (evaluate_nest(op.extents, op.kinds, op.accesses, args, body),)

    @impl(PackOp)
    def pack(self, interpreter: Interpreter, op: PackOp, args: Arrays):
        extents, result_type = loop_extents(op.loops), tensor_of(op.res)
        result = np.zeros(result_type.get_shape(), numpy_dtype(result_type.element_type))
        write(result, op.result_map.data, extents, read(args[0], op.source_map.data, extents))
        return (result,)

    @impl(EmptyOp)
    def empty(self, interpreter: Interpreter, op: EmptyOp, args: Arrays):
        shape, element = tensor_of(op.res).get_shape(), tensor_of(op.res).element_type
        if op.fill is None:
            return (unwritten(shape, element),)
        return (np.full(shape, op.fill.value.data, numpy_dtype(element)),)

    @impl(CallOp)
    def call(self, interpreter: Interpreter, op: CallOp, args: Arrays):
        kernel = op.callee()
        inputs, outputs = list(kernel.function_type.inputs), list(kernel.function_type.outputs)
        given = [reshaped(array, type_) for array, type_ in zip(args, inputs, strict=False)]
        made = interpreter.run_ssacfg_region(kernel.body, tuple(given), kernel.sym_name.data)
        if op.results:
            return tuple(reshaped(array, result.type) for array, result in zip(made, op.results, strict=True))
        # The destinations come last. A kernel still on tensors returns what belongs there; one on memrefs
        # has written there itself.
        for array, destination, type_ in zip(made, args[len(inputs) :], outputs, strict=True):
            reshaped(destination, type_)[...] = array
        return ()


def _sum_of_products(element: Attribute, operands: int) -> Block:
    """The body of a transform: the accumulator, its last operand, plus the product of the others."""
    block = Block(arg_types=[element] * operands)
    x, *matrices, accumulator = block.args
    factor = matrices[0]
    for matrix in matrices[1:]:
        block.add_op(product := arith.MulfOp(factor, matrix))
        factor = product.result
    block.add_op(product := arith.MulfOp(x, factor))
    block.add_op(total := arith.AddfOp(accumulator, product.result))
    block.add_op(YieldOp(total.result))
    return block


def looked_up(op: LookupOp, table: np.ndarray, *indices: np.ndarray) -> np.ndarray:
    """Elements of `table`, seen in the shape that the op gives it."""
    for index, extent in zip(indices, op.view, strict=True):
        if (outside := index[(index < 0) | (index >= extent)]).size:
            raise InterpretationError(f"tensorized.lookup: position {outside.flat[0]} of {extent} elements")
    return table.reshape(op.view)[tuple(indices)]


EVALUATIONS[LookupOp] = looked_up


def reshaped(array: np.ndarray, type_: Attribute) -> np.ndarray:
    """The same memory in the shape of `type_`."""
    assert isinstance(type_, ShapedType)
    view = array.reshape(type_.get_shape())
    if not np.shares_memory(view, array) and array.size:
        raise InterpretationError(f"an array of strides {array.strides} is no buffer of {type_}")
    return view
