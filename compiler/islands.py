"""The integer islands of a quantized model, cut out as a model of their own.

An island is what lies between floats: ops whose results every path has to compute bit for bit. Their float
neighbours (a softmax, a norm) may differ in the last place from machine to machine, and an integer rounded
from such a float by a step, so islands are compared on equal inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.dialects import func
from xdsl.dialects.builtin import (
    ArrayAttr,
    DictionaryAttr,
    FunctionType,
    IntegerType,
    ModuleOp,
    NameLoc,
    StringAttr,
)
from xdsl.ir import Block, Operation, SSAValue

from ..dialects import nn, qnn
from ..dialects.errors import TenonError
from .model import NAME_ATTRIBUTE, Model
from .pipeline import context, parse_pipeline

APPROXIMATE = (qnn.SoftmaxOp, qnn.SimulatedQuantizeOp, qnn.SimulatedDequantizeOp)
"""Ops on quantized tensors that compute floats at run time."""


@dataclass(frozen=True)
class Cut:
    """A model whose outputs are results of `ops`, by name."""

    model: Model
    ops: list[str]


@dataclass(frozen=True)
class Islands:
    """`fused` computes all islands side by side, and returns what leaves them; `returned` returns every value
    in them. `before` computes their inputs from those of the whole model."""

    before: Model
    fused: Cut
    returned: Cut


def cut_islands(model: Model) -> Islands:
    """The islands of an imported model. Raises TenonError for one that has none."""
    whole = _with_integers(model)
    known = nn.compile_time_values(whole.module.walk())
    exact = {
        op: None
        for op in whole.main.body.block.ops
        if not known.issuperset(op.results) and is_exact(op, known)
    }
    if not any(isinstance(op, qnn.QnnOperation) for op in exact):
        raise TenonError("the model has no quantized ops")
    inside = {result: None for op in exact for result in op.results}
    read = dict.fromkeys(value for op in exact for value in op.operands)
    entering = [value for value in read if value not in inside and value not in known]
    leaving = [value for value in inside if any(use.operation not in exact for use in value.uses)]
    cuts = [
        Cut(_copy(whole, values, entering), [value.owner.name for value in values])  # pyright: ignore
        for values in (leaving, list(inside))
    ]
    return Islands(_copy(whole, entering), *cuts)


def is_exact(op: Operation, known: set[SSAValue]) -> bool:
    """Whether every path has to compute the same bits: ops on quantized tensors, but for floats computed at
    run time, and any op on integers. `known` are the compile-time values."""
    if isinstance(op, APPROXIMATE):
        return False
    if isinstance(op, qnn.ElementwiseOp):  # a table, made when the model is compiled
        return known.issuperset(op.operands[1:])
    if isinstance(op, qnn.QnnOperation):
        return True
    values = [*op.operands, *op.results]
    return (
        isinstance(op, nn.NNOperation)
        and not isinstance(op, nn.ScanOp)
        and all(isinstance(nn.tensor_of(value).element_type, IntegerType) for value in values)
    )


def _with_integers(model: Model) -> Model:
    """A copy in which what is computed on integers is."""
    module = model.module.clone()
    assert isinstance(module, ModuleOp)
    for one in parse_pipeline("canonicalize,qdq-to-integer"):
        one.apply(context(), module)
    return Model(module, model.store)


def _copy(whole: Model, results: Sequence[SSAValue], given: Sequence[SSAValue] | None = None) -> Model:
    """A copy that computes `results`, from the values `given` (default: its inputs), and nothing else."""
    copies: dict[SSAValue, SSAValue] = {}
    module = whole.module.clone(copies)
    assert isinstance(module, ModuleOp)
    copy = Model(module, whole.store)
    main, block = copy.main, copy.main.body.block
    if given is not None:
        inputs = list(block.args)
        for value in given:
            copies[value].replace_all_uses_with(block.insert_arg(value.type, len(block.args)))
    _return(block, [copies[value] for value in results])
    if given is not None:
        for argument in inputs:
            block.erase_arg(argument)
        main.arg_attrs = _attributes(given)
    main.res_attrs = _attributes(results)
    types = [argument.type for argument in block.args], [value.type for value in results]
    main.function_type = FunctionType.from_lists(*types)
    return copy


def _return(block: Block, values: Sequence[SSAValue]) -> None:
    """Has `block` return `values` instead of what it returned, without ops that nobody needs then."""
    end = block.last_op
    assert isinstance(end, func.ReturnOp)
    end.detach()
    end.erase()
    block.add_op(func.ReturnOp(*values))
    for op in reversed(list(block.ops)):
        if op is not block.last_op and not any(result.first_use for result in op.results):
            op.detach()
            op.erase()


def _names(values: Sequence[SSAValue]) -> list[str]:
    """A name for each: of the node it came from, numbered where several values have it."""
    found: list[str] = []
    for value in values:
        place = value.owner.location if isinstance(value.owner, Operation) else None
        base = place.desc.data if isinstance(place, NameLoc) else "input"
        name, count = base, 1
        while name in found:
            count += 1
            name = f"{base}, {count}"
        found.append(name)
    return found


def _attributes(values: Sequence[SSAValue]) -> ArrayAttr[DictionaryAttr]:
    return ArrayAttr([DictionaryAttr({NAME_ATTRIBUTE: StringAttr(name)}) for name in _names(values)])
