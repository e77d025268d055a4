"""One kernel by itself: a module that another process can schedule, compile and run, and its digest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256

from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Block, Region
from xdsl.parser import Parser

from ...dialects import nn, tensorized
from ...dialects.tensorized import LevelAttr
from ...dialects.tensorized.attributes import level_text, parse_level
from ..cache.key import sources_digest, versions
from ..options import CompileOptions

NAME = "kernel"


def kernel_module(module: ModuleOp, kernel: tensorized.KernelOp) -> ModuleOp:
    """`kernel`, without its schedule, with the instructions it uses and a @main that calls it: compile-time
    arguments are weights that no store has (seeded ones will do), the others arguments of @main."""
    own = kernel.clone()
    own.properties["sym_name"] = type(kernel.sym_name)(NAME)
    own.properties.pop("schedule", None)
    for op in own.walk():
        for value in (*op.results, *(a for r in op.regions for b in r.blocks for a in b.args)):
            value.name_hint = None
    users = (op for op in own.walk() if isinstance(op, tensorized.ContractOp | tensorized.ComputeOp))
    used = {op.instruction.root_reference.data for op in users}
    declared = [
        op.clone()
        for op in module.body.block.ops
        if isinstance(op, tensorized.InstructionOp) and op.sym_name.data in used
    ]
    made = ModuleOp([*declared, own, _main(own)])
    made.attributes["tenon.target"] = module.attributes["tenon.target"]
    return made


def _main(kernel: tensorized.KernelOp) -> func.FuncOp:
    types, constants = list(kernel.function_type.inputs), kernel.constant_arguments
    results = list(kernel.function_type.outputs)
    block = Block(arg_types=[t for i, t in enumerate(types) if i not in constants])
    given = iter(block.args)
    arguments = []
    for i, type_ in enumerate(types):
        if i in constants:
            assert isinstance(type_, TensorType)
            digest = sha256(f"{i} {type_}".encode()).hexdigest()
            constant = nn.ConstantOp(nn.WeightAttr.of(digest, type_))
            block.add_op(constant)
            arguments.append(constant.result)
        else:
            arguments.append(next(given))
    call = tensorized.CallOp(NAME, arguments, results)
    block.add_ops([call, func.ReturnOp(*call.results)])
    return func.FuncOp("main", ([a.type for a in block.args], results), Region(block))


def kernel_key(alone: ModuleOp, options: CompileOptions) -> str | None:
    """The digest of a kernel by itself, its target and the options; None where Tenon's sources changed."""
    sources = sources_digest()
    if sources is None:
        return None
    facts = {"options": asdict(options), "versions": versions(), "sources": sources}
    return sha256(f"{json.dumps(facts, sort_keys=True)}\n{alone}".encode()).hexdigest()


def schedule_text(levels: Sequence[LevelAttr]) -> str:
    """Levels as the kernel op prints them."""
    return f"[{', '.join(map(level_text, levels))}]"


def parse_schedule(text: str) -> list[LevelAttr]:
    """Raises xDSL's `ParseError`."""
    from ..pipeline import context

    parser = Parser(context(), text)
    return parser.parse_comma_separated_list(parser.Delimiter.SQUARE, lambda: parse_level(parser))


def kernel_of(alone: ModuleOp) -> tensorized.KernelOp:
    (kernel,) = tensorized.kernels(alone)
    return kernel
