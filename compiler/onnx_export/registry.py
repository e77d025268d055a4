"""nn op -> the rule that exports it. A rule is added in one place: its own definition.

    @exports(nn.SoftmaxOp)
    def softmax(graph: GraphWriter, op: nn.SoftmaxOp, x: str) -> str: ...

A rule takes the names of the operands, adds nodes and returns the name of the result, or a list of names for
an op with several. An op without a rule is
decomposed into those that have one, if `decompose-nn` knows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .graph import GraphWriter

Rule = Callable[..., str | list[str]]

RULES: dict[type, Rule] = {}


def exports(op: type) -> Callable[[Rule], Rule]:
    """Register the decorated rule for `op`."""

    def register(rule: Rule) -> Rule:
        if op in RULES:
            raise ValueError(f"two export rules for {op.__name__}")
        RULES[op] = rule
        return rule

    return register


def export_op(graph: GraphWriter, op: Any) -> list[str]:
    """The names of the results of `op`, its nodes added to `graph`."""
    made = RULES[type(op)](graph, op, *(graph.name(operand) for operand in op.operands))
    return [made] if isinstance(made, str) else made
