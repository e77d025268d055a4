"""Einsum: operands are contracted one after another as matrix products over transposed views.

A label names a dimension; the dimensions of an ellipsis get labels of their own. Of two operands a label is
*batch* where both have it and it is still needed, *summed* where both have it and nobody needs it any more,
else it belongs to one side.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from xdsl.ir import SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from .context import Context, rank_of, shape_of
from .node import Node
from .registry import onnx_op

_TERM = re.compile(r"[A-Za-z]*(\.\.\.)?[A-Za-z]*")


@dataclass(frozen=True)
class Labelled:
    """A tensor and the label of each dimension."""

    value: SSAValue
    labels: tuple[str, ...]

    def extent(self, label: str) -> int:
        return shape_of(self.value)[self.labels.index(label)]


@onnx_op("Einsum")
def einsum(ctx: Context, node: Node) -> SSAValue:
    operands = [node[i] for i in range(len(node.operands))]
    terms, output = parse_equation(node.attr("equation"), [rank_of(x) for x in operands])
    parts = [_diagonals(ctx, Labelled(x, labels)) for x, labels in zip(operands, terms, strict=True)]
    extents = _extents(parts)
    parts = [_broadcast(ctx, part, extents) for part in parts]
    total = parts[0]
    for i, part in enumerate(parts[1:], start=1):
        needed = set(output).union(*(later.labels for later in parts[i + 1 :]))
        total = _product(ctx, total, part, needed)
    total = _summed(ctx, total, set(output))
    return _ordered(ctx, total, output).value


def parse_equation(equation: str, ranks: Sequence[int]) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    """Labels of every operand's dimensions and of the result's. Without `->` the result has, after the
    ellipsis, every label that occurs once, in alphabetical order."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    texts = left.split(",")
    for text in (*texts, right):
        if not _TERM.fullmatch(text):
            raise TenonError(f"equation '{equation}' is malformed at '{text}'")
    if len(texts) != len(ranks):
        raise TenonError(f"equation '{equation}' has {len(texts)} terms for {len(ranks)} operands")
    named = [len(text.replace("...", "")) for text in texts]
    free = [rank - n if "..." in text else 0 for text, rank, n in zip(texts, ranks, named, strict=True)]
    for text, rank, n, rest in zip(texts, ranks, named, free, strict=True):
        if n + rest != rank or rest < 0:
            raise TenonError(f"equation '{equation}': '{text}' does not label {rank} dimensions")
    dots = [f"...{i}" for i in range(max(free, default=0))]
    terms = [_labels(text, dots[len(dots) - rest :]) for text, rest in zip(texts, free, strict=True)]
    if not arrow:
        once = sorted(c for c in set(left) if c.isalpha() and left.count(c) == 1)
        return terms, (*dots, *once)
    output = _labels(right, dots if "..." in right else [])
    unknown = [label for label in output if not any(label in term for term in terms)]
    if unknown or len(set(output)) != len(output):
        raise TenonError(f"equation '{equation}': result '{right}' repeats a label or has one of no operand")
    return terms, output


def _labels(text: str, dots: Sequence[str]) -> tuple[str, ...]:
    before, _, after = text.partition("...")
    return (*before, *dots, *after)


def _extents(parts: Sequence[Labelled]) -> dict[str, int]:
    """The extent of each label; dimensions of 1 broadcast."""
    extents: dict[str, int] = {}
    for part in parts:
        for label, n in zip(part.labels, shape_of(part.value), strict=True):
            known = extents.setdefault(label, n)
            if known != n and 1 not in (known, n):
                raise TenonError(f"label '{label}' has extents {known} and {n}")
            extents[label] = n if known == 1 else known
    return extents


def _broadcast(ctx: Context, part: Labelled, extents: dict[str, int]) -> Labelled:
    shape = [extents[label] for label in part.labels]
    if tuple(shape) == shape_of(part.value):
        return part
    return Labelled(ctx.emit(nn.BroadcastOp(part.value, shape)), part.labels)


def _diagonals(ctx: Context, part: Labelled) -> Labelled:
    """A label that an operand has twice walks along a diagonal: every (n + 1)-th element of n * n."""
    for label in dict.fromkeys(part.labels):
        while part.labels.count(label) > 1:
            a = part.labels.index(label)
            b = part.labels.index(label, a + 1)
            rest = [i for i in range(len(part.labels)) if i not in (a, b)]
            shape = shape_of(part.value)
            n = shape[a]
            if shape[b] != n:
                raise TenonError(f"label '{label}' has extents {n} and {shape[b]}")
            moved = _transposed(ctx, part.value, [a, b, *rest])
            flat = ctx.reshape(moved, [n * n, *(shape[i] for i in rest)])
            none = [0] * (len(rest) + 1)
            sizes = [n, *(shape[i] for i in rest)]
            picked = ctx.emit(nn.SliceOp(flat, none, sizes, [n + 1, *[1] * len(rest)]))
            part = Labelled(picked, (label, *(part.labels[i] for i in rest)))
    return part


def _transposed(ctx: Context, x: SSAValue, perm: Sequence[int]) -> SSAValue:
    return x if list(perm) == sorted(perm) else ctx.emit(nn.TransposeOp(x, perm))


def _ordered(ctx: Context, part: Labelled, labels: Sequence[str]) -> Labelled:
    """The dimensions in another order."""
    perm = [part.labels.index(label) for label in labels]
    return Labelled(_transposed(ctx, part.value, perm), tuple(labels))


def _summed(ctx: Context, part: Labelled, needed: set[str]) -> Labelled:
    """Without the labels that nobody needs."""
    axes = [i for i, label in enumerate(part.labels) if label not in needed]
    if not axes:
        return part
    kept = tuple(label for label in part.labels if label in needed)
    return Labelled(ctx.reduce("sum", part.value, axes, keepdims=False), kept)


def _product(ctx: Context, a: Labelled, b: Labelled, needed: set[str]) -> Labelled:
    a = _summed(ctx, a, needed | set(b.labels))
    b = _summed(ctx, b, needed | set(a.labels))
    both = [label for label in a.labels if label in b.labels]
    batch = [label for label in both if label in needed]
    inner = [label for label in both if label not in needed]
    left = [label for label in a.labels if label not in both]
    right = [label for label in b.labels if label not in both]
    labels = (*batch, *left, *right)
    shape = [(a if label in a.labels else b).extent(label) for label in labels]
    one = _ordered(ctx, a, [*batch, *left, *inner]).value
    other = _ordered(ctx, b, [*batch, *inner, *right]).value
    outer = [a.extent(label) for label in batch]
    sizes = [math.prod(p.extent(n) for n in names) for p, names in ((a, left), (a, inner), (b, right))]
    rows, summed, columns = sizes
    one, other = ctx.reshape(one, [*outer, rows, summed]), ctx.reshape(other, [*outer, summed, columns])
    made = ctx.emit(nn.MatmulOp(one, other)) if inner else ctx.elementwise("mul", one, other)
    return Labelled(ctx.reshape(made, shape), labels)
