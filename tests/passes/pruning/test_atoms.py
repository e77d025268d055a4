"""The union-find, against one written the plain way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tenonc.passes.pruning.atoms import Atoms

PAIRS = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40)


def classes(pairs: list[tuple[int, int]]) -> list[set[int]]:
    found = [{i} for i in range(30)]
    for a, b in pairs:
        one, other = next(c for c in found if a in c), next(c for c in found if b in c)
        if one is not other:
            found.remove(other)
            one |= other
    return found


@given(st.lists(PAIRS, max_size=4), st.lists(st.tuples(st.integers(0, 3), st.integers(0, 29)), max_size=4))
def test_unites_and_pins(rounds: list, pins: list):
    """Pins go with their atom, whenever they were set; of two reasons the first one given stays."""
    atoms = Atoms()
    ids = atoms.fresh(30)
    for number, pairs in enumerate(rounds):
        for when, which in pins:
            if when == number:
                atoms.pin(ids[[which]], f"{when} {which}")
        if pairs:
            left, right = zip(*pairs, strict=True)
            atoms.unite(ids[list(left)], ids[list(right)])
    expected = classes([pair for pairs in rounds for pair in pairs])
    roots = atoms.roots(ids)
    for members in expected:
        assert len({int(roots[i]) for i in members}) == 1
        mine = [f"{when} {which}" for when, which in pins if which in members and when < len(rounds)]
        reason = atoms.reason(int(roots[min(members)]))
        assert reason is None if not mine else reason in mine
    assert len(set(roots.tolist())) == len(expected)


def test_grows_and_broadcasts():
    atoms = Atoms()
    ids = atoms.fresh(5000).reshape(50, 100)
    atoms.unite(ids[:, :1], ids)
    assert len(np.unique(atoms.roots(ids))) == 50 and len(atoms) == 5000
