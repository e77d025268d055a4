"""Criteria: a score for each channel of the groups that may shrink."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
from xdsl.ir import Operation, SSAValue

from ...dialects import nn
from ...dialects.errors import TenonError
from ..runner import DataRunner
from .groups import Resolved, positions_of
from .masks import readers
from .rules import shape_of


class Settings(NamedTuple):
    """Of `attention`: the mapping over positions and the power; of `random`: the seed."""

    mapping: str
    power: float
    seed: int


Scores = dict[str, np.ndarray]
Criterion = Callable[[Resolved, Sequence[str], DataRunner | None, Settings], Scores]


def _random(
    resolved: Resolved, groups: Sequence[str], runner: DataRunner | None, settings: Settings
) -> Scores:
    def draw(name: str) -> np.ndarray:
        rng = np.random.default_rng([settings.seed, crc32(name.encode())])
        return rng.random(len(resolved.atoms[name]))

    return {name: draw(name) for name in groups}


PRODUCTS = (nn.ConvOp, nn.ConvTransposeOp, nn.MatmulOp)


def _norm(power: int) -> Criterion:
    """Of the weights that make a channel; where none do, at the start of a branch, of those that read it."""

    def score(
        resolved: Resolved, groups: Sequence[str], runner: DataRunner | None, settings: Settings
    ) -> Scores:
        assert runner is not None

        def sizes(value: SSAValue, axis: int) -> np.ndarray:
            weights = np.abs(runner.evaluate(value).astype(np.float64)) ** power
            return weights.sum(axis=tuple(a for a in range(weights.ndim) if a != axis))

        totals = {name: np.zeros(len(resolved.atoms[name])) for name in groups}
        made: set[str] = set()
        for op, operand, axis, roots in _made_by_weights(resolved, PRODUCTS, (1, 0)):
            made |= _add(resolved, totals, roots, sizes(op.operands[operand], axis))
        others = {name: total for name, total in totals.items() if name not in made}
        for value, axis, roots in _read_by_weights(resolved) if others else ():
            _add(resolved, others, roots, sizes(value, axis))
        return {name: total ** (1 / power) for name, total in totals.items()}

    return score


def _read_by_weights(resolved: Resolved) -> Iterator[tuple[SSAValue, int, np.ndarray]]:
    """Weights that sum over channels: the axis, and the atom of each of its positions."""
    analysis = resolved.analysis
    known = nn.compile_time_values(resolved.function.body.block.ops)
    for op, sums in analysis.sums.items():
        for slot in (slot for slots in sums for slot in slots if isinstance(op, PRODUCTS)):
            value = op.operands[slot.operand]
            if value in known:
                yield value, analysis.factors[value][slot.factor].axes[0], analysis.roots(value, slot.factor)


def _gamma(
    resolved: Resolved, groups: Sequence[str], runner: DataRunner | None, settings: Settings
) -> Scores:
    assert runner is not None
    totals = {name: np.zeros(len(resolved.atoms[name])) for name in groups}
    met: set[str] = set()
    for op, operand, _, roots in _made_by_weights(resolved, (nn.BatchNormOp,), (1,)):
        met |= _add(resolved, totals, roots, np.abs(runner.evaluate(op.operands[operand]).astype(np.float64)))
    missing = [name for name in groups if name not in met]
    if missing:
        why = "its batch norm may be folded into the weights, as exporters do"
        raise TenonError(f"criterion 'gamma': group @{missing[0]} passes no batch norm ({why}); use another")
    return totals


def _made_by_weights(
    resolved: Resolved, kinds: tuple[type[Operation], ...], operands: tuple[int, ...]
) -> Iterator[tuple[Operation, int, int, np.ndarray]]:
    """Operands known at compile time that give channels to their op's result: with the axis and, of each of
    its positions, the atom."""
    analysis = resolved.analysis
    known = nn.compile_time_values(resolved.function.body.block.ops)
    for op, links in analysis.links.items():
        for link in links:
            value = op.operands[link.operand]
            if not isinstance(op, kinds) or link.operand not in operands or value not in known:
                continue
            factor = analysis.factors[value][link.factor]
            if link.result is None or len(factor.axes) != 1:
                continue
            roots = np.full(factor.ids.size, -1)
            held = analysis.roots(op.results[0], link.result).reshape(-1)
            for column in link.reads.T:
                roots[column[column >= 0]] = held[column >= 0]
            yield op, link.operand, factor.axes[0], roots


def _add(resolved: Resolved, totals: Scores, roots: np.ndarray, sizes: np.ndarray) -> set[str]:
    """Adds what each position is worth to its channel; the groups that were met."""
    met = set(_inside(resolved, totals, roots))
    for name in met:
        totals[name] += sizes[positions_of(resolved.atoms[name], roots)].sum(axis=1)
    return met


def _inside(resolved: Resolved, names: Iterable[str], roots: np.ndarray) -> Iterator[str]:
    """The groups all of whose channels are among `roots`; one look tells most of them apart."""
    there = set(roots.reshape(-1).tolist())
    for name in names:
        atoms = resolved.atoms[name]
        if int(atoms[0]) in there and np.isin(atoms, roots).all():
            yield name


MAPPINGS: dict[str, Callable[..., np.ndarray]] = {"mean": np.mean, "sum": np.sum, "max": np.max}
"""How a channel's positions become one number."""


def _attention(
    resolved: Resolved, groups: Sequence[str], runner: DataRunner | None, settings: Settings
) -> Scores:
    assert runner is not None
    places = {}
    for reader in readers(resolved):
        places.setdefault((reader.op.operands[reader.operand], reader.axis), reader.roots)
    sums, count = dict.fromkeys((value for value, _ in places), np.zeros(())), 0
    for batch in runner.batches(list(sums)):
        count += 1
        for value, array in zip(sums, batch, strict=True):
            sums[value] = sums[value] + np.abs(array.astype(np.float64))
    samples = _samples(resolved)
    totals = {name: np.zeros(len(resolved.atoms[name])) for name in groups}
    times = dict.fromkeys(groups, 0)
    for (value, axis), roots in places.items():
        mean = _over_samples(sums[value] / count, samples if axis else 1) ** settings.power
        lines = np.moveaxis(mean, axis, 0).reshape(len(roots), -1)
        for name in _inside(resolved, groups, roots):
            atoms = resolved.atoms[name]
            lines_of = lines[positions_of(atoms, roots)].reshape(len(atoms), -1)
            totals[name] += MAPPINGS[settings.mapping](lines_of, axis=1)
            times[name] += 1
    return {name: totals[name] / max(1, times[name]) for name in groups}


def _samples(resolved: Resolved) -> int:
    """How many samples a batch has: the first extent of the inputs, if it is the same for all; else 1."""
    shapes = [shape_of(value) for value in resolved.function.body.block.args]
    found = {shape[0] for shape in shapes if shape}
    return max(1, found.pop()) if len(found) == 1 else 1


def _over_samples(array: np.ndarray, samples: int) -> np.ndarray:
    """The mean over a batch, the outermost part of the first axis (all of it, or over the rows of each)."""
    if len(array) % samples:
        return array
    return array.reshape(samples, -1, *array.shape[1:]).mean(axis=0)


CRITERIA: dict[str, Criterion] = {
    "attention": _attention,
    "l1": _norm(1),
    "l2": _norm(2),
    "gamma": _gamma,
    "random": _random,
}
"""Criterion -> what scores all groups."""
