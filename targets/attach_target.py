"""attach-target: names the machine a module is compiled for.

Expects: any module.
Leaves: the module attribute `tenon.target` with the target's record and, if there are several, how many
`threads` a call may use, and at the module's start the
`tensorized.instruction`s the target has, in the place of those of an earlier `attach-target`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import DictionaryAttr, IntegerAttr, ModuleOp, i64
from xdsl.passes import ModulePass
from xdsl.rewriter import InsertPoint, Rewriter
from xdsl.utils.arg_spec import ArgSpec

from ..dialects.tensorized import InstructionOp
from .record import TargetRecord, check_threads, find_target

FOLDERS = {"x86_64": "x86"}
"""Architecture of a triple -> the folder of its family, with its `*.mlir`."""


@dataclass(frozen=True)
class AttachTargetPass(ModulePass):
    """`attach-target{name=x86-64-v3 threads=4}`; without a name, this machine. `instructions="my.mlir"`:
    those of the user's file too, once they are found right. With `lacking` also the instructions of its
    family whose features it lacks: no pass uses them, but matching can say so."""

    name = "attach-target"
    preserves: ClassVar[str] = "exact"

    target: str = "host"
    threads: int = 1
    instructions: str = ""
    lacking: bool = False

    # xDSL reserves the field `name` for the pass's own, so the option `name` is the field `target`.
    @classmethod
    def from_spec(cls, spec: ArgSpec) -> AttachTargetPass:
        given = {"target" if key == "name" else key: value for key, value in spec.parameters.items()}
        return super().from_spec(ArgSpec(spec.name, given))

    def spec(self, *, include_default: bool = False) -> ArgSpec:
        spec = super().spec(include_default=include_default)
        return ArgSpec(spec.name, {"name" if k == "target" else k: v for k, v in spec.parameters.items()})

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        record = find_target(self.target)
        check_threads(self.threads)
        declared = family_instructions(record) if self.lacking else declared_instructions(record)
        if self.instructions:  # first: of equal matches the user's is taken
            from .user_instructions import user_instructions

            declared = [*user_instructions(self.instructions, record), *declared]
        names = {instruction.sym_name for instruction in declared}
        for old in list(op.ops):
            if isinstance(old, InstructionOp) and old.sym_name in names:
                Rewriter.erase_op(old, safe_erase=False)
        several = {"threads": IntegerAttr(self.threads, i64)} if self.threads > 1 else {}
        op.attributes["tenon.target"] = DictionaryAttr({**record.attribute().data, **several})
        Rewriter.insert_op([i.clone() for i in declared], InsertPoint.at_start(op.body.block))


def declared_instructions(record: TargetRecord) -> list[InstructionOp]:
    """The instructions of the target's family whose features it has. Clone them before use."""
    return [i for i in family_instructions(record) if i.features <= record.enabled | record.emulated]


def family_instructions(record: TargetRecord) -> list[InstructionOp]:
    """Every instruction of the target's family. Clone them before use."""
    return list(_family(FOLDERS[record.triple.split("-")[0]]))


@cache
def _family(folder: str) -> list[InstructionOp]:
    found: list[InstructionOp] = []
    sources = files(__name__.rpartition(".")[0]).joinpath(folder).iterdir()
    for source in sorted((s for s in sources if s.name.endswith(".mlir")), key=lambda s: s.name):
        module = parse_module(source.read_text(), str(source))
        module.verify()
        found += (op for op in module.ops if isinstance(op, InstructionOp))
    return found


def parse_module(text: str, name: str) -> ModuleOp:
    """A module of instructions, not verified, each width written out; `name` is said in errors."""
    from xdsl.dialects.arith import Arith
    from xdsl.dialects.builtin import Builtin
    from xdsl.dialects.llvm import LLVM
    from xdsl.dialects.math import Math
    from xdsl.parser import Parser

    from ..dialects.tensorized import TENSORIZED
    from .widths import expanded

    ctx = Context()
    for dialect in (Builtin, Arith, Math, LLVM, TENSORIZED):
        ctx.load_dialect(dialect)
    return Parser(ctx, expanded(text, name), name).parse_module()
