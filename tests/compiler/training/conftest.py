"""Models of one op, and the check that torch computes what they mean."""

from collections.abc import Callable

import numpy as np
import pytest
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, TensorType
from xdsl.ir import Block, Region

from tenonc.compiler import Model
from tenonc.dialects import nn
from tenonc.dialects.reference import interpreter

torch = pytest.importorskip("torch")


def build_op(make: Callable, *arrays: np.ndarray, weights: tuple[np.ndarray, ...] = ()) -> Model:
    """@main returns the op that `make` builds of arguments like `arrays`, then constants `weights`."""
    block = Block(arg_types=[TensorType(nn.element_type(a.dtype), a.shape) for a in arrays])
    store = nn.WeightStore()
    constants = [nn.constant(store, array) for array in weights]
    op = make(*block.args, *(constant.result for constant in constants))
    block.add_ops([*constants, op, func.ReturnOp(*op.results)])
    types = list(block.arg_types), [result.type for result in op.results]
    module = ModuleOp([func.FuncOp("main", types, Region(block))])
    module.verify()
    return Model(module, store)


def check_op(make: Callable, *arrays: np.ndarray, gradient: bool = True, weights=()) -> None:
    """The values in f32, as the interpreter has them; then the gradients in f64 of every float."""
    from tenonc.compiler.training import TorchModule

    model = build_op(make, *arrays, weights=weights)
    expected = interpreter(model.module, model.store).call_op("main", arrays)
    found = TorchModule(model).eval()(*map(torch.from_numpy, arrays))
    for got, want in zip((found,) if len(expected) == 1 else found, expected, strict=True):
        got = got.detach().numpy()
        assert (got.shape, got.dtype) == (want.shape, want.dtype)
        finite = np.abs(want[np.isfinite(want)])
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * finite.max(initial=1))
    if gradient:
        wide = TorchModule(model, floats=torch.float64).eval()
        inputs = [torch.from_numpy(a.astype(np.float64) if a.dtype.kind == "f" else a) for a in arrays]
        given = [x.requires_grad_() for x in inputs if x.is_floating_point()]
        assert torch.autograd.gradcheck(lambda *_: wide(*inputs), given, atol=1e-4)


@pytest.fixture(scope="session")
def model_of() -> Callable[..., Model]:
    return build_op


@pytest.fixture(scope="session")
def check() -> Callable[..., None]:
    return check_op
