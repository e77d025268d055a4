"""Any function of one tensor of bytes is a table of 256 results, computed when the model is compiled.

The table is what the floats say: dequantize, the functions one after the other, quantize, for every byte. It
is a constant expression, read at the byte's own bits: for i8 the negative ones stand behind the others, where
nn.gather finds them.
"""

from __future__ import annotations

from collections.abc import Sequence

from xdsl.ir import Operation, SSAValue

from ...dialects import nn, qnn
from ..graph_builder import GraphBuilder
from .affine import Affine, Facts, Target, element_of

MOST_FUNCTIONS = 64
"""A longer chain stays float."""


def table_of(new: GraphBuilder, value: SSAValue, facts: Facts, to: Target) -> SSAValue | str:
    """`value` quantized as `to`, read from a table; or why it is no function of one quantized tensor."""
    found = _functions(value, facts)
    if isinstance(found, str):
        return found
    functions, argument = sorted(found[0], key=facts.order.__getitem__), found[1]
    if len(functions) == 1 and _is_direct(functions[0], facts):
        only = functions[0]
        parameters = [new.reshape(number, ()) for number in only.inputs[1:]]
        ends = (*argument.parameters(), to.scale, to.zero_point)
        modes = {"rounding": to.rounding, "nan": to.nan, "range": to.range}
        return new(qnn.ElementwiseOp(only.fn.data, argument.q, *ends, *parameters, **modes))
    table = to.quantized(new, _evaluated(new, functions, argument, facts))
    return new(nn.GatherOp(table, [argument.q], axis=0))


def _is_direct(op: nn.ElementwiseOp, facts: Facts) -> bool:
    """Whether it is a function of its first operand alone, the others being numbers."""
    rest = all(facts.is_number(operand) for operand in op.inputs[1:])
    return rest and not facts.is_number(op.inputs[0]) and op.function.rule in ("number", "float")


def _functions(value: SSAValue, facts: Facts) -> tuple[list[nn.ElementwiseOp], Affine] | str:
    """The elementwise ops that make `value` of one tensor of bytes, and that tensor."""
    found: dict[Operation, nn.ElementwiseOp] = {}
    argument: Affine | None = None
    pending = [value]
    while pending:
        current = pending.pop()
        owner = current.owner
        if isinstance(owner, nn.ElementwiseOp) and not facts.is_number(current):
            found[owner] = owner
            pending += [operand for operand in owner.inputs if operand.owner not in found]
            if len(found) > MOST_FUNCTIONS:
                return f"it ends a chain of more than {MOST_FUNCTIONS} functions"
        elif not facts.is_number(current):
            known = facts.affine.get(current)
            if reason := _unfit(known, argument):
                return reason
            argument = known
    if argument is None or nn.tensor_of(value).get_shape() != nn.tensor_of(argument.q).get_shape():
        return "it repeats its operand"
    return list(found.values()), argument


def _unfit(found: Affine | None, before: Affine | None) -> str:
    """Why a table has no such argument, beside the one found `before`."""
    if found is None:
        return "an operand is not quantized"
    if not found.is_byte:
        return f"its operand is {element_of(found.q)}: a table has 256 entries"
    if not found.per_tensor:
        return "its operand has parameters per channel"
    if before is not None and not (found.q is before.q and found.alike(before)):
        return "it has two quantized operands, and no integer form"
    return ""


def _evaluated(
    new: GraphBuilder, functions: Sequence[nn.ElementwiseOp], argument: Affine, facts: Facts
) -> SSAValue:
    """What the functions make of every byte, [256]."""
    element = element_of(argument.q)
    codes = new.cast(new(nn.IotaOp(256)), qnn.ui8)
    if element != qnn.ui8:
        codes = new(nn.BitcastOp(codes, element))
    floats = argument.moved(codes).dequantized(new)
    values: dict[SSAValue, SSAValue] = {}
    for op in functions:
        operands = [new.reshape(v, ()) if facts.is_number(v) else values.get(v, floats) for v in op.inputs]
        copy = nn.ElementwiseOp(op.fn.data, *operands)
        copy.location = op.location
        values[op.result] = new(copy)
    return values[functions[-1].result]
