"""Sets of positions that a tensor can hold."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tenonc.passes.pruning.rectangle import arranged, rectangular


@given(array_shapes(min_dims=1, max_dims=3, max_side=5).flatmap(lambda shape: arrays(bool, shape)))
def test_grown_sets_fit(mask: np.ndarray):
    """Everything is still there, and lies on a grid along one axis of which rows differ."""
    if not mask.any():
        return
    grown = rectangular(mask)
    assert (grown | mask == grown).all()
    order = arranged(grown)
    assert order.ndim == mask.ndim
    assert sorted(order.reshape(-1).tolist()) == np.flatnonzero(grown).tolist()
    coordinates = np.unravel_index(order, mask.shape)
    free = [
        axis
        for axis in range(mask.ndim)
        if not all(
            (np.moveaxis(c, other, 0).reshape(order.shape[other], -1).std(axis=1) == 0).all()
            for other, c in enumerate(coordinates)
            if other == axis
        )
    ]
    assert len(free) <= 1


@given(st.integers(2, 5), st.integers(2, 6), st.data())
def test_even_rows_need_nothing(rows: int, columns: int, data):
    """As many of each row, at different places, is a rectangle already."""
    count = data.draw(st.integers(1, columns))
    mask = np.zeros((rows, columns), bool)
    for row in mask:
        row[data.draw(st.permutations(range(columns)))[:count]] = True
    assert (rectangular(mask) == mask).all()
