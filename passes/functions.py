"""The functions a pass works on."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from ..dialects.errors import TenonError


def straight_functions(module: ModuleOp, user: str) -> Iterator[FuncOp]:
    """The functions of `module` that have a body; TenonError in the name of the pass `user` for one of
    several blocks."""
    for op in list(module.body.block.ops):
        if isinstance(op, FuncOp) and not op.is_declaration:
            if len(op.body.blocks) != 1:
                found = f"@{op.sym_name.data} has {len(op.body.blocks)} blocks"
                raise TenonError(f"{user}: {found}, expected one: control flow is nn.scan")
            yield op
