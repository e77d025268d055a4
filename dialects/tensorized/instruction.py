"""Machine instructions, declared by their meaning."""

from __future__ import annotations

from collections.abc import Iterable

from xdsl.dialects import arith, llvm
from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    IntAttr,
    StringAttr,
    SymbolNameConstraint,
    UnitAttr,
    VectorType,
)
from xdsl.dialects.utils import AbstractYieldOperation
from xdsl.ir import Attribute, Operation
from xdsl.irdl import (
    IRDLOperation,
    irdl_op_definition,
    opt_prop_def,
    opt_region_def,
    prop_def,
    region_def,
    traits_def,
)
from xdsl.parser import Parser
from xdsl.printer import Printer
from xdsl.traits import IsolatedFromAbove, IsTerminator, SymbolOpInterface

from .access import LoopAttr
from .instruction_check import verify_instruction
from .instruction_text import parse_instruction, print_instruction
from .linear_form import coefficients
from .range import RangeAttr, ranges_of


@irdl_op_definition
class YieldOp(AbstractYieldOperation[Attribute]):
    """Ends the body of an instruction, a nest, a map or a kernel: `tensorized.yield %s : f32`."""

    name = "tensorized.yield"
    traits = traits_def(IsTerminator())


def _is_free(op: Operation) -> bool:
    return isinstance(op, YieldOp | arith.ConstantOp | llvm.BitcastOp)


@irdl_op_definition
class InstructionOp(IRDLOperation):
    """A machine instruction: its registers, how its loops index their lanes, and its scalar body.

    ```mlir
    tensorized.instruction @fma_8xf32 intrinsic "llvm.fma.v8f32" feature "fma" mnemonic "vfmadd"
      latency 4 per_cycle 2 loops (i: parallel 8)
      (%a: vector<8xf32> at (i), %b: vector<8xf32> at (i), inout %acc: vector<8xf32> at (i)) {
      %p = arith.mulf %a, %b : f32
      %s = arith.addf %acc, %p : f32
      tensorized.yield %s : f32
    }
    ```
    Operands come in the intrinsic's order; the one marked `inout` is the accumulator, and the result has
    its type. Meaning: for every loop index, acc[at] = body(operands[at]); a float body may be evaluated with
    fused or unfused rounding and its reductions in any order, and where it says `flushes`, with denormal
    operands and results taken as zero. Without an intrinsic the body itself is emitted, vectorized, or what
    stands in a second region, on whole registers: a chain of a few machine instructions that together do what
    the body says.
    ```mlir
    tensorized.instruction @maddwd_8xi32 feature "avx2" mnemonic "pmaddwd" latency 1 per_cycle 2
      loops (i: parallel 8, r: reduction 2) (%a: vector<16xi16> at (i * 2 + r),
      %b: vector<16xi16> at (i * 2 + r), inout %acc: vector<8xi32> at (i)) {
      ...
    } emit {
    ^bb0(%a: vector<16xi16>, %b: vector<16xi16>, %acc: vector<8xi32>):
      %p = llvm.call_intrinsic "llvm.x86.avx2.pmadd.wd"(%a, %b)
        : (vector<16xi16>, vector<16xi16>) -> vector<8xi32>
      %s = arith.addi %acc, %p : vector<8xi32>
      tensorized.yield %s : vector<8xi32>
    }
    ```
    An elementwise instruction writes its last operand, marked `out`, and does not read it.
    ```mlir
    tensorized.instruction @round_8xi32 intrinsic "llvm.lrint.v8i32.v8f32" feature "avx" mnemonic "cvtps2dq"
      latency 4 per_cycle 1 loops (i: parallel 8) (%x: vector<8xf32> at (i), out %y: vector<8xi32> at (i)) {
      %r = math.roundeven %x : f32
      %s = arith.fptosi %r : f32 to i32
      tensorized.yield %s : i32
    }
    ```
    `within [-64, 64]` behind an operand: the instruction does what the body says only if all its elements lie
    there. An intrinsic that takes `tile [16, 64, 64]` is given these numbers first and its operands as tiles,
    the two-dimensional registers of a machine. `feature` names the LLVM target features it needs, with commas
    between them, `mnemonic` how the assembly must begin (or several ways, with commas), `latency` in cycles
    and `per_cycle` its throughput, or `cycles` from one to the next where it takes several.
    """

    name = "tensorized.instruction"
    sym_name = prop_def(SymbolNameConstraint())
    intrinsic = opt_prop_def(StringAttr)
    feature = opt_prop_def(StringAttr)
    mnemonic = opt_prop_def(StringAttr)
    latency = opt_prop_def(IntAttr)
    per_cycle = opt_prop_def(IntAttr)
    cycles = opt_prop_def(IntAttr)
    tile = opt_prop_def(ArrayAttr[IntAttr])
    flushes = opt_prop_def(UnitAttr)
    loops = prop_def(ArrayAttr[LoopAttr])
    registers = prop_def(ArrayAttr[VectorType])
    maps = prop_def(ArrayAttr[AffineMapAttr])
    accumulator = prop_def(IntAttr)
    writes = opt_prop_def(UnitAttr)
    ranges = opt_prop_def(ArrayAttr[RangeAttr | UnitAttr])
    body = region_def("single_block")
    emission = opt_region_def("single_block")
    traits = traits_def(SymbolOpInterface(), IsolatedFromAbove())

    @property
    def extents(self) -> list[int]:
        return [loop.extent.data for loop in self.loops]

    @property
    def labels(self) -> list[str]:
        """The names of its loops."""
        return [loop.label.data for loop in self.loops]

    @property
    def rate(self) -> float:
        """How many start in a cycle."""
        if self.cycles is not None:
            return 1 / self.cycles.data
        return float(self.per_cycle.data) if self.per_cycle is not None else 1.0

    @property
    def features(self) -> frozenset[str]:
        """What a target needs to have the instruction."""
        return frozenset(self.feature.data.split(",")) if self.feature is not None else frozenset()

    @property
    def lane_loops(self) -> list[str]:
        """The loops that the lanes of an accumulator run along, that of neighbouring lanes first."""
        access = self.maps.data[self.accumulator.data].data.results[0]
        row, _ = coefficients(access, self.extents) or ([0] * len(self.loops), 0)
        along = [(step, loop) for step, loop in zip(row, self.loops) if loop.kind.data == "parallel"]
        return [loop.label.data for _, loop in sorted(along, key=lambda one: one[0])]

    @property
    def accumulator_register(self) -> VectorType:
        return self.registers.data[self.accumulator.data]

    @property
    def operand_ranges(self) -> list[RangeAttr | None]:
        """For each register what its elements must lie within; None where they may be anything."""
        return ranges_of(self.ranges, len(self.registers))

    @property
    def intrinsics(self) -> list[str]:
        """What it calls of LLVM by name."""
        called = [self.intrinsic.data] if self.intrinsic is not None else []
        chain = self.emission.block.ops if self.emission is not None else ()
        return called + [op.intrin.data for op in chain if isinstance(op, llvm.CallIntrinsicOp)]

    @property
    def operations(self) -> int:
        """Machine operations of one application, as far as its declaration says."""
        return 1 if self.intrinsic is not None else sum(not _is_free(op) for op in self._emitted())

    @property
    def scratch(self) -> int:
        """Registers that it takes besides its operands: of constants, and of what its operations pass on."""
        if self.intrinsic is not None:
            return 0
        constants = sum(isinstance(op, arith.ConstantOp) for op in self._emitted())
        return constants + (self.operations > 1)

    def _emitted(self) -> Iterable[Operation]:
        return (self.body if self.emission is None else self.emission).block.ops

    def print(self, printer: Printer) -> None:
        print_instruction(self, printer)

    @classmethod
    def parse(cls, parser: Parser) -> InstructionOp:
        properties, regions = parse_instruction(parser)
        return cls.build(properties=properties, regions=regions)

    def verify_(self) -> None:
        verify_instruction(self)
