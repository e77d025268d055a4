"""What has to hold for an instruction to compute a nest, as a table of checks: matching runs them in turn,
and explaining says which one failed first.

Each check narrows what the ones before have left of the ways to run the nest: how registers stand for its
operands, and along which of its loops the instruction's run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import permutations

from xdsl.dialects.builtin import AnyFloat

from ...dialects.tensorized import InstructionOp, RangeAttr
from .access import Access
from .bodies import Difference, body_bindings
from .cost import InstructionView, NestView, issues, output_cycles, read_of
from .trial import Match, Refusal, Rules, Trial


def _body(trial: Trial) -> str | None:
    """Both bodies compute the same of operands of the same types."""
    pattern, difference = trial.shape.op.body.block, Difference()
    count = len(pattern.args)
    for bound in body_bindings(pattern, trial.nest.op.body.block, difference):
        if len(bound) == count:
            trial.operands.append(tuple(bound[k] for k in range(count)))
    return None if trial.operands else difference.text or "operands: its body does not read all of them"


def _accumulator(trial: Trial) -> str | None:
    """The accumulator stands for the init, and no other register does."""
    place, init = trial.shape.op.accumulator.data, len(trial.nest.values) - 1
    trial.operands = [o for o in trial.operands if o[place] == init and o.count(init) == 1]
    return None if trial.operands else f"{trial.register(place)} is not what the operation accumulates"


def _range(trial: Trial) -> str | None:
    """Every operand's elements lie in what the instruction is valid for."""
    valid, known = trial.shape.ranges, trial.nest.ranges

    def outside(operands: tuple[int, ...]) -> Iterator[int]:
        return (k for k, operand in enumerate(operands) if not _allows(valid[k], known[operand]))

    left = [operands for operands in trial.operands if not any(True for _ in outside(operands))]
    if left:
        trial.operands = left
        return None
    k = next(outside(trial.operands[0]))
    wanted, found = valid[k], known[trial.operands[0][k]]
    assert wanted is not None
    has = "are not known" if found is None else f"lie in {found.text}"
    return f"{trial.register(k)} must lie within {wanted.text}, the operand's elements {has}"


def _allows(valid: RangeAttr | None, known: RangeAttr | None) -> bool:
    return valid is None or (known is not None and valid.holds(known))


def _rounding(trial: Trial) -> str | None:
    """An instruction that sums several floats in an order of its own may do so."""
    op = trial.shape.op
    sums = isinstance(op.accumulator_register.element_type, AnyFloat) and "reduction" in trial.shape.kinds
    if sums and not trial.rules.reassociate:
        return "it sums floats in an order of its own, the loops' order is asked for"
    return None


def _loops(trial: Trial) -> str | None:
    """For each loop of the instruction one of the nest of equal kind, whatever the order; any may end in a
    partial instruction."""
    kinds, wanted = trial.nest.kinds, trial.shape.kinds
    places = permutations(range(len(kinds)), len(wanted))
    trial.loops = [p for p in places if all(kind == kinds[at] for kind, at in zip(wanted, p))]
    if trial.loops:
        return None
    counts = [f"{wanted.count(k)} {k}" for k in ("parallel", "reduction") if wanted.count(k) > kinds.count(k)]
    has = ", ".join(f"{n}: {k}" for n, k in zip(trial.nest.names, kinds))
    return f"it needs {' and '.join(counts)} loops, the operation has ({has})"


def _lanes(trial: Trial) -> str | None:
    """Lanes run along the loops that the kernel has been given, if it has been given any."""
    if not trial.lanes:
        return None
    along = [i for i, kind in enumerate(trial.shape.kinds) if kind == "parallel"]
    names, extents = trial.nest.names, trial.shape.extents
    trial.loops = [
        p for p in trial.loops if {names[p[i]]: extents[i] for i in along if extents[i] > 1} == trial.lanes
    ]
    given = ", ".join(f"{name} = {n}" for name, n in trial.lanes.items())
    return None if trial.loops else f"no map has the lanes that the kernel is given, {given}"


def _access(trial: Trial) -> str | None:
    """An operand that varies along a loop of the instruction has lanes for it in its register."""
    first: str | None = None
    outputs: dict[tuple[int, ...], float] = {}
    for operands in trial.operands:
        for loops in trial.loops:
            reason = _without_lanes(trial, operands, loops)
            first = first or reason
            if reason is None:
                trial.matches.append(_match(trial, operands, loops, outputs))
    return None if trial.matches else first


def _without_lanes(trial: Trial, operands: tuple[int, ...], loops: tuple[int, ...]) -> str | None:
    shape, nest = trial.shape, trial.nest
    for k, (row, operand) in enumerate(zip(shape.rows, operands)):
        if nest.looked_up[operand] and shape.sizes[k] > 1 and any(at in nest.used[operand] for at in loops):
            what = f"is looked up, one element for all lanes, operand {operand} varies along them"
            return f"{trial.register(k)} {what}"
        for at, lane, loop in zip(loops, row, shape.op.loops):
            if lane == 0 and loop.extent.data > 1 and at in nest.used[operand]:
                what = "the init" if operand == len(nest.values) - 1 else f"operand {operand}"
                along = f"{loop.label.data} = {nest.names[at]}"
                return f"{trial.register(k)} has no lanes along {along}, with which {what} varies"
    return None


def _match(
    trial: Trial, operands: tuple[int, ...], loops: tuple[int, ...], outputs: dict[tuple[int, ...], float]
) -> Match:
    shape, nest, facts = trial.shape, trial.nest, trial.rules.facts
    reads = tuple(read_of(shape, nest, k, operand, loops, facts) for k, operand in enumerate(operands))
    if loops not in outputs:
        outputs[loops] = output_cycles(shape, nest, trial.around, loops, facts)
    cycles = issues(shape, nest, loops) / shape.rate + sum(read.cycles for read in reads)
    return Match(shape.op, operands, loops, reads, cycles + outputs[loops])


def _rows(trial: Trial) -> str | None:
    """Registers of several rows are loaded as rows of memory, or from what is packed at compile time, and in
    whole steps of the reduction."""
    if not trial.shape.is_tall:
        return None
    trial.matches, matches = [], trial.matches
    first: str | None = None
    for match in matches:
        reason = _without_rows(trial, match)
        first = first or reason
        if reason is None:
            trial.matches.append(match)
    return None if trial.matches else first


def _without_rows(trial: Trial, match: Match) -> str | None:
    shape, nest = trial.shape, trial.nest
    for at, kind, loop in zip(match.loops, shape.kinds, shape.op.loops):
        width = loop.extent.data
        if kind == "reduction" and nest.extents[at] % width:
            steps = f"{nest.names[at]} has {nest.extents[at]} steps"
            return f"{steps}, no multiple of the {width} of {loop.label.data}"
    for k, (read, operand) in enumerate(zip(match.reads, match.operands)):
        packed = read.access is Access.PACK and nest.constant[operand]
        if k != shape.op.accumulator.data and not packed and read.access is not Access.ROWS:
            return f"{trial.register(k)} is no rows of memory, and not known at compile time"
    return None


def _feature(trial: Trial) -> str | None:
    """The target has the instruction."""
    has, op = trial.rules.features, trial.shape.op
    missing = sorted(op.features - has) if has is not None else []
    return f"the target lacks {', '.join(missing)}" if missing else None


CHECKS: dict[str, Callable[[Trial], str | None]] = {
    "body": _body,
    "accumulator": _accumulator,
    "range": _range,
    "rounding": _rounding,
    "loops": _loops,
    "lanes": _lanes,
    "access": _access,
    "rows": _rows,
    "feature": _feature,
}
"""In the order they run: a check narrows the trial and returns None, or says why nothing is left."""


def tried(
    instruction: InstructionOp,
    nest: NestView,
    around: Sequence[NestView],
    rules: Rules,
    lanes: Mapping[str, int],
) -> tuple[list[Match], Refusal | None]:
    """Every way `instruction` computes `nest`, or the check that failed first; `lanes` if they are given."""
    trial = Trial(InstructionView(instruction), nest, around, rules, lanes)
    for name, check in CHECKS.items():
        if reason := check(trial):
            return [], Refusal(name, reason)
    return trial.matches, None
