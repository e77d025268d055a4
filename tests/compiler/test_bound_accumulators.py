"""What contractions can sum up to: against the sums of the inputs that make them largest and smallest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xdsl.dialects.builtin import FunctionType, ModuleOp, NameLoc, StringAttr, TensorType, UnknownLoc
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Region

from tenonc.compiler.bound_accumulators import bound_accumulators
from tenonc.dialects import nn, qnn
from tenonc.dialects.errors import TenonError
from tenonc.dialects.qnn.intervals import TOTAL_WITHIN, WEIGHTS_WITHIN, noted, result_below
from tenonc.dialects.reference import interpreter


class Program:
    """One op on one argument and constants."""

    def __init__(self, dtype, *shape: int):
        self.store, self.block = nn.WeightStore(), Block()
        self.x = self.block.insert_arg(TensorType(nn.element_type(np.dtype(dtype)), shape), 0)

    def value(self, array):
        op = nn.constant(self.store, np.asarray(array))
        self.block.add_op(op)
        return op.result

    def bound(self, op):
        op.location = NameLoc(StringAttr("sums"), UnknownLoc())
        self.block.add_op(op)
        self.block.add_op(ReturnOp(op.result))
        types = FunctionType.from_lists([self.x.type], [op.result.type])
        self.module = ModuleOp([FuncOp("main", types, Region(self.block))])
        bound_accumulators(self.module, self.store)
        return noted(op, TOTAL_WITHIN)

    def run(self, x):
        (result,) = interpreter(self.module, self.store).call_op("main", (x,))
        return result


@settings(max_examples=25)
@given(st.data())
def test_the_largest_and_smallest_sums_are_reached(data):
    """Of a product with weights: the inputs that make one column extreme are built from its signs."""
    draw, rng = data.draw, np.random.default_rng(data.draw(st.integers(0, 99)))
    a_type, b_type = (
        draw(st.sampled_from([np.uint8, np.int8, np.int16])),
        draw(st.sampled_from([np.uint8, np.int8])),
    )
    info, b_info = np.iinfo(a_type), np.iinfo(b_type)
    depth, columns = draw(st.integers(1, 9)), draw(st.integers(1, 5))
    b = rng.integers(b_info.min, b_info.max, (depth, columns), endpoint=True).astype(b_type)
    zp_b = rng.integers(b_info.min, b_info.max, draw(st.sampled_from([(), (columns,)]))).astype(b_type)
    zp_a, bias = (
        rng.integers(info.min, info.max).astype(a_type),
        rng.integers(-99, 99, columns).astype(np.int32),
    )
    p = Program(a_type, 2 * columns, depth)
    values = [p.value(array) for array in (b, zp_a, zp_b, bias)]
    op = qnn.MatmulOp(p.x, *values)
    total = p.bound(op)
    centred = b.astype(int) - zp_b
    largest = np.where(centred > 0, info.max, info.min).T
    smallest = np.where(centred > 0, info.min, info.max).T
    sums = p.run(np.concatenate([largest, smallest]).astype(a_type))
    assert total == (sums.min(), sums.max())
    assert noted(op, WEIGHTS_WITHIN) == (centred.min(), centred.max())


@settings(max_examples=15)
@given(st.integers(0, 99), st.sampled_from([1, 2]), st.booleans())
def test_convolutions_stay_within(seed, groups, transposed):
    rng = np.random.default_rng(seed)
    p = Program(np.uint8, 1, 2 * groups, 5, 5)
    shape = (2 * groups, 3, 3, 2) if transposed else (3 * groups, 2, 3, 2)
    w = rng.integers(-128, 127, shape, endpoint=True).astype(np.int8)
    zero = rng.integers(-9, 9, 3 * groups).astype(np.int8)
    op = (qnn.ConvTransposeOp if transposed else qnn.ConvOp)(
        p.x,
        *map(p.value, (w, np.uint8(rng.integers(0, 256)), zero)),
        **{"strides": [2, 1], "pads": [1, 0, 0, 1], "dilations": [1, 1], "groups": groups},
    )
    total = p.bound(op)
    assert total is not None
    for _ in range(20):
        x = np.where(rng.random((1, 2 * groups, 5, 5)) < rng.random(), 0, 255).astype(np.uint8)
        sums = p.run(x)
        assert total.low <= sums.min() and sums.max() <= total.high


def test_the_range_of_what_made_an_operand_counts():
    p = Program(np.float32, 4, 8)
    q = qnn.QuantizeOp(p.x, *map(p.value, (np.float32(1), np.uint8(10))), range=(10, 20))
    p.block.add_op(q)
    b, zero = p.value(np.full((8, 1), 3, np.int8)), p.value(np.int8(0))
    assert p.bound(qnn.MatmulOp(q, b, q.zp, zero)) == (0, 8 * 10 * 3)


def test_a_sum_outside_i32_is_an_error():
    p = Program(np.uint8, 1, 16)
    weights = np.full((16, 2), 127, np.int8)
    bias = np.array([0, 2**31 - 100], np.int32)
    op = qnn.MatmulOp(p.x, *map(p.value, (weights, np.uint8(0), np.int8(0), bias)))
    worst = 16 * 255 * 127 + 2**31 - 100
    with pytest.raises(
        TenonError, match=f"^sums: the accumulator may reach {worst}, expected a value of i32$"
    ):
        p.bound(op)


@pytest.mark.parametrize(
    "dtype, zero, contracted", [("int32", 0, False), ("uint8", 200, False), ("uint8", 7, True)]
)
def test_no_result_exceeds_the_magnitude_that_is_noted(dtype, zero, contracted):
    """What is furthest from the zero point, by the largest quotient; behind a product by its largest sum."""
    program = Program(dtype, 3, 4)
    x, width = program.x, 5 if contracted else 4
    s_in, s_out = np.linspace(0.01, 0.5, width).astype(np.float32), np.float32(0.03)
    zp = np.array(zero, dtype)
    if contracted:
        w = np.random.default_rng(0).integers(-9, 9, (4, width))
        product = qnn.MatmulOp(
            x, program.value(w.astype(np.int8)), program.value(zp), program.value(np.int8(0))
        )
        program.block.add_op(product)
        x, zp = product.result, np.int32(0)
    op = qnn.RequantizeOp(
        x, program.value(s_in), program.value(zp), program.value(s_out), program.value(np.int32(0)), axis=1
    )
    program.bound(op)
    ends = np.iinfo(dtype)
    quotients = s_in.astype(np.float64) / np.float64(s_out)
    if contracted:
        sums = np.array(
            [np.where(w > 0, w * a, w * b).sum(0) for a, b in ((255 - zero, -zero), (-zero, 255 - zero))]
        )
        furthest = np.abs(sums).max() * quotients.max()
    else:
        furthest = max(ends.max - zero, zero - ends.min) * quotients.max()
    np.testing.assert_allclose(result_below(op), furthest, rtol=1e-12)


def test_nothing_is_noted_of_scales_of_run_time():
    program = Program(np.float32)
    zp = program.value(np.int8(0))
    x = program.value(np.arange(4, dtype=np.int8))
    op = qnn.RequantizeOp(x, program.x, zp, program.value(np.float32(1)), zp, axis=0)
    program.bound(op)
    assert result_below(op) == np.inf
