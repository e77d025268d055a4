"""Makes a model return every value it computes, for who wants to look inside the native code."""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FunctionType, StringAttr
from xdsl.ir import SSAValue

from .model import NAME_ATTRIBUTE, Model


def expose(model: Model) -> Model:
    """A copy of an imported model whose outputs are followed by every other named value that depends on
    an input, in program order. Values that are returned cannot vanish into a kernel: what is compiled
    computes the same, but is fused less than the model itself."""
    copy = model.copied()
    main = copy.main
    end = main.body.block.last_op
    assert isinstance(end, func.ReturnOp)
    names = [port.name for port in copy.outputs]
    taken = {*names, *(port.name for port in copy.inputs)}
    found = runtime_values(copy)
    added = {name: value for name, value in copy.values.items() if name not in taken and value in found}
    order = {op: index for index, op in enumerate(main.body.block.ops)}
    ranked = sorted(added.items(), key=lambda item: order.get(item[1].owner, -1))  # pyright: ignore
    results = [*end.operands, *(value for _, value in ranked)]
    end.detach()
    end.erase()
    main.body.block.add_op(func.ReturnOp(*results))
    types = list(main.function_type.inputs), [value.type for value in results]
    main.function_type = FunctionType.from_lists(*types)
    named = [*names, *(name for name, _ in ranked)]
    main.res_attrs = ArrayAttr([DictionaryAttr({NAME_ATTRIBUTE: StringAttr(name)}) for name in named])
    return copy


def runtime_values(model: Model) -> set[SSAValue]:
    """The values of @main's block that depend on an argument."""
    found: set[SSAValue] = set(model.main.body.block.args)
    for op in model.main.body.block.ops:
        if any(operand in found for inner in op.walk() for operand in inner.operands):
            found.update(op.results)
    return found
