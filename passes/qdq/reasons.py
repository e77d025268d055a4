"""Why ops of a quantized program stay float: as an attribute of each, and as a list on the module."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from xdsl.dialects.builtin import AnyFloat, ArrayAttr, DictionaryAttr, ModuleOp, NameLoc, StringAttr
from xdsl.ir import Operation, SSAValue

from ...dialects import nn, qnn
from .affine import element_of

ATTRIBUTE = "qnn.stays_float"

MOVING = (
    nn.ReshapeOp, nn.TransposeOp, nn.SliceOp, nn.PadOp, nn.BroadcastOp, nn.ConcatOp, nn.GatherOp,
    nn.GatherElementsOp,
)  # fmt: skip
"""Ops that compute nothing: whether they move floats or integers is no one's concern."""


def is_quantized(module: ModuleOp) -> bool:
    return any(isinstance(op, qnn.QnnOperation) for op in module.walk())


def mark(
    module: ModuleOp, ops: Iterable[Operation], known: set[SSAValue], reasons: Mapping[Operation, str]
) -> None:
    """Writes on every op that computes floats at run time why it does, and adds it to the module's list."""
    found: list[DictionaryAttr] = []
    for op in ops:
        if op.parent is None or not _computes(op) or op.results[0] in known:
            continue
        reason = _refined(op, reasons.get(op) or _default(op))
        op.attributes[ATTRIBUTE] = StringAttr(reason)
        name = op.location.desc.data if isinstance(op.location, NameLoc) else ""
        kind = getattr(op, "KIND", None)
        text = op.name + (f" {op.properties[kind].data}" if kind else "")  # pyright: ignore
        row = {"node": name, "op": text, "reason": reason}
        found.append(DictionaryAttr({key: StringAttr(value) for key, value in row.items()}))
    if found:
        before = module.attributes.get(ATTRIBUTE, ArrayAttr([]))
        assert isinstance(before, ArrayAttr)
        module.attributes[ATTRIBUTE] = ArrayAttr([*before, *found])


def _computes(op: Operation) -> bool:
    """A single number is a parameter, as a rule, or made on the way to one."""
    computing = isinstance(op, nn.NNOperation) and not isinstance(op, (qnn.QnnOperation, *MOVING))
    floats = any(_is_float(value) for value in (*op.results, *op.operands))
    return computing and floats and bool(nn.tensor_of(op.results[0]).get_shape())


def _is_float(value: SSAValue) -> bool:
    return isinstance(element_of(value), AnyFloat)


def _default(op: Operation) -> str:
    """Of an op that no rule has looked at."""
    read = any(isinstance(value.owner, qnn.DequantizeOp) for value in op.operands)
    written = any(isinstance(use.operation, qnn.QuantizeOp) for use in op.results[0].uses)
    if written:
        return "its operands are not quantized"
    return "its result is not quantized" if read else "neither its operands nor its result are quantized"


def _refined(op: Operation, reason: str) -> str:
    """Says of an operand that is dequantized, but not as integers are known for, what is wrong with it."""
    for index, value in enumerate(op.operands):
        if reason == f"operand {index} is not quantized" and isinstance(value.owner, qnn.DequantizeOp):
            return f"operand {index} is dequantized {_how(value.owner)}"
    return reason


def _how(op: qnn.DequantizeOp) -> str:
    if op.value_of("block"):
        return "in blocks"
    if not (nn.is_compile_time(op.s) and nn.is_compile_time(op.zp)):
        return "with parameters known at run time only"
    return f"to {element_of(op.result)}"


def reasons_of(module: ModuleOp) -> Sequence[Mapping[str, str]]:
    """The list that a module carries, as rows of node, op and reason."""
    listed = module.attributes.get(ATTRIBUTE, ArrayAttr([]))
    assert isinstance(listed, ArrayAttr)
    return [{key: text.data for key, text in row.data.items()} for row in listed]  # pyright: ignore
