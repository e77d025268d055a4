"""What import rules work with: emitting nn ops, and folding the integer arithmetic that computes shapes.

Exporters compute shapes with ordinary nodes (Shape, Gather, Mul, Concat, ...). `Context.emit` therefore
evaluates an op at once when all its operands are constants and its result is an integer tensor or tiny, with
the dialect's own reference interpretation. Float weights are not folded: that stays visible in the IR."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Protocol

import numpy as np
from onnx import GraphProto
from xdsl.dialects import func
from xdsl.dialects.builtin import LocationAttr, ModuleOp, NameLoc, StringAttr, TensorType, UnknownLoc
from xdsl.interpreter import Interpreter
from xdsl.ir import Block, Operation, Region, SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .names import shortened
from .node import Value
from .reader import Source
from .tensors import MAX_ELEMENTS, MAX_RANK

MAX_FOLDED_INTEGERS = 2**20
MAX_FOLDED_FLOATS = 16
MAX_SOURCES = 256
MAX_HINT = 64

MAX_MADE = 2**28
"""Elements of all the arrays that rules make themselves, masks or positions: a few bytes of a file would ask
for any amount of memory."""


class Subgraphs(Protocol):
    """Imports graphs that belong to the node being imported."""

    def subgraph(
        self, graph: GraphProto, arguments: Sequence[Value], label: str, captured: Mapping[str, Value | None]
    ) -> list[Value]: ...

    def captures(self, graph: GraphProto) -> dict[str, Value | None]: ...


class Context:
    """The block under construction, the weight store and the node that is being imported.

    `opset` is that of the node: the body of a function may be written in another than the model's."""

    def __init__(self, block: Block, store: nn.WeightStore, source: Source, inputs: dict[SSAValue, str]):
        self.block, self.store, self.source, self.inputs = block, store, source, inputs
        self.functions: list[func.FuncOp] = []
        self.weights: set[str] = set()
        self.opset = 0
        self.made = 0
        self.node_name = ""
        self.location: LocationAttr = UnknownLoc()
        self.graphs: Subgraphs

    def enter(self, node_name: str) -> None:
        """Ops emitted from here on come from the ONNX node `node_name`."""
        self.node_name = shortened(node_name)
        self.location = NameLoc(StringAttr(self.node_name), UnknownLoc())

    def subgraph(
        self,
        graph: GraphProto,
        arguments: Sequence[Value],
        label: str = "",
        captured: Mapping[str, Value | None] | None = None,
    ) -> list[Value]:
        """The outputs of a graph that is an attribute of the node, for the inputs `arguments`, emitted here.
        `label` distinguishes several of the node in locations; `captured` stands for what the graph reads
        from those around it."""
        return self.graphs.subgraph(graph, arguments, label, captured or {})

    def captures(self, graph: GraphProto) -> dict[str, Value | None]:
        """What a graph that is an attribute of the node reads from the graphs around it."""
        return self.graphs.captures(graph)

    def emit(self, op: Operation) -> SSAValue:
        """Append `op` and return its result, folded to a constant where that is shape arithmetic."""
        result = op.results[0]
        _check_rank(result)
        if isinstance(op, nn.NNOperation):
            op.check_elements()
        elements = math.prod(shape_of(result))
        if elements > MAX_ELEMENTS:
            raise TenonError(f"result shape {list(shape_of(result))} is larger than {MAX_ELEMENTS} elements")
        if _is_foldable(dtype_of(result), elements):
            arrays = [self.array(operand) for operand in op.operands]
            known = [array for array in arrays if array is not None]
            if len(known) == len(arrays):
                return self._folded(op, tuple(known))
        op.location = self.location
        self.block.add_op(op)
        return result

    def _folded(self, op: Operation, arrays: tuple[np.ndarray, ...]) -> SSAValue:
        """The result as a constant; a weight that is only rearranged or scaled keeps its name."""
        (result,) = self._interpreter.run_op(op, arrays)
        constants = [value.owner for value in op.operands if rank_of(value)]
        places = [c.location for c in constants if isinstance(c, Operation) and _name(c) in self.weights]
        op.erase()
        made = self.constant(result)
        if len(places) == 1 and result.ndim and isinstance(made.owner, Operation):
            made.owner.location = places[0]
        return made

    def emit_all(self, op: Operation) -> list[SSAValue]:
        """Append `op`, which may have several results."""
        for result in op.results:
            _check_rank(result)
        op.location = self.location
        self.block.add_op(op)
        return list(op.results)

    def function(
        self, stem: str, types: Sequence[TensorType], body: Callable[..., Sequence[SSAValue]]
    ) -> func.FuncOp:
        """A private function of the module: `body` takes its arguments, emits into it and returns its
        results. `stem` is the beginning of its name."""
        outer, self.block = self.block, Block(arg_types=types)
        try:
            results = body(*self.block.args)
            self.emit_all(func.ReturnOp(*results))
            name = f"{name_hint(stem) or 'body'}_{len(self.functions)}"
            signature = list(types), [result.type for result in results]
            made = func.FuncOp(name, signature, Region(self.block), visibility="private")
        finally:
            self.block = outer
        self.functions.append(made)
        return made

    def constant(self, array: np.ndarray) -> SSAValue:
        """A constant: in the IR when small, in the weight store otherwise."""
        op = nn.constant(self.store, array)
        op.location = self.location
        self.block.add_op(op)
        return op.results[0]

    def weight(self, array: np.ndarray) -> SSAValue:
        """A constant that the file holds, named by what is being imported."""
        self.weights.add(self.node_name)
        return self.constant(array)

    def sized(self, *shape: int) -> tuple[int, ...]:
        """The shape of an array that a rule is about to make: nothing of a size that no model has."""
        self.made += math.prod(max(n, 1) for n in shape)
        if min(shape, default=0) < 0 or self.made > MAX_MADE:
            raise TenonError(f"needs an array of shape {list(shape)}, at most {MAX_MADE} elements are made")
        return shape

    def scalar_like(self, value: float, like: SSAValue) -> SSAValue:
        """A rank-0 constant of the element type of `like`: a parameter of an elementwise op."""
        dtype = dtype_of(like)
        try:
            return self.constant(np.asarray(value, dtype))
        except (OverflowError, ValueError):
            raise TenonError(f"parameter {value} does not fit the element type {dtype}") from None

    def array(self, value: SSAValue) -> np.ndarray | None:
        """The numpy value of a constant, None for anything else."""
        if not isinstance(value.owner, nn.ConstantOp):
            return None
        constant = value.owner.value
        return self.store.get(constant) if isinstance(constant, nn.WeightAttr) else nn.dense_array(constant)

    def integers(self, value: SSAValue, role: str) -> list[int]:
        """A compile-time integer tensor as a flat list; `role` names it in the error."""
        array = self.known(value, role)
        if array.dtype.kind not in "iu":
            raise TenonError(f"{role} must be integers, got {array.dtype}")
        return [int(item) for item in array.reshape(-1)]

    def number(self, value: SSAValue, role: str) -> float | int:
        """A compile-time scalar."""
        array = self.known(value, role)
        if array.size != 1:
            raise TenonError(f"{role} must be one number, got shape {list(array.shape)}")
        return array.reshape(()).item()

    def integer(self, value: SSAValue, role: str) -> int:
        """A compile-time whole number; some operands may be floats."""
        number = self.number(value, role)
        if not math.isfinite(number) or number != int(number):
            raise TenonError(f"{role} is {number}, expected a whole number")
        return int(number)

    def known(self, value: SSAValue, role: str) -> np.ndarray:
        """The array of a compile-time value; `role` names it in the error, which names the inputs of the
        model that would have to be bound to constants."""
        array = self.array(value)
        if array is not None:
            return array
        names = self._sources(value)
        if not names:
            raise TenonError(f"{role} must be known at compile time")
        listed, options = ", ".join(map(repr, names)), " ".join(f"--constant {n}=FILE.npy" for n in names)
        raise TenonError(
            f"{role} must be known at compile time but depends on input {listed}: bind it ({options})"
        )

    def _sources(self, value: SSAValue) -> list[str]:
        """The inputs `value` is computed from, as far as a short walk finds them: a hint for an error."""
        pending, seen, found = [value], {value}, []
        while pending and len(seen) < MAX_SOURCES:
            one = pending.pop()
            if one in self.inputs:
                found.append(self.inputs[one])
            new = [v for v in getattr(one.owner, "operands", ()) if v not in seen]
            seen.update(new)
            pending += new
        return found if not pending and len(found) <= 3 else []

    @cached_property
    def _interpreter(self) -> Interpreter:
        from ...dialects.reference import interpreter

        return interpreter(ModuleOp([]), self.store)

    # Shorthands of the rules: each emits one op.
    def elementwise(self, fn: str, *operands: SSAValue) -> SSAValue:
        return self.emit(nn.ElementwiseOp(fn, *operands))

    def reshape(self, x: SSAValue, shape: Sequence[int]) -> SSAValue:
        return x if tuple(shape) == shape_of(x) else self.emit(nn.ReshapeOp(x, shape))

    def reduce(self, kind: str, x: SSAValue, axes: Sequence[int], keepdims: bool = True) -> SSAValue:
        return self.emit(nn.ReduceOp(kind, x, axes=axes, keepdims=keepdims)) if axes else x

    def cast(self, x: SSAValue, like: SSAValue) -> SSAValue:
        """`x` with the element type of `like`."""
        element_type = tensor_type(like).element_type
        return x if tensor_type(x).element_type == element_type else self.emit(nn.CastOp(x, element_type))

    def fold(self, operands: Sequence[SSAValue], fn: Callable[..., np.ndarray], role: str) -> SSAValue:
        """`fn` of compile-time operands, for index arithmetic that has no nn op."""
        return self.constant(np.asarray(fn(*(self.known(operand, role) for operand in operands))))


def tensor_type(value: SSAValue) -> TensorType:
    """The tensor type of `value`; every value the importer makes has one."""
    assert isinstance(value.type, TensorType)
    return value.type


def shape_of(value: SSAValue) -> tuple[int, ...]:
    return tensor_type(value).get_shape()


def rank_of(value: SSAValue) -> int:
    return len(shape_of(value))


def _check_rank(result: SSAValue) -> None:
    if rank_of(result) > MAX_RANK:
        raise TenonError(f"result has rank {rank_of(result)}, expected at most {MAX_RANK}")


def dtype_of(value: SSAValue) -> np.dtype:
    return nn.numpy_dtype(tensor_type(value).element_type)


def normalized_axis(axis: int, rank: int) -> int:
    """`axis` counted from the front; negative ones count from the back."""
    if not -rank <= axis < rank:
        raise TenonError(f"axis {axis} is outside the rank {rank}")
    return axis % rank if rank else 0


def normalized_axes(axes: Sequence[int], rank: int) -> list[int]:
    """Axes counted from the front, sorted, each once."""
    result = sorted({normalized_axis(axis, rank) for axis in axes})
    if len(result) != len(axes):
        raise TenonError(f"axes {list(axes)} name one axis twice")
    return result


def name_hint(name: str) -> str | None:
    """`name` as an SSA name: other characters become `_`; None where nothing usable is left."""
    hint = re.sub(r"[^A-Za-z0-9_]+", "_", name[:MAX_HINT]).strip("_")
    if not hint:
        return None
    return hint if not hint[0].isdigit() else f"v{hint}"


def _name(op: Operation) -> str | None:
    return op.location.desc.data if isinstance(op.location, NameLoc) else None


def _is_foldable(dtype: np.dtype, elements: int) -> bool:
    return elements <= (MAX_FOLDED_INTEGERS if dtype.kind in "iub" else MAX_FOLDED_FLOATS)
