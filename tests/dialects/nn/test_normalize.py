"""The meaning of nn.normalize against torch."""

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.dialects.test import TestOp

from tenonc.dialects import nn
from tenonc.dialects.reference import interpreter

RNG = np.random.default_rng(3)


def evaluate(kind, *arrays, **fields):
    types = [TensorType(nn.element_type(array.dtype), array.shape) for array in arrays]
    op = nn.NormalizeOp(kind, *TestOp(result_types=types).results, **fields)
    op.verify()
    return interpreter(ModuleOp([])).run_op(op, arrays)[0]


def test_standard_and_rms_are_torchs_norms():
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    x, s, b = (RNG.standard_normal(n).astype(np.float32) for n in ((2, 6, 5), (6, 1), (6, 1)))
    tx, ts, tb = map(torch.from_numpy, (x, s, b))
    flat = ts.reshape(-1), tb.reshape(-1)
    rows = torch.from_numpy(s.reshape(-1)[:5].copy())
    for got, want in [
        (evaluate("standard", x, axes=[1, 2], epsilon=0.1), functional.layer_norm(tx, (6, 5), eps=0.1)),
        (
            evaluate("standard", x, s, b, axes=[2], epsilon=0.1),
            functional.instance_norm(tx, eps=0.1) * ts + tb,
        ),
        (
            evaluate("standard", x, s, b, axes=[1, 2], groups=3, epsilon=0.1),
            functional.group_norm(tx, 3, *flat, eps=0.1),
        ),
        (
            evaluate("rms", x, rows.numpy(), axes=[2], epsilon=0.1),
            functional.rms_norm(tx, (5,), rows, eps=0.1),
        ),
        (evaluate("l1", x, axes=[1], epsilon=1e-12), functional.normalize(tx, p=1, dim=1)),
        (evaluate("l2", x, axes=[0], epsilon=5.0), functional.normalize(tx, p=2, dim=0, eps=5.0)),
    ]:
        np.testing.assert_allclose(got, want.numpy(), rtol=2e-6, atol=2e-6)
