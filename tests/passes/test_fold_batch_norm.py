"""fold-batch-norm: same values, no batch norm left, weights folded where only the norm reads the product."""

import numpy as np
import pytest
from xdsl.context import Context
from xdsl.dialects import func
from xdsl.dialects.builtin import ModuleOp, NameLoc, StringAttr, TensorType, UnknownLoc, f32
from xdsl.ir import Block, Region

from tenonc.dialects import nn
from tenonc.dialects.reference import interpreter
from tenonc.passes.fold_batch_norm import FoldBatchNormPass

RNG = np.random.default_rng(1)
STORE = nn.WeightStore()
WINDOW = dict(strides=(1, 1), pads=(1, 1, 1, 1), dilations=(1, 1))


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


class Graph:
    """Builds @main over one input; every op is located by the name of its kind."""

    def __init__(self, *shape):
        self.block = Block(arg_types=[TensorType(f32, shape)])
        self.x = self.block.args[0]

    def emit(self, op):
        op.location = NameLoc(StringAttr(op.name), UnknownLoc())
        self.block.add_op(op)
        return op.results[0]

    def constant(self, array):
        return self.emit(nn.constant(STORE, array))

    def norm(self, x, scale=None):
        channels = x.type.get_shape()[1]
        parameters = [floats(channels), floats(channels), floats(channels), RNG.uniform(0.1, 2, channels)]
        values = [self.constant(p.astype(np.float32)) for p in parameters]
        return self.emit(
            nn.BatchNormOp(x, scale if scale is not None else values[0], *values[1:], epsilon=0.1)
        )

    def conv(self, groups=1, bias=True, w=None):
        inputs = self.x.type.get_shape()[1]
        w = w if w is not None else self.constant(floats(2 * inputs, inputs // groups, 3, 3))
        b = self.constant(floats(2 * inputs)) if bias else None
        return self.emit(nn.ConvOp(self.x, w, b, groups=groups, **WINDOW))

    def finish(self, *results):
        self.block.add_op(func.ReturnOp(*results))
        types = [self.x.type], [r.type for r in results]
        return ModuleOp([func.FuncOp("main", types, Region(self.block))])


def fold(module, shape):
    """Names of the run-time ops after folding, in order."""
    x = floats(*shape)
    before = interpreter(module, STORE).call_op("main", (x,))
    FoldBatchNormPass().apply(Context(), module)
    module.verify()
    after = interpreter(module, STORE).call_op("main", (x,))
    for old, new in zip(before, after, strict=True):
        np.testing.assert_allclose(new, old, rtol=0, atol=2e-6 * np.abs(old).max())
    known = nn.compile_time_values(module.walk())
    return [op for op in module.walk() if isinstance(op, nn.NNOperation) and op.result not in known]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_into_a_convolution(groups, bias):
    graph = Graph(2, 4, 6, 5)
    module = graph.finish(graph.norm(graph.conv(groups, bias)))
    (conv,) = fold(module, (2, 4, 6, 5))
    assert isinstance(conv, nn.ConvOp) and nn.is_compile_time(conv.w) and nn.is_compile_time(conv.bias)
    # The value is now the batch norm's, and so is its name.
    assert conv.location.desc.data == "nn.batch_norm"


def test_into_a_matrix_product():
    graph = Graph(3, 5)
    module = graph.finish(graph.norm(graph.emit(nn.MatmulOp(graph.x, graph.constant(floats(5, 7))))))
    assert [op.name for op in fold(module, (3, 5))] == ["nn.matmul", "nn.elementwise"]


def test_two_in_a_row():
    graph = Graph(2, 4, 6, 5)
    module = graph.finish(graph.norm(graph.norm(graph.conv())))
    assert [op.name for op in fold(module, (2, 4, 6, 5))] == ["nn.conv"]


def test_elsewhere_it_is_a_multiply_add():
    graph = Graph(2, 4, 6, 5)
    module = graph.finish(graph.norm(graph.x))
    assert [op.fn.data for op in fold(module, (2, 4, 6, 5))] == ["mul", "add"]


def test_a_convolution_that_others_read_keeps_its_weights():
    graph = Graph(2, 4, 6, 5)
    conv = graph.conv()
    module = graph.finish(graph.norm(conv), conv)
    names = [op.fn.data if op.name == "nn.elementwise" else op.name for op in fold(module, (2, 4, 6, 5))]
    assert names == ["nn.conv", "mul", "add"]


def test_run_time_parameters_are_computed_at_run_time():
    graph = Graph(4, 4)
    scale = graph.emit(nn.ReduceOp("sum", graph.x, axes=(0,), keepdims=False))
    module = graph.finish(graph.norm(graph.emit(nn.MatmulOp(graph.x, graph.constant(floats(4, 4)))), scale))
    names = [op.name for op in fold(module, (4, 4))]
    assert "nn.batch_norm" not in names and names.count("nn.matmul") == 1
