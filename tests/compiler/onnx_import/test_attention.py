"""Attention, compiled, against the formula in f64."""

import numpy as np
import pytest

RNG = np.random.default_rng(23)


def attention(q, k, v, causal):
    """Groups of query heads share a head of keys and values."""
    q, k, v = (x.astype(np.float64) for x in (q, k, v))
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[3])
    if causal:
        scores = np.where(np.triu(np.ones(scores.shape[2:]), 1), -np.inf, scores)
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True) @ v


@pytest.mark.parametrize("causal", [0, 1])
@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 1e-6), (np.float16, 6e-4)])
def test_like_the_formula(one_op, dtype, bound, causal):
    """In f16 the result is rounded once: within one unit of its last place."""
    from tenonc.compiler import compile, load

    arrays = {
        "q": RNG.standard_normal((2, 4, 6, 8)).astype(dtype),
        "k": RNG.standard_normal((2, 2, 9, 8)).astype(dtype),
        "v": RNG.standard_normal((2, 2, 9, 5)).astype(dtype),
    }
    (found,) = compile(load(one_op("Attention", arrays, opset=24, is_causal=causal)))(arrays)
    assert found.dtype == dtype
    expected = attention(*arrays.values(), causal)
    assert np.abs(found.astype(np.float64) - expected).max() <= bound * np.abs(expected).max()
