"""The channels of a function: every dimension that weights make, followed through all ops.

Each constant's dimensions start as atoms of their own. Going through the ops in order, atoms that have to
leave together are united (the outputs of a convolution with what is added to them), and those that cannot
leave are pinned with a reason. What is left apart can be removed on its own.
"""

from __future__ import annotations

from xdsl.dialects import func
from xdsl.dialects.builtin import StringAttr

from ...dialects import nn
from .analysis import Analysis, name_of, own_factors
from .rules import shape_of
from .step import Step


def analyze(function: func.FuncOp) -> Analysis:
    """The channels of the values in a function of one block."""
    analysis = Analysis()
    block = function.body.block
    for index, argument in enumerate(block.args):
        analysis.factors[argument] = []
        analysis.fixed[argument] = f"input '{_port(function.arg_attrs, index)}' has it"
    for op in block.ops:
        if isinstance(op, nn.ConstantOp):
            analysis.factors[op.result] = own_factors(analysis.atoms, shape_of(op.result))
            analysis.fixed[op.result] = f"constant '{name_of(op)}' has it"
        elif isinstance(op, func.ReturnOp):
            for index, value in enumerate(op.operands):
                for factor in analysis.factors[value]:
                    analysis.atoms.pin(factor.ids, f"output '{_port(function.res_attrs, index)}'")
        else:
            Step(analysis, op).run()
    return analysis


def _port(attributes, index: int) -> str:
    name = attributes.data[index].data.get("tenon.name") if attributes else None
    return name.data if isinstance(name, StringAttr) else str(index)
