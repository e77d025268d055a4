"""expand-math: errors in ulp over samples of all floats, special values, and where it applies."""

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects import arith, math
from xdsl.dialects.builtin import AffineMapAttr, ModuleOp, TensorType, bf16, f16, f32, f64
from xdsl.dialects.linalg.attrs import IteratorTypeAttr
from xdsl.dialects.linalg.ops import GenericOp, YieldOp
from xdsl.dialects.tensor import EmptyOp
from xdsl.ir import Block, Region
from xdsl.ir.affine import AffineMap

from tenonc.dialects.nn.numeric import erf
from tenonc.dialects.nn.scalar_builder import ScalarBuilder
from tenonc.dialects.reference import evaluate_body
from tenonc.passes.expand_math import ExpandMathPass, approximations
from tenonc.passes.expand_math.approximations import APPROXIMATIONS

EXACT = {
    math.ExpOp: np.exp,
    math.LogOp: np.log,
    math.TanhOp: np.tanh,
    math.ErfOp: erf,
    math.SinOp: np.sin,
    math.CosOp: np.cos,
}
# Where each function changes most: samples are dense there.
DENSE = {math.ExpOp: (-104, 89), math.LogOp: (0.4, 2.5), math.TanhOp: (-10, 10), math.ErfOp: (-4.2, 4.2)}
DENSE |= {math.SinOp: (-9, 9), math.CosOp: (-9, 9)}
FUNCTIONS = pytest.mark.parametrize("op", EXACT, ids=lambda op: op.name)


def expanded(op):
    """The approximation as a block of one f32 argument."""
    block, builder = Block(arg_types=[f32]), ScalarBuilder()
    result = APPROXIMATIONS[op].emit(builder, block.args[0])
    block.add_ops([*builder.ops, YieldOp(result)])
    return block


def samples(op):
    """Every 4099th float by bits, and a dense run over the interesting range."""
    bits = np.arange(0, 2**32, 4099, np.uint64).astype(np.uint32)
    return np.concatenate([bits.view(np.float32), np.linspace(*DENSE[op], 300_001).astype(np.float32)])


def ulps(found, exact):
    """Error in units in the last place of f32 at the exact value."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(np.float32)
        unit = np.spacing(np.abs(rounded)).astype(np.float64)
        error = np.abs(found.astype(np.float64) - exact) / unit
    same = (found == rounded) | (np.isnan(found) & np.isnan(rounded))
    return np.where(same, 0, error)


@pytest.mark.parametrize("fused", [False, True], ids=["separate", "fused"])
@FUNCTIONS
def test_error(op, fused, monkeypatch):
    if fused:
        monkeypatch.setattr(approximations, "multiply_add", lambda b, x, y, z: b(math.FmaOp, x, y, z))
    x = samples(op)
    (found,) = evaluate_body(expanded(op), [x])
    assert found.dtype == np.float32
    with np.errstate(all="ignore"):
        error = ulps(found, EXACT[op](x.astype(np.float64)))
    assert not np.isnan(error).any()
    worst = np.argmax(error)
    assert error[worst] <= APPROXIMATIONS[op].ulp, f"{error[worst]} ulp at {x[worst]}"


@FUNCTIONS
def test_special_values(op):
    x = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e-45, -1e-45, 1.0], np.float32)
    (found,) = evaluate_body(expanded(op), [x])
    with np.errstate(all="ignore"):
        exact = EXACT[op](x.astype(np.float64))
    np.testing.assert_array_equal(np.isnan(found), np.isnan(exact))
    assert (ulps(found, exact) <= 2).all()
    np.testing.assert_array_equal(np.signbit(found)[~np.isnan(exact)], np.signbit(exact)[~np.isnan(exact)])


def power(x, y):
    """The approximation of pow beside f64's."""
    block, builder = Block(arg_types=[f32, f32]), ScalarBuilder()
    result = APPROXIMATIONS[math.PowFOp].emit(builder, *block.args)
    block.add_ops([*builder.ops, YieldOp(result)])
    with np.errstate(all="ignore"):
        (found,) = evaluate_body(block, [x, y])
        return found, np.power(x.astype(np.float64), y.astype(np.float64))


def test_error_of_power():
    rng = np.random.default_rng(0)
    count = 200_000
    x = np.concatenate([
        rng.integers(0, 2**32, count, dtype=np.uint32).view(np.float32),
        np.exp(rng.normal(0, 1, count)).astype(np.float32),
    ])  # fmt: skip
    y = rng.normal(0, 8, 2 * count).astype(np.float32)
    y[::5] = np.round(y[::5])
    error = ulps(*power(x, y))
    assert not np.isnan(error).any()
    assert error.max() <= APPROXIMATIONS[math.PowFOp].ulp


def test_special_values_of_power():
    special = [0.0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 0.5, -0.5, 2, -2, 3, -3, 1e-45, -1e-45, 3e38, -3e38]
    special += [1e8, 16777217, 0.75, 1.5]
    x, y = (grid.ravel() for grid in np.meshgrid(*[np.array(special, np.float32)] * 2))
    found, exact = power(x, y)
    rounded = exact.astype(np.float32)
    np.testing.assert_array_equal(found, rounded)
    known = ~np.isnan(rounded)
    np.testing.assert_array_equal(np.signbit(found)[known], np.signbit(rounded)[known])


def test_exp_is_correct_at_the_ends_of_the_range():
    x = np.array([-103.9, -103.0, -88.0, 88.72, 88.73, 1000.0, -1000.0], np.float32)
    (found,) = evaluate_body(expanded(math.ExpOp), [x])
    with np.errstate(over="ignore"):
        exact = np.exp(x.astype(np.float64)).astype(np.float32)
    np.testing.assert_array_almost_equal_nulp(found[:4], exact[:4], 2)
    assert found[4] == found[5] == np.inf and found[6] == 0


def module_of(op, element):
    """One linalg.generic that applies `op` to every element."""
    type_ = TensorType(element, [4])
    source, init = EmptyOp([], type_), EmptyOp([], type_)
    block = Block(arg_types=[element, element])
    value = op(block.args[0])
    block.add_ops([value, YieldOp(value)])
    maps = [AffineMapAttr(AffineMap.identity(1))] * 2
    kinds = [IteratorTypeAttr.parallel()]
    inputs, outputs = [source.tensor], [init.tensor]
    return ModuleOp([source, init, GenericOp(inputs, outputs, Region(block), maps, kinds, [type_])])


@pytest.mark.parametrize("element", [f32, f16, bf16], ids=str)
@FUNCTIONS
def test_bodies_of_generics_are_expanded(op, element):
    module = module_of(op, element)
    ExpandMathPass().apply(Context(), module)
    module.verify()
    names = {found.name for found in module.walk()}
    assert op.name not in names and "arith.mulf" in names
    assert (arith.ExtFOp.name in names) == (element != f32)


def test_f64_and_other_functions_stay():
    for op, element in ((math.ExpOp, f64), (math.TanOp, f32)):
        module = module_of(op, element)
        ExpandMathPass().apply(Context(), module)
        assert op.name in {found.name for found in module.walk()}
