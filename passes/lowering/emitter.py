"""Builds the loop-level body of one kernel: constants, scf.for, scf.parallel, scf.if, insertion points."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IndexType
from xdsl.ir import Block, Operation, Region, SSAValue


class LoopEmitter:
    """Appends ops to the innermost open block; index constants live once, at the kernel's start."""

    def __init__(self, entry: Block):
        self.entry = entry
        self._open = [entry]
        self._constants: dict[int, SSAValue] = {}

    def add(self, op: Operation) -> Operation:
        self._open[-1].add_op(op)
        return op

    def index(self, value: int) -> SSAValue:
        if value not in self._constants:
            constant = arith.ConstantOp.from_int_and_width(value, IndexType())
            constant.result.name_hint = f"c{value}"
            first = self.entry.first_op
            if first is None:
                self.entry.add_op(constant)
            else:
                self.entry.insert_op_before(constant, first)
            self._constants[value] = constant.result
        return self._constants[value]

    def parallel(self, counts: Mapping[str, int], body: Callable[[Sequence[SSAValue]], None]) -> None:
        """`name in 0..count` for all of `counts` at once, in any order; `body` gets the indices."""
        block = Block(arg_types=[IndexType()] * len(counts))
        for argument, name in zip(block.args, counts):
            argument.name_hint = name
        low, step = [self.index(0)] * len(counts), [self.index(1)] * len(counts)
        self.add(scf.ParallelOp(low, [self.index(n) for n in counts.values()], step, Region(block)))
        with self._inside(block):
            body(block.args)
            self.add(scf.ReduceOp())

    def branch(
        self,
        index: SSAValue,
        limit: int,
        below: Callable[[], None],
        otherwise: Callable[[], None] | None = None,
    ) -> None:
        """`below` where index < limit, else `otherwise`."""
        test = arith.CmpiOp(index, self.index(limit), "ult")
        self.add(test)
        blocks = [(Block(), emit) for emit in (below, otherwise) if emit is not None]
        other = [blocks[1][0]] if len(blocks) > 1 else None
        self.add(scf.IfOp(test.result, [], [blocks[0][0]], other))
        for block, emit in blocks:
            with self._inside(block):
                emit()
                self.add(scf.YieldOp())

    @contextmanager
    def _inside(self, block: Block) -> Iterator[None]:
        self._open.append(block)
        yield
        self._open.pop()

    def loop(
        self,
        count: int,
        name: str,
        body: Callable[[SSAValue, Sequence[SSAValue]], Sequence[SSAValue]],
        carried: Sequence[SSAValue] = (),
    ) -> Sequence[SSAValue]:
        """`for name in 0..count`, carrying values; `body` gets the index and the carried values."""
        block = Block(arg_types=[IndexType(), *(v.type for v in carried)])
        block.args[0].name_hint = name
        loop = scf.ForOp(self.index(0), self.index(count), self.index(1), list(carried), Region(block))
        self.add(loop)
        with self._inside(block):
            self.add(scf.YieldOp(*body(block.args[0], block.args[1:])))
        return loop.results
