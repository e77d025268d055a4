"""Masked is shrunk: whatever masks stand in a network, the smaller one computes the same."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from xdsl.context import Context

from tenonc.dialects import nn, prune
from tenonc.passes.prune_analyze import PruneAnalyzePass
from tenonc.passes.prune_apply import LOG, PruneApplyPass
from tenonc.passes.prune_score import PruneScorePass
from tenonc.passes.prune_select import PruneSelectPass


def worst(before: np.ndarray, after: np.ndarray) -> float:
    """The largest difference, relative to the largest magnitude."""
    return float(np.abs(before - after).max() / max(np.abs(before).max(), np.finfo(float).tiny))


def weights(module, store) -> int:
    """Elements that products and norms take."""
    known = nn.compile_time_values(next(iter(module.body.block.ops)).body.block.ops)
    taken = {v for op in module.walk() if op.results and op.results[0] not in known for v in op.operands}
    return sum(int(np.prod(nn.tensor_of(v).get_shape())) for v in taken & known)


@settings(max_examples=25, phases=[Phase.generate])
@given(st.randoms(use_true_random=False), st.integers(0, 2**32))
def test_any_masks(network, run_network, random, seed):
    net = network(random.randrange, seed)
    net.grow(3 + random.randrange(10))
    module = net.finish()
    before = run_network(module, net.store)
    PruneApplyPass().apply(Context(), module)
    module.verify()
    assert not any(isinstance(op, prune.MaskOp) for op in module.walk())
    assert worst(before, run_network(module, net.store)) < 1e-12


@pytest.mark.parametrize("residuals", ["coupled", "indexed"])
@settings(max_examples=25, phases=[Phase.generate])
@given(st.randoms(use_true_random=False), st.integers(0, 2**32), st.floats(0.1, 0.8))
def test_what_select_removes_is_gone(network, run_network, residuals, random, seed, ratio):
    """The network computes the same, and is smaller by what was removed."""
    net = network(random.randrange, seed)
    net.grow(3 + random.randrange(8), without_masks=True)
    module = net.finish()
    size = weights(module, net.store)
    PruneAnalyzePass(residuals).apply(Context(), module)
    PruneScorePass(criterion="random").apply(Context(), module)
    PruneSelectPass(ratio=ratio).apply(Context(), module)
    module.verify()
    removed = [group for group in prune.groups(module) if group.removed_channels]
    before = run_network(module, net.store)
    PruneApplyPass().apply(Context(), module)
    module.verify()
    assert worst(before, run_network(module, net.store)) < 1e-12
    assert len(module.attributes[LOG].data if removed else ()) == len(removed)
    assert not removed or weights(module, net.store) < size


def test_branches_lose_their_own(network, run_network):
    """Two blocks with a residual: each branch reads half of the sum and adds to half of it."""
    picks = iter([1, 0] * 200)
    net = network(lambda n: next(picks) % n, 0)
    x = net.images[0]
    for _ in range(2):
        branch = net.add(nn.ElementwiseOp("relu", net.conv(x, 8)))
        x = net.add(nn.ElementwiseOp("add", net.conv(branch, net.channels(x)), x))
    net.images = [x]
    module = net.finish()
    PruneAnalyzePass("indexed").apply(Context(), module)
    PruneScorePass(criterion="random").apply(Context(), module)
    PruneSelectPass(ratio=0.5).apply(Context(), module)
    assert sum(bool(group.removed_channels) for group in prune.groups(module)) == 7
    before = run_network(module, net.store)
    PruneApplyPass().apply(Context(), module)
    assert worst(before, run_network(module, net.store)) < 1e-12
    convs = [op for op in module.walk() if isinstance(op, nn.ConvOp)]
    inputs = [nn.tensor_of(op.x).get_shape()[1] for op in convs]
    assert inputs[0] == 3 and max(inputs[1:]) == 4 and max(op.shape[1] for op in convs) == 4
    assert sum(isinstance(op, nn.GatherOp) for op in module.walk()) >= 3


@pytest.mark.parametrize("seed", range(3))
def test_nothing_moves_in_a_residual_network(network, run_network, seed):
    """Of a chain of convolutions with sums, concats and gates, half of the channels."""
    picks = iter([1, 0] * 200)
    net = network(lambda n: next(picks) % n, seed)
    x = net.images[0]
    for _ in range(3):
        branch = net.add(nn.ElementwiseOp("relu", net.conv(x, 8)))
        x = net.add(nn.ElementwiseOp("add", net.conv(branch, net.channels(x)), x))
    net.images = [net.add(nn.ConcatOp([x, net.conv(x, 4)], 1))]
    module = net.finish()
    PruneAnalyzePass().apply(Context(), module)
    PruneScorePass(criterion="random", seed=seed).apply(Context(), module)
    PruneSelectPass(ratio=0.5).apply(Context(), module)
    before = run_network(module, net.store)
    PruneApplyPass().apply(Context(), module)
    assert worst(before, run_network(module, net.store)) < 1e-12
    known = nn.compile_time_values(net.function.body.block.ops)
    kinds = Counter(op.name for op in net.function.body.block.ops if set(op.results) - known)
    assert kinds["nn.gather"] == kinds["nn.slice"] == kinds["nn.pad"] == 0
    channels = {op.shape[1] for op in net.function.body.block.ops if isinstance(op, nn.ConvOp)}
    assert channels == {2, 4}
