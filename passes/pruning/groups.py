"""From atoms to groups: atoms that lie along the same dimensions are the channels of one group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from xdsl.dialects.builtin import ModuleOp, NameLoc
from xdsl.dialects.func import FuncOp
from xdsl.ir import SSAValue
from xdsl.utils.exceptions import VerifyException

from ...dialects import nn, prune
from ...dialects.errors import TenonError
from ..functions import straight_functions
from .analysis import Analysis
from .analyze import analyze


class Place(NamedTuple):
    """A dimension of a named value."""

    value: str
    axis: int


@dataclass
class Channels:
    """A group as the graph has it: `atoms` [channels]; `members`: the positions [channels, positions of one]
    at each place; `evens`: op -> the part that each channel lies in, -1 for none."""

    atoms: np.ndarray
    members: dict[Place, np.ndarray]
    pinned: str | None
    evens: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return next(iter(self.members)).value


def named_values(function: FuncOp) -> dict[str, SSAValue]:
    """The values that depend on an input, by the name of their op; of several the last."""
    known = nn.compile_time_values(function.body.block.ops)
    found: dict[str, SSAValue] = {}
    for op in function.body.block.ops:
        if len(op.results) == 1 and op.results[0] not in known and isinstance(op.location, NameLoc):
            found[op.location.desc.data] = op.results[0]
    return found


def _places(analysis: Analysis, values: Mapping[str, SSAValue]) -> Iterator[tuple[Place, np.ndarray]]:
    for name, value in values.items():
        for number, factor in enumerate(analysis.factors.get(value, ())):
            if len(factor.axes) == 1:
                yield Place(name, factor.axes[0]), analysis.roots(value, number)


def channel_groups(analysis: Analysis, values: Mapping[str, SSAValue]) -> list[Channels]:
    """All groups, in the order of their first members."""
    places = list(_places(analysis, values))
    lies_in: dict[int, list[tuple[int, int]]] = {}
    for number, (_, roots) in enumerate(places):
        for atom, count in zip(*(a.tolist() for a in np.unique(roots, return_counts=True)), strict=True):
            lies_in.setdefault(atom, []).append((number, count))
    together: dict[tuple, list[int]] = {}
    for atom, where in lies_in.items():
        together.setdefault((*where, analysis.atoms.reason(atom)), []).append(atom)
    found = [
        _channels(analysis, [places[number] for number, _ in key[:-1]], atoms, key[-1])
        for key, atoms in together.items()
    ]
    _add_evens(analysis, found)
    return found


def _channels(
    analysis: Analysis, places: Sequence[tuple[Place, np.ndarray]], atoms: list[int], reason: str | None
) -> Channels:
    first = places[0][1]
    mine = first[np.isin(first, atoms)]
    _, index = np.unique(mine, return_index=True)
    ordered = mine[np.sort(index)]
    members = {place: positions_of(ordered, roots) for place, roots in places}
    return Channels(ordered, members, reason)


def positions_of(atoms: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """[atoms, positions of one]: where `roots` holds each, every one equally often."""
    rank = np.argsort(atoms)
    at = np.flatnonzero(np.isin(roots, atoms))
    channel = rank[np.searchsorted(atoms, roots[at], sorter=rank)]
    return at[np.argsort(channel, kind="stable")].reshape(len(atoms), -1)


def _add_evens(analysis: Analysis, groups: Sequence[Channels]) -> None:
    """The parts of each op that asks for even ones, told to the groups whose channels they hold. Parts of
    one atom each ask for nothing, they leave whole; nor do parts of the same atoms, or those asked for
    before."""
    known: set[frozenset[tuple[int, ...]]] = set()
    names: dict[str, int] = {}
    for even in analysis.evens:
        roots = np.sort(analysis.atoms.roots(even.ids), axis=1)
        key = frozenset(map(tuple, roots.tolist()))
        if key in known or (roots == roots[:, :1]).all() or (roots == roots[:1]).all():
            continue
        known.add(key)
        names[even.op] = names.get(even.op, 0) + 1
        name = even.op if names[even.op] == 1 else f"{even.op} {names[even.op]}"
        for group in groups:
            parts = _parts(group.atoms, roots)
            if (parts >= 0).any() and group.pinned is None:
                group.evens[name] = parts


def _parts(atoms: np.ndarray, roots: np.ndarray) -> np.ndarray:
    """The row of `roots` that holds each atom; -1 for none."""
    flat = roots.reshape(-1)
    order = np.argsort(flat, kind="stable")
    at = np.minimum(np.searchsorted(flat, atoms, sorter=order), len(flat) - 1)
    held = flat[order[at]] == atoms
    return np.where(held, order[at] // roots.shape[1], -1)


@dataclass
class Resolved:
    """A module whose groups were checked: `atoms` of each group's channels, by its name."""

    function: FuncOp
    analysis: Analysis
    values: dict[str, SSAValue]
    atoms: dict[str, np.ndarray]
    groups: list[Channels]


def main_function(module: ModuleOp, user: str) -> FuncOp:
    """The function whose channels are meant: the first public one, or TenonError in the name of a pass."""
    for function in straight_functions(module, user):
        if function.sym_visibility is None or function.sym_visibility.data != "private":
            return function
    raise TenonError(f"{user}: the module has no public function with a body")


def resolve(module: ModuleOp, user: str) -> Resolved:
    """Analyses a module and finds the channels of its groups. Raises TenonError for a group that is not as
    the graph has it; one that unites more than the graph is fine."""
    function = main_function(module, user)
    analysis = analyze(function)
    values = named_values(function)
    given = list(prune.groups(module))
    own = {group.label: _unite(analysis, values, group) for group in given}
    groups = channel_groups(analysis, values)
    by_atom = {int(atom): group for group in groups for atom in group.atoms}
    atoms: dict[str, np.ndarray] = {}
    owners: dict[int, str] = {}
    for group in given:
        atoms[group.label] = analysis.atoms.roots(own[group.label])
        _check(group, atoms[group.label], by_atom[int(atoms[group.label][0])], analysis)
        owner = owners.setdefault(int(atoms[group.label].min()), group.label)
        if owner != group.label:
            raise TenonError(f"group @{group.label} has the channels of group @{owner}, expected one of both")
    return Resolved(function, analysis, values, atoms, groups)


def _unite(analysis: Analysis, values: Mapping[str, SSAValue], group: prune.GroupOp) -> np.ndarray:
    """Ties what the members of a group say hangs together; an id of each channel."""
    every: list[np.ndarray] = []
    for member in group.members:
        name, axis = member.value.data, member.axis.data
        where = f"group @{group.label}: '{name}' axis {axis}"
        if name not in values:
            raise TenonError(f"group @{group.label}: there is no value '{name}'")
        found = [f for f in analysis.factors[values[name]] if f.axes == (axis,)]
        if not found:
            raise TenonError(f"{where} holds no channels: {analysis.fixed[values[name]]}")
        try:
            positions = member.positions(group.channels)
        except VerifyException as error:
            raise TenonError(f"group @{group.label}: {error}") from error
        ids = found[0].ids
        if positions.max() >= len(ids):
            raise TenonError(f"{where} has {len(ids)} positions, the group names {positions.max()}")
        every.append(ids[positions])
    if not every:
        raise TenonError(f"group @{group.label} has no members")
    for ids in every:
        analysis.atoms.unite(every[0][:, :1], ids)
    if group.pinned is not None:
        analysis.atoms.pin(every[0], group.pinned.data)
    return every[0][:, 0]


def _check(group: prune.GroupOp, atoms: np.ndarray, found: Channels, analysis: Analysis) -> None:
    label = f"group @{group.label}"
    values, index, counts = np.unique(atoms, return_index=True, return_counts=True)
    if (counts > 1).any():
        twice = np.flatnonzero(atoms == values[counts > 1][0])[:2]
        raise TenonError(f"{label}: channels {twice[0]} and {twice[1]} hang together, expected one channel")
    if set(found.atoms.tolist()) != set(values.tolist()):
        place = next(iter(found.members))
        where = f"'{place.value}' axis {place.axis}"
        raise TenonError(
            f"{label} has {len(atoms)} channels, {where} holds {len(found.atoms)} that leave alike"
        )
    named = {Place(m.value.data, m.axis.data) for m in group.members}
    missing = [place for place in found.members if place not in named]
    if missing:
        place, at = missing[0], found.members[missing[0]][0].tolist()[:4]
        raise TenonError(
            f"{label} leaves out '{place.value}' axis {place.axis}, whose positions {at} leave with a channel"
        )
    for member in group.members:
        held = positions_of(atoms, analysis_roots(analysis, found, member, atoms))
        said = member.positions(group.channels)
        if not np.array_equal(held, said):
            where = f"'{member.value.data}' axis {member.axis.data}"
            raise TenonError(
                f"{label}: channel 0 lies at {held[0].tolist()[:4]} of {where}, not at {said[0].tolist()[:4]}"
            )
    if found.pinned is not None and group.pinned is None:
        raise TenonError(f"{label} cannot shrink: {found.pinned}; expected pinned")


def analysis_roots(
    analysis: Analysis, found: Channels, member: prune.MemberAttr, atoms: np.ndarray
) -> np.ndarray:
    """The atoms along a member's dimension, of other groups -1."""
    positions = found.members[Place(member.value.data, member.axis.data)]
    roots = np.full(int(positions.max()) + 1, -1)
    roots[positions] = found.atoms[:, None]
    return roots
