"""ONNX op type -> the rule that imports it. A rule is added in one place: its own definition.

    @onnx_op("Softmax")
    def softmax(ctx: Context, node: Node) -> SSAValue: ...

An op of another domain than ONNX's is named with it, "com.microsoft.QLinearAdd", and has a schema in
contrib.py.
A rule reads operands and attributes from `node`, emits nn ops with `ctx.emit` and returns the node's output,
or a list with one value per output."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from xdsl.ir import SSAValue

from .context import Context
from .node import Node, Value

Rule = Callable[[Context, Node], SSAValue | Sequence[Value | None]]

RULES: dict[str, Rule] = {}


def onnx_op(*op_types: str) -> Callable[[Rule], Rule]:
    """Register the decorated rule for `op_types`."""

    def register(rule: Rule) -> Rule:
        for op_type in op_types:
            if op_type in RULES:
                raise ValueError(f"two rules for the ONNX op {op_type}")
            RULES[op_type] = rule
        return rule

    return register
