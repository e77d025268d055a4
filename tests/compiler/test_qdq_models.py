"""Small QDQ models against onnxruntime: as imported, on integers, and compiled."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from tenonc.compiler import compile, load, run_reference, save_onnx
from tenonc.compiler.cache.key import module_text
from tenonc.compiler.options import CompileOptions
from tenonc.compiler.pipeline import context, parse_pipeline, pipeline_text
from tenonc.dialects.reference import interpreter
from tenonc.passes.qdq.reasons import reasons_of
from tenonc.tools.tenon_opt import main

node = helper.make_node


class Qdq:
    """Nodes and initializers of a QDQ model; every tensor is named by what it is."""

    def __init__(self, dtype=np.uint8):
        self.dtype, self.rng = dtype, np.random.default_rng(7)
        self.nodes, self.constants, self.count = [], {}, 0

    def __call__(self, op_type, *operands, **attributes) -> str:
        self.count += 1
        name = f"{op_type}{self.count}"
        self.nodes.append(node(op_type, list(operands), [name], name=name, **attributes))
        return name

    def constant(self, array) -> str:
        self.count += 1
        self.constants[f"c{self.count}"] = np.asarray(array)
        return f"c{self.count}"

    def quantized(self, x: str, scale: float, zero: int = 128) -> str:
        """x between QuantizeLinear and DequantizeLinear."""
        low = 128 if self.dtype == np.int8 else 0
        pair = self.constant(np.float32(scale)), self.constant(self.dtype(zero - low))
        return self("DequantizeLinear", self("QuantizeLinear", x, *pair), *pair)

    def weights(self, *shape: int, axis: int = 0) -> str:
        fan_in = np.prod(shape) // shape[axis]
        floats = self.rng.standard_normal(shape) * np.sqrt(2 / fan_in)
        others = tuple(i for i in range(len(shape)) if i != axis)
        scale = (np.abs(floats).max(others, keepdims=True) / 127).astype(np.float32)
        q = self.constant(np.rint(floats / scale).astype(np.int8))
        zero = self.constant(np.zeros(shape[axis], np.int8))
        return self("DequantizeLinear", q, self.constant(scale.reshape(-1)), zero, axis=axis)

    def bias(self, channels: int) -> str:
        return self.constant(self.rng.standard_normal(channels).astype(np.float32) / 4)


def residual_net(q: Qdq) -> str:
    """Convolutions with relu and clip, depthwise, pools, a residual, a concat, a table, a mean, a product."""
    x = q.quantized("x", 0.025)
    x = q.quantized(q("Relu", q("Conv", x, q.weights(8, 3, 3, 3), q.bias(8), pads=[1] * 4)), 0.03, 0)
    x = q.quantized(q("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), 0.03, 0)
    y = q("Conv", x, q.weights(8, 1, 3, 3), q.bias(8), pads=[1] * 4, group=8)
    bounds = q.constant(np.float32(0)), q.constant(np.float32(6))
    y = q.quantized(q("Clip", y, *bounds), 0.02, 0)
    z = q.quantized(q("Conv", y, q.weights(8, 8, 1, 1)), 0.04)
    x = q.quantized(q("Relu", q("Add", z, x)), 0.03, 0)
    x = q.quantized(q("Concat", x, y, axis=1), 0.03, 0)
    s = q.quantized(q("Sigmoid", x), 1 / 256, 0)
    x = q.quantized(q("Mul", x, s), 0.02, 0)
    x = q.quantized(q("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2]), 0.02, 0)
    x = q.quantized(q("Flatten", q.quantized(q("GlobalAveragePool", x), 0.01, 0)), 0.01, 0)
    return q.quantized(q("Gemm", x, q.weights(10, 16), q.bias(10), transB=1), 0.02)


def attention(q: Qdq) -> str:
    """Heads, a product of activations, softmax, gelu by erf; the norm stays float."""
    x = q.quantized("x", 0.025)
    heads = []
    for perm in ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]):
        h = q.quantized(q("Add", q("MatMul", x, q.weights(16, 16, axis=1)), q.bias(16)), 0.03)
        split = q("Reshape", h, q.constant(np.array([2, 6, 2, 8])))
        heads.append(q.quantized(q("Transpose", q.quantized(split, 0.03), perm=perm), 0.03))
    scores = q.quantized(q("MatMul", heads[0], heads[1]), 0.1)
    scores = q.quantized(q("Div", scores, q.constant(np.float32(np.sqrt(8)))), 0.035)
    shares = q.quantized(q("Softmax", scores, axis=-1), 1 / 256, 0)
    mixed = q.quantized(
        q("Transpose", q.quantized(q("MatMul", shares, heads[2]), 0.02), perm=[0, 2, 1, 3]), 0.02
    )
    joined = q.quantized(q("Reshape", mixed, q.constant(np.array([2, 6, 16]))), 0.02)
    x = q.quantized(q("Add", x, joined), 0.03)
    scale, shift = (q.constant(np.full(16, value, np.float32)) for value in (1.0, 0.1))
    x = q.quantized(q("LayerNormalization", x, scale, shift), 0.03)
    inner = q("Erf", q("Div", x, q.constant(np.float32(np.sqrt(2)))))
    inner = q("Mul", x, q("Add", inner, q.constant(np.float32(1))))
    return q.quantized(q("Mul", inner, q.constant(np.float32(0.5))), 0.02, 10)


MODELS = {residual_net: ([1, 3, 12, 12], []), attention: ([2, 6, 16], ["nn.normalize standard"])}


@pytest.fixture(params=[np.uint8, np.int8], ids=["u8", "s8"], scope="module")
def dtype(request):
    return request.param


@pytest.fixture(params=MODELS, ids=lambda model: model.__name__)
def case(request, dtype, build):
    """The model, its input, what onnxruntime computes with it, and which ops may stay float."""
    q, (shape, floats) = Qdq(dtype), MODELS[request.param]
    output = request.param(q)
    proto = build(q.nodes, {"x": (TensorProto.FLOAT, shape)}, [output], q.constants)
    x = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    return proto, x, peer(proto, x), floats


def peer(proto, x) -> np.ndarray:
    """onnxruntime's result. Without the option its products of u8 and s8 saturate where there is no VNNI."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(proto.SerializeToString(), options)
    return session.run(None, {"x": x})[0]


def check(got, want):
    """Two steps in 99 % of the elements, and nowhere far away: steps add up from layer to layer."""
    step = 0.02
    error = np.abs(got - want) / step
    assert (error <= 2.01).mean() >= 0.99 and error.max() <= 6
    assert np.ptp(want) > 10 * step


def test_as_imported_and_on_integers(case):
    proto, x, want, floats = case
    model = load(proto)
    before = run_reference(model, {"x": x})[model.outputs[0].name]
    check(before, want)
    for one in parse_pipeline("canonicalize,qdq-to-integer,canonicalize,cse"):
        one.apply(context(), model.module)
    (after,) = interpreter(model.module, model.store).call_op("main", (x,))
    check(after, want)
    assert [row["op"] for row in reasons_of(model.module)] == floats


def test_compiled(case):
    """The same integers as in the interpreter; softmax and norms, which are floats inside, may round one by a
    step the other way, which later layers see."""
    proto, x, want, floats = case
    model = load(proto)
    (got,) = compile(model, cache=False)(x)
    check(got, want)
    for one in parse_pipeline("canonicalize,qdq-to-integer,canonicalize,cse"):
        one.apply(context(), model.module)
    (integers,) = interpreter(model.module, model.store).call_op("main", (x,))
    if floats:
        assert (got == integers).mean() > 0.98
    else:
        np.testing.assert_array_equal(got, integers)


def test_written_back_onnxruntime_computes_the_same_integers(build, tmp_path):
    """Weights of the same extent have equal zero points: shared, onnxruntime would not load them."""
    q = Qdq(np.uint8)
    x = q.quantized("x", 0.025)
    for _ in range(3):
        x = q.quantized(q("Relu", q("Conv", x, q.weights(24, 24, 3, 3), q.bias(24), pads=[1] * 4)), 0.03, 0)
    model = load(build(q.nodes, {"x": (TensorProto.FLOAT, [1, 24, 6, 6])}, [x], q.constants))
    save_onnx(model, tmp_path / "again.onnx")
    proto = onnx.load(tmp_path / "again.onnx")
    bytes_ = {tensor.name for tensor in proto.graph.initializer if tensor.data_type == TensorProto.INT8}
    read = [name for node in proto.graph.node for name in node.input if name in bytes_]
    assert len(read) == len(set(read)) == 6
    given = np.random.default_rng(1).standard_normal((1, 24, 6, 6)).astype(np.float32)
    np.testing.assert_array_equal(peer(proto, given), compile(model, cache=False)(given)[0])


def test_every_pass_keeps_its_promise(build, tmp_path, capfd):
    """Without biases of floats, which are rounded: a step in one layer becomes two in the next. No image has
    as many rows as channels: a tensor in memory would have the shape of another order of dimensions."""
    q = Qdq(np.uint8)
    q.bias = lambda channels: q.constant(np.zeros(channels, np.float32))
    output = residual_net(q)
    model = load(build(q.nodes, {"x": (TensorProto.FLOAT, [1, 3, 10, 10])}, [output], q.constants))
    module, weights = tmp_path / "model.mlir", tmp_path / "model.safetensors"
    module.write_text(module_text(model.module))
    model.store.save(weights)
    passes = pipeline_text(CompileOptions("x86-64-v3"))
    command = [str(module), "--check-semantics", "--weights", str(weights), "-p", passes]
    status = main([*command, "-o", str(tmp_path / "out.mlir")])
    assert not status, capfd.readouterr().err


def test_quantized_at_run_time(build):
    """As onnxruntime.quantization.quantize_dynamic leaves products, with weights of 7 bits: its MatMulInteger
    saturates on others where there is no VNNI."""
    q, x = Qdq(), "x"
    for depth, columns in ((48, 64), (64, 10)):
        q.nodes.append(node("DynamicQuantizeLinear", [x], ["q" + x, "s" + x, "z" + x], name="quantize" + x))
        integers = q.constant(q.rng.integers(-64, 65, (depth, columns)).astype(np.int8))
        zero = q.constant(np.zeros(columns, np.int8))
        scale = q("Mul", "s" + x, q.constant(q.rng.uniform(1e-3, 4e-3, columns).astype(np.float32)))
        sums = q("Cast", q("MatMulInteger", "q" + x, integers, "z" + x, zero), to=TensorProto.FLOAT)
        x = q("Relu", q("Add", q("Mul", sums, scale), q.bias(columns)))
    proto = build(q.nodes, {"x": (TensorProto.FLOAT, [5, 48])}, [x], q.constants)
    given = np.random.default_rng(1).standard_normal((5, 48)).astype(np.float32)
    want, model = peer(proto, given), load(proto)
    (native,) = compile(model, cache=False)(given)
    np.testing.assert_allclose(native, want, rtol=0, atol=1e-5 * np.abs(want).max())
    for one in parse_pipeline("canonicalize,qdq-to-integer,canonicalize,cse"):
        one.apply(context(), model.module)
    (got,) = interpreter(model.module, model.store).call_op("main", (given,))
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-5 * np.abs(want).max())
    names = [op.name for op in model.main.body.block.ops]
    assert names.count("qnn.matmul") == names.count("qnn.dequantize") == 2
