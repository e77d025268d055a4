"""legalize-qnn: quantized contractions get operands of types that the target's instructions multiply.

Expects: qnn ops, the target's instructions in the module (`attach-target`), and `qnn.weights_within` on
contractions of compile-time weights, where their values are to count.
Leaves: contractions whose operands have the types of the fastest instruction that is right for their weights,
if there is one. Weights lose their zero points at compile time. The other operand is stored in that type by
the op that makes it: its zero point and range are shifted, and the zero points of all who read it, which
costs nothing (`legalize/storage.py`); where that cannot be, it is copied. A qnn.concat becomes requantized
parts and an nn.concat, which only moves. A depthwise convolution that no dot product computes may get
`qnn.widened`: it multiplies bytes by weights of 32 bits. With `explain` the module attribute `tenon.repairs`
says what was changed for which product: a dictionary from names to lines, which
`tensorize-match{explain=true}` shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, ModuleOp, NameLoc, StringAttr, UnitAttr
from xdsl.ir import SSAValue
from xdsl.passes import ModulePass

from ..dialects import nn, qnn
from ..dialects.qnn.intervals import WIDENED
from .graph_builder import GraphBuilder
from .legalize.forms import dot_forms, tap_types
from .legalize.product import Operand, Product, product_of, sums_taps, widens_taps
from .legalize.rewriting import store
from .legalize.storage import Class, Storage, classes
from .lower_nn import runtime_ops
from .tensorize.target import REPAIRS, instructions


@dataclass(frozen=True)
class LegalizeQnnPass(ModulePass):
    name = "legalize-qnn"
    preserves: ClassVar[str] = "exact"

    explain: bool = False

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        forms = dot_forms(instructions(op))
        nodes = runtime_ops(op)
        for concat in [node for node in nodes if isinstance(node, qnn.ConcatOp)]:
            _split(concat)
        products = [found for node in nodes if (found := product_of(node, forms)) is not None]
        _choose_storage(products)
        for product in products:
            product.settle()
        taps = tap_types(instructions(op))
        for node in nodes:
            if isinstance(node, qnn.ConvOp) and sums_taps(node) and widens_taps(node, forms, taps):
                node.attributes[WIDENED] = UnitAttr()
        if self.explain:
            op.attributes[REPAIRS] = _repairs(products)


def _repairs(products: Sequence[Product]) -> DictionaryAttr:
    named = [(p.op.location.desc.data, p.repairs) for p in products if isinstance(p.op.location, NameLoc)]
    return DictionaryAttr({name: ArrayAttr(map(StringAttr, lines)) for name, lines in named if lines})


Wish = tuple[Product, Operand]


def _choose_storage(products: Sequence[Product]) -> None:
    """Stores each class of operands in the type with which all products that read it take the least time."""
    wishes: dict[SSAValue, list[Wish]] = {}
    for product in products:
        for operand in product.operands:
            wishes.setdefault(product.op.operands[operand.index], []).append((product, operand))
    found = classes(wishes)
    while wishes:
        own = found[next(iter(wishes))]
        _choose(own, [wish for value in own.values for wish in wishes.pop(value, [])])


def _choose(own: Class, wishes: Sequence[Wish]) -> None:
    def cycles(storage: Storage | None) -> float:
        element = own.element if storage is None else storage.element
        return sum(product.macs / product.rate(operand, element) for product, operand in wishes)

    heaviest, read = max(wishes, key=lambda wish: wish[0].macs)
    elements = dict.fromkeys(e for product, operand in wishes for e in product.elements(operand))
    options = [s for element in elements if (s := heaviest.storage(read, element)) is not None]
    allowed = [None, *(storage for storage in options if own.allows(storage))]
    best = min(allowed, key=cycles)
    if best is not None and best.element != own.element:
        for product, operand in wishes:
            product.note(operand, own.element, best, "stored")
        store(own, best)


def _split(op: qnn.ConcatOp) -> None:
    """Parts that have other parameters than the result are requantized."""
    new, parts = GraphBuilder(op), []
    modes = {name: op.value_of(name) for name in ("rounding", "arithmetic")}
    for x, scale, zero in zip(op.inputs, op.scales, op.zero_points, strict=True):
        same = scale is op.s_out and zero is op.zp_out
        parts.append(x if same else new(qnn.RequantizeOp(x, scale, zero, op.s_out, op.zp_out, **modes)))
    new.finish(new(nn.ConcatOp(parts, op.value_of("axis"))))
