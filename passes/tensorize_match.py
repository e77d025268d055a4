"""tensorize-match: finds the instruction that computes each kernel's reduction.

Expects: kernels of `tensorized.generic`s, and the target's instructions in the module (`attach-target`). A
kernel that has `lanes` keeps them: so an instruction with lanes along several loops is asked for.
Leaves: every reduction a `tensorized.contract` with its binding, and on every kernel the loops that run
along vector lanes. A reduction whose body no instruction has gets one made of that very body, without an
intrinsic, so that there is one path from here on.

What a match needs is the table of checks in `tensorize/checks.py`; among all matches the one with the least
estimated cycles wins. `explain` leaves `remarks` on every reduction: all matches, the best first, and for
every other instruction the check that failed first and why. With `reassociate=false` sums of floats run in
the order of the loops: on no instruction that sums several elements in a lane, and with lanes along no row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import (
    AffineMapAttr,
    ArrayAttr,
    DictionaryAttr,
    IntAttr,
    ModuleOp,
    StringAttr,
    TensorType,
    VectorType,
)
from xdsl.ir import BlockArgument, SSAValue
from xdsl.ir.affine import AffineMap
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter

from ..dialects import tensorized
from ..dialects.errors import TenonError
from ..dialects.tensorized import InstructionOp, LoopAttr
from ..dialects.tensorized.attributes import element_bytes
from .fusion.combiner import combiner
from .tensorize.checks import tried
from .tensorize.cost import NestView, blocks
from .tensorize.elementwise import use_elementwise
from .tensorize.remarks import remarks
from .tensorize.rows import row_lanes
from .tensorize.target import REPAIRS, declared, features, instructions, target_facts
from .tensorize.transform import as_transform, is_transform
from .tensorize.trial import Match, Refusal, Rules


@dataclass(frozen=True)
class TensorizeMatchPass(ModulePass):
    name = "tensorize-match"
    preserves: ClassVar[str] = "reassociates(1e-5)"

    explain: bool = False
    reassociate: bool = True

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        matcher = _Matcher(op, self.explain, self.reassociate)
        for kernel in tensorized.kernels(op):
            matcher.match(kernel)


Views = dict[tensorized.GenericOp, NestView]


class _Matcher:
    def __init__(self, module: ModuleOp, explain: bool, reassociate: bool):
        self.module, self.explain = module, explain
        self.facts = target_facts(module)
        self.rules = Rules(self.facts, features(module), reassociate)
        self.declared = [i for i in declared(module) if i.writes is None]
        self.elementwise = [i for i in instructions(module) if i.writes is not None]
        made = module.attributes.get(REPAIRS)
        self.repairs = made.data if isinstance(made, DictionaryAttr) else {}

    def match(self, kernel: tensorized.KernelOp) -> None:
        """Instructions for the reductions, lanes, and elementwise instructions inside bodies."""
        self._match_reductions(kernel)
        use_elementwise(kernel, self.elementwise)

    def _match_reductions(self, kernel: tensorized.KernelOp) -> None:
        for nest in [op for op in kernel.body.block.ops if is_transform(op)]:
            kernel.properties["lanes"] = DictionaryAttr(
                {name: IntAttr(n) for name, n in as_transform(nest, self.facts).items()}
            )
            return
        nests = [op for op in kernel.body.block.ops if isinstance(op, tensorized.GenericOp)]
        views = {nest: NestView(nest, kernel) for nest in nests}
        read = {value.owner for nest in nests if nest.is_reduction for value in nest.inputs}
        around = [view for nest, view in views.items() if not nest.is_reduction and nest not in read]
        given = kernel.lane_counts
        lanes = self._row_lanes(views) if not given else {}
        if lanes:
            self._explain_rows(views, around, lanes)
            kernel.properties["lanes"] = DictionaryAttr({k: IntAttr(v) for k, v in lanes.items()})
            return
        for nest, view in views.items():
            if nest.is_reduction:
                best = self._best(view, around, given)
                lanes |= _parallel_lanes(view, best)
                self._replace(nest, best)
        if not any(nest.is_reduction for nest in nests):
            for view in around:
                lanes |= self._elementwise_lanes(view, around, lanes)
        kernel.properties["lanes"] = DictionaryAttr({k: IntAttr(v) for k, v in lanes.items()})

    def _row_lanes(self, views: Views) -> dict[str, int]:
        """The lanes of a row kernel; nothing where the only reduction runs on an instruction: one of several
        operands (a contraction), or one whose row does not lie along memory."""
        reductions = [nest for nest in views if nest.is_reduction]
        if not reductions or any(combiner(nest.body.block) is None for nest in reductions):
            return {}
        name, lanes = row_lanes(list(views.values()), self.facts, self.rules.reassociate)
        if len(reductions) == 1 and _stands_alone(reductions[0], views):
            (nest,) = reductions
            along = name in nest.loop_names and nest.kinds[nest.loop_names.index(name)] == "reduction"
            if not along or len(nest.inputs) > 1:
                return {}
        return {name: lanes}

    def _best(self, nest: NestView, around: Sequence[NestView], lanes: Mapping[str, int]) -> Match:
        """The best of all matches; the nest gets remarks on them, if that is asked for."""
        found, refused = self._matches(self.declared, nest, around, lanes)
        if not found and lanes:
            where = f"@{nest.op.parent_op().sym_name.data}"  # pyright: ignore
            raise TenonError(f"tensorize-match: {where}: no instruction has the lanes it is given, {lanes}")
        if not found:
            made = [self._from_body(nest.op, lanes) for lanes in {self._lanes(nest.op), 1}]
            found, _ = self._matches(made, nest, around, {})
        self._declare(found[0].instruction)
        if self.explain:
            nest.op.properties["remarks"] = remarks(nest, found, refused, self.repairs)
        return found[0]

    def _matches(
        self,
        instructions: Sequence[InstructionOp],
        nest: NestView,
        around: Sequence[NestView],
        lanes: Mapping[str, int],
    ) -> tuple[list[Match], dict[str, Refusal]]:
        """Every match, the best first, and why the other instructions have none."""
        found: list[Match] = []
        refused: dict[str, Refusal] = {}
        for instruction in instructions:
            matches, refusal = tried(instruction, nest, around, self.rules, lanes)
            found += matches
            if refusal is not None:
                refused[instruction.sym_name.data] = refusal
        return sorted(found, key=lambda match: match.rank(nest)), refused

    def _explain_rows(self, views: Views, around: Sequence[NestView], lanes: dict[str, int]) -> None:
        """Remarks on the reductions of a row kernel: which instructions could have computed them alone."""
        for nest, view in views.items():
            if self.explain and nest.is_reduction:
                found, refused = self._matches(self.declared, view, around, {})
                nest.properties["remarks"] = remarks(view, found, refused, self.repairs, lanes)

    def _lanes(self, nest: tensorized.GenericOp) -> int:
        widest = max(element_bytes(a.type) for a in nest.body.block.args)
        return max(1, self.facts.vector_bytes // widest)

    def _from_body(self, nest: tensorized.GenericOp, lanes: int) -> InstructionOp:
        """An instruction that is the nest's own body over `lanes` elements."""
        body = nest.body.clone()
        access = AffineMapAttr(AffineMap.identity(1))
        arguments = body.block.args
        return InstructionOp.build(
            properties={
                "sym_name": StringAttr("body"),
                "loops": ArrayAttr([LoopAttr.of("i", "parallel", lanes)]),
                "registers": ArrayAttr(VectorType(a.type, [lanes]) for a in arguments),
                "maps": ArrayAttr([access] * len(arguments)),
                "accumulator": IntAttr(len(arguments) - 1),
            },
            regions=[body, []],
        )

    def _replace(self, nest: tensorized.GenericOp, best: Match) -> None:
        order = [k for k in best.operands if k < len(nest.inputs)]
        accesses = nest.accesses
        contract = tensorized.ContractOp(
            best.instruction.sym_name.data,
            [nest.inputs[k] for k in order],
            nest.init,
            nest.loops.data,
            [*(accesses[k] for k in order), accesses[-1]],
            {loop.label.data: nest.loop_names[at] for loop, at in zip(best.instruction.loops, best.loops)},
        )
        contract.location = nest.location
        if nest.remarks is not None:
            contract.properties["remarks"] = nest.remarks
        Rewriter.replace_op(nest, contract)

    def _declare(self, instruction: InstructionOp) -> None:
        """Puts an instruction that was made from a body into the module, under a name of its own."""
        if instruction in self.declared:
            return
        taken = {i.sym_name.data for i in self.declared}
        n = 0
        while (name := f"body_{n}") in taken:
            n += 1
        instruction.properties["sym_name"] = StringAttr(name)
        Rewriter.insert_op(instruction, InsertPoint.at_start(self.module.body.block))
        self.declared.append(instruction)

    def _elementwise_lanes(
        self, nest: NestView, nests: Sequence[NestView], known: dict[str, int]
    ) -> dict[str, int]:
        """The loop of an elementwise nest that most operands run along contiguously."""
        if any(name in known for name in nest.names):
            return {}
        # Positions of lookups are wide, but one of them serves a whole row.
        counted = nest.values[-1:] if tensorized.looks_up(nest.op) else nest.values
        widest = max(element_bytes(v.type.element_type) for v in counted if isinstance(v.type, TensorType))
        lanes = max(1, self.facts.vector_bytes // widest)
        band = [view for view in nests if view.names == nest.names]

        def cost(loop: int) -> tuple[float, int]:
            total = sum(view.transfer_cycles(((loop, 1),), lanes, self.facts) for view in band)
            return total * blocks(nest.extents[loop], lanes) / nest.extents[loop], -loop

        return {nest.names[min(range(len(nest.extents)), key=cost)]: lanes}


def _stands_alone(nest: tensorized.GenericOp, nests: Iterable[tensorized.GenericOp]) -> bool:
    """Whether only `nest` runs over the loops it reduces, and reads nothing that the kernel makes, but what
    is looked up in its steps."""
    row = {name for name, kind in zip(nest.loop_names, nest.kinds) if kind == "reduction"}
    inside = {nest, *(value.owner for value in nest.inputs if _is_looked_up(value))}
    others = {name for other in nests if other not in inside for name in other.loop_names}
    return not row & others and all(
        isinstance(value, BlockArgument) or _is_looked_up(value) for value in nest.inputs
    )


def _is_looked_up(value: SSAValue) -> bool:
    """Whether a nest of the kernel makes the value by lookups: a reduction has it do so in every step."""
    return isinstance(value.owner, tensorized.GenericOp) and tensorized.looks_up(value.owner)


def _parallel_lanes(nest: NestView, match: Match) -> dict[str, int]:
    return {
        nest.names[at]: loop.extent.data
        for loop, at in zip(match.instruction.loops, match.loops)
        if loop.kind.data == "parallel"
    }
