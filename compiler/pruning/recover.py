"""What masks cost is won back without training: from activations on calibration data, layer after layer.

    layers = recover(masked, Batches(masked.inputs, {"x": images}), WAYS["products"])

Two ways, taken in the order of the ops, so that each sees what was changed before it:

- **Least squares**: a product gets the weights (and bias) that bring its results, on what masks have left of
  its inputs, closest to those of the network without masks.
- **Batch norms** get the mean and variance that their inputs have now. Files whose exporter folded them into
  the weights have none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from xdsl.dialects.builtin import ModuleOp, NameLoc
from xdsl.ir import Operation, SSAValue

from ...dialects import nn, prune
from ...dialects.errors import TenonError, UsageError
from ..model import Model
from .data import Batches
from .normal_equations import NormalEquations
from .parameters import offset_behind, own_bias, parameter_at
from .products import Product, product_of
from .stages import Stages

RIDGE = 1e-3
"""How hard weights are held where they are, of the mean square of what they multiply."""

WIDEST = 8192
"""Terms of a product for which equations are solved: their matrix has this many rows and columns."""

FEWEST_ROWS, WORK = 8, 3e10
"""Of the rows of all batches as many are taken as `WORK` multiplications allow, but for each term a few."""


@dataclass(frozen=True)
class Layer:
    """What became of a `kind` of op, product or norm. Of a product, the part of its results' squares (around
    their mean, where it has an offset) that masks upset, before and after. `reason`: why it stays."""

    name: str
    kind: str
    before: float = 0.0
    after: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Recovery:
    """The two ways, how hard weights are held, and the seed of the rows that are taken."""

    products: bool = True
    norms: bool = False
    ridge: float = RIDGE
    seed: int = 0


WAYS = {
    "products": Recovery(),
    "norms": Recovery(products=False, norms=True),
    "both": Recovery(norms=True),
}
"""What `recover=` can ask for. `products` does best: sums that meet their old ones in the mean are a little
smaller, and statistics of theirs would magnify what is wrong with them too."""


def recovery_of(wanted: bool | str) -> Recovery | None:
    """True means `products`. Raises UsageError for a way that there is not."""
    if isinstance(wanted, bool):
        return WAYS["products"] if wanted else None
    if wanted not in WAYS:
        raise UsageError(f"recover is '{wanted}', expected one of {', '.join(WAYS)}")
    return WAYS[wanted]


def recover(
    model: Model, data: Batches, ways: Recovery, on_step: Callable[[str], None] | None = None
) -> list[Layer]:
    """Changes the constants of `model`, which holds nn ops and `prune.mask`s, in place; what was done, in
    order. Only ops behind a mask are touched. Its store becomes one of its own. Raises TenonError where
    activations are no finite numbers, or where only norms are asked for and there are none."""
    if not ways.products and not any(isinstance(op, nn.BatchNormOp) for op in model.module.walk()):
        raise TenonError("recovery by norms: the model has none, they may be folded into its weights")
    work = _Work(model, data, ways)
    changed: set[SSAValue] = set()
    for op in list(model.main.body.block.ops):
        read = {operand for inner in op.walk() for operand in inner.operands}
        if not isinstance(op, prune.MaskOp) and changed.isdisjoint(read):
            continue
        changed.update(op.results)
        if on_step is not None and isinstance(op.location, NameLoc):
            on_step(op.location.desc.data)
        work.visit(op)
    model.module.verify()
    return work.layers


class _Work:
    def __init__(self, model: Model, data: Batches, ways: Recovery):
        self.model, self.ways = model, ways
        model.store = _own_store(model)
        dense, self.unmasked = _without_masks(model)
        self.masked, self.dense = Stages(model, data), Stages(dense, data)
        self.rng = np.random.default_rng(ways.seed)
        self.layers: list[Layer] = []

    def visit(self, op: Operation) -> None:
        product = product_of(op) if self.ways.products else None
        if product is not None:
            self.layers.append(self._solve(product))
        elif isinstance(op, nn.BatchNormOp) and self.ways.norms:
            self.layers.append(self._measure(op))
        else:
            return
        self.masked.release()
        self.dense.release()

    def _solve(self, product: Product) -> Layer:
        name, op = _name(product.op), product.op
        weights = parameter_at(op, 1)
        reason = _why_not(product)
        if weights is None or reason:
            return Layer(name, "product", reason=reason or "its weights are no constant of floats")
        offset, bias = offset_behind(op, product.channels), own_bias(op)
        equations = NormalEquations(offset is not None, self.ways.ridge)
        for x, y in self._rows(product):
            equations.add(x, y)
        old = weights.array(self.model)
        found = equations.solve(product.matrix(old))
        weights.set(self.model, product.weights(found.matrix, old))
        if offset is not None:
            now = offset.numbers(self.model) if bias is not None else 0.0
            offset.add(self.model, found.offset.reshape(-1) - now)
        wanted = found.wanted or 1.0
        return Layer(name, "product", found.before / wanted, found.after / wanted)

    def _rows(self, product: Product):
        """Terms and wanted results of the rows that are taken of each batch."""
        xs, ys = self.masked.value(product.x), self.dense.value(self.unmasked[product.op.results[0]])
        terms = product.width
        most = max(FEWEST_ROWS * terms, int(WORK / terms**2)) // len(xs) + 1
        for x, y in zip(xs, ys, strict=True):
            _check_finite(product.op, x, y)
            count = product.count
            rows = np.arange(count)
            if most < count:
                rows = np.sort(self.rng.choice(count, most, replace=False))
            yield product.terms(x, rows), product.results(y, rows)

    def _measure(self, norm: nn.BatchNormOp) -> Layer:
        mean, variance = parameter_at(norm, 3), parameter_at(norm, 4)
        if mean is None or variance is None:
            return Layer(_name(norm), "norm", reason="its statistics are no constants")
        arrays = self.masked.value(norm.x)
        axes = tuple(a for a in range(arrays[0].ndim) if a != 1)
        _check_finite(norm, *arrays)
        centre = np.mean([array.mean(axis=axes, dtype=np.float64) for array in arrays], axis=0)
        around = centre.reshape(-1, *(1,) * (arrays[0].ndim - 2))
        spread = np.mean([((array - around) ** 2).mean(axis=axes) for array in arrays], axis=0)
        mean.set(self.model, centre)
        variance.set(self.model, spread)
        return Layer(_name(norm), "norm")


def _why_not(product: Product) -> str:
    """Why a product stays as it is; nothing where it does not."""
    weights = parameter_at(product.op, 1)
    if weights is not None and weights.is_shared:
        return "its weights are shared"
    terms = product.width
    if not terms:
        return "masks leave none of its inputs"
    return f"it sums {terms} terms, at most {WIDEST} are solved for" if terms > WIDEST else ""


def _check_finite(op: Operation, *arrays: np.ndarray) -> None:
    if not all(np.isfinite(array).all() for array in arrays):
        raise TenonError(f"recovery: values at '{_name(op)}' are not all finite on the calibration data")


def _name(op: Operation) -> str:
    return op.location.desc.data if isinstance(op.location, NameLoc) else op.name


def _own_store(model: Model) -> nn.WeightStore:
    store = nn.WeightStore()
    for op in model.module.walk():
        if isinstance(op, nn.ConstantOp) and isinstance(op.value, nn.WeightAttr):
            store.put(model.store.get(op.value))
    return store


def _without_masks(model: Model) -> tuple[Model, dict[SSAValue, SSAValue]]:
    """A copy that ignores masks, and where the values of `model` are there."""
    copies: dict[SSAValue, SSAValue] = {}
    module = model.module.clone(copies)
    assert isinstance(module, ModuleOp)
    for mask in [op for op in module.walk() if isinstance(op, prune.MaskOp)]:
        mask.result.replace_all_uses_with(mask.x)
        mask.detach()
        mask.erase()
    return Model(module, model.store, name=model.name), copies
