"""scf.parallel and scf.if in LLVM text.

The body of a parallel loop becomes two functions: `tenon.part`, which takes the kernel's arguments as the
kernel does, so that LLVM knows the same of them, and the number of a part; and `tenon.task`, which the pool
calls, and which finds those arguments in a context that the kernel has filled.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from xdsl.dialects import scf
from xdsl.ir import BlockArgument, Operation, SSAValue

from ...dialects.errors import TenonError
from .body import Rules, emit_ops
from .function import FunctionText, symbol
from .instruction import location
from .names import POOL
from .runtime import PARALLEL
from .scalar import constant_of


def emit_parallel(function: FunctionText, op: scf.ParallelOp, rules: Rules) -> None:
    """Runs all parts on the pool. The body may use arguments of the kernel and constants."""
    counts = _counts(op)
    if any(isinstance(outer, scf.ParallelOp) for outer in around(op)):
        raise TenonError(f"scf.parallel{location(op)}: stands in another one")
    number = len(function.outlined)
    part, task = (symbol(f"tenon.{kind}.{number}.{function.name}") for kind in ("part", "task"))
    names = list(function.parameters)
    typed = list(function.parameters.values())
    body = _part(function, op, counts, rules)
    context = f"{{ {', '.join(['ptr'] * len(names))} }}"
    function.outlined.append(
        "\n".join(
            [
                f"define internal void {part}({', '.join([*typed, 'i64 %tenon.part'])}) #0 {{",
                *body,
                "}",
                "",
                f"define internal void {task}(ptr %tenon.context, i64 %tenon.part) #0 {{",
                *_unpacked(context, names),
                f"  call void {part}({', '.join([*(f'ptr {name}' for name in names), 'i64 %tenon.part'])})",
                "  ret void",
                "}",
            ]
        )
    )
    place = function.let_at(0, f"alloca {context}")
    for i, name in enumerate(names):
        at = function.let(f"getelementptr {context}, ptr {place}, i64 0, i32 {i}")
        function.line(f"store ptr {name}, ptr {at}")
    function.declare("void", PARALLEL, ["ptr", "ptr", "ptr", "i64"])
    function.line(f"call void @{PARALLEL}(ptr {POOL}, ptr {task}, ptr {place}, i64 {prod(counts)})")


def _counts(op: scf.ParallelOp) -> list[int]:
    """The iterations of each loop, which counts from 0 by 1."""
    bounds = [[constant_of(v) for v in values] for values in (op.lowerBound, op.upperBound, op.step)]
    low, high, step = bounds
    if op.initVals or any(n != 0 for n in low) or any(n != 1 for n in step):
        raise TenonError(f"scf.parallel{location(op)}: expected loops from 0 by 1, without results")
    counts = [n for n in high if isinstance(n, int)]
    if len(counts) < len(high):
        raise TenonError(f"scf.parallel{location(op)}: its bounds are not constants")
    return counts


def _part(outer: FunctionText, op: scf.ParallelOp, counts: list[int], rules: Rules) -> list[str]:
    """The lines of the body, as a function of its own."""
    function = FunctionText(outer.declarations, outer.features)
    function.tiles = outer.tiles
    for value in _captured(op):
        if value in outer.constants:
            function.constants[value] = outer.constants[value]
        elif not isinstance(value, BlockArgument) or value not in outer.alignment:
            raise TenonError(
                f"scf.parallel{location(op)}: uses a value of its kernel that is no argument and no constant"
            )
        else:
            function.alignment[value] = outer.alignment[value]
            function.unwritten |= {value} & outer.unwritten
        function.values[value] = outer.values[value]
    for i, index in enumerate(op.body.block.args):
        inside = prod(counts[i + 1 :])
        number = "%tenon.part" if inside == 1 else function.let_at(0, f"udiv i64 %tenon.part, {inside}")
        if i:
            number = function.let_at(0, f"urem i64 {number}, {counts[i]}")
        function.values[index], function.depth[index] = [number], 0
    emit_ops(function, op.body.block, rules)
    function.line("ret void")
    return function.body()


def around(op: Operation) -> Iterator[Operation]:
    """The ops an op stands in, innermost first."""
    parent = op.parent_op()
    while parent is not None:
        yield parent
        parent = parent.parent_op()


def _captured(op: scf.ParallelOp) -> list[SSAValue]:
    """What the body uses of outside, each once."""
    inside = {op, *op.body.block.walk()}
    found: dict[SSAValue, None] = {}
    for one in op.body.block.walk():
        for value in one.operands:
            home = value.owner.parent_op() if isinstance(value, BlockArgument) else value.owner
            if home not in inside:
                found[value] = None
    return list(found)


def _unpacked(context: str, names: list[str]) -> list[str]:
    lines = ["entry:"]
    for i, name in enumerate(names):
        lines += [
            f"  %at.{i} = getelementptr {context}, ptr %tenon.context, i64 0, i32 {i}",
            f"  {name} = load ptr, ptr %at.{i}",
        ]
    return lines


def emit_if(function: FunctionText, op: scf.IfOp, rules: Rules) -> None:
    """A choice without results."""
    if op.results:
        raise TenonError(f"scf.if{location(op)}: expected one without results")
    (test,) = function.values[op.cond]
    label = function.fresh("if")
    regions = [region for region in (op.true_region, op.false_region) if region.blocks]
    targets = [f"{label}.{i}" for i in range(len(regions))]
    other = targets[1] if len(targets) > 1 else f"{label}.end"
    function.line(f"br i1 {test}, label %{targets[0]}, label %{other}")
    for region, target in zip(regions, targets, strict=True):
        function.start_block(target)
        emit_ops(function, region.block, rules)
        function.line(f"br label %{label}.end")
    function.start_block(f"{label}.end")
