"""What a compiled model runs, one step after another, and the work of each."""

from __future__ import annotations

from dataclasses import dataclass

from xdsl.dialects import memref, scf
from xdsl.dialects.builtin import ModuleOp, NameLoc
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from ..dialects.tensorized import CallOp, KernelOp, kernels
from ..passes.materialize_weights import MARK
from ..targets.llvm.aliasing import byte_size
from ..targets.llvm.timed import timed_ops
from ..targets.operations import Work, trip_count, work_of


@dataclass(frozen=True)
class Step:
    """What @main runs: a kernel or a copy, its nodes, the work of one execution, and how often it runs.
    `weights`: how many of the work's bytes are weights."""

    kernel: str
    nodes: tuple[str, ...]
    work: Work
    times: int
    weights: int = 0


COPY = "copy"
"""The kernel of a step that is a copy."""


def steps_of(module: ModuleOp) -> list[Step]:
    """The steps of a lowered module in the order they run."""
    by_name = {kernel.sym_name.data: kernel for kernel in kernels(module)}
    works = {name: work_of(kernel) for name, kernel in by_name.items()}
    inner = {name: node_names(kernel) for name, kernel in by_name.items()}
    main = main_of(module)
    weights = _weights(main)
    steps: list[Step] = []
    for op in timed_ops(main):
        own = (op.location.desc.data,) if isinstance(op.location, NameLoc) else ()
        if not isinstance(op, CallOp):
            steps.append(Step(COPY, own, _copied(op), _repeats(op)))
            continue
        name = op.kernel.root_reference.data
        work = works[name]
        # A kernel carries the names of the nodes it was made for; other calls of it have their own.
        nodes = inner[name] if set(own) <= set(inner[name]) else own
        read = sum(byte_size(value) for value in op.arguments if _buffer(value) is weights)
        steps.append(Step(name, nodes, work, _repeats(op), min(read, work.bytes)))
    return steps


def main_of(module: ModuleOp) -> FuncOp:
    """The function that computes the model."""
    return next(op for op in module.ops if isinstance(op, FuncOp) and op.sym_name.data == "main")


def node_names(kernel: KernelOp) -> tuple[str, ...]:
    """The ONNX nodes that a kernel's ops came from, each once, in order."""
    locations = (op.location for op in kernel.walk())
    return tuple(dict.fromkeys(place.desc.data for place in locations if isinstance(place, NameLoc)))


def _weights(main: FuncOp) -> SSAValue | None:
    """The argument with the weights."""
    marks = main.arg_attrs or ()
    return next((a for a, mark in zip(main.body.block.args, marks) if MARK in mark.data), None)


def _buffer(value: SSAValue) -> SSAValue:
    """What a view is a view of."""
    while isinstance(value.owner, memref.ViewOp):
        value = value.owner.source
    return value


def _copied(op: Operation) -> Work:
    return Work(0, 2 * byte_size(op.source)) if isinstance(op, memref.CopyOp) else Work(0, 0)


def _repeats(op: Operation) -> int:
    """How often an op of @main runs."""
    times, parent = 1, op.parent_op()
    while isinstance(parent, scf.ForOp):
        times, parent = times * trip_count(parent), parent.parent_op()
    return times
