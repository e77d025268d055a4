"""The contractions that `tenonc bench --kernels` measures, as ONNX models around them.

Floats stand between elementwise neighbours, so that the kernel reads and writes the layouts it has inside a
network. So do quantized ones, bytes in and out, in both of onnxruntime's formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Case:
    """A contraction: its name, what `make` builds (the first file is compiled, the peers run all),
    multiply-adds, the percent of peak to reach, and whether it is of bytes."""

    name: str
    make: Callable[[], list[bytes]]
    macs: int
    goal: float
    quantized: bool = False


def conv(size: int, inputs: int, outputs: int, kernel: int, stride: int = 1, goal: float = 90) -> Case:
    """relu, convolution (same padding), relu, global average pool; `size` is the input's height, width."""
    out, window = _window(size, kernel, stride)

    def make() -> list[bytes]:
        from onnx import helper

        weights = {"w": he(outputs, inputs, kernel, kernel), "b": he(outputs, 1)[:, 0]}
        nodes = [
            helper.make_node("Relu", ["x"], ["a"], name="before"),
            helper.make_node("Conv", ["a", "w", "b"], ["c"], name="contraction", **window),
            helper.make_node("Relu", ["c"], ["d"], name="after"),
            helper.make_node("GlobalAveragePool", ["d"], ["y"], name="pool"),
        ]
        return [model(nodes, {"x": [1, inputs, size, size]}, {"y": [1, outputs, 1, 1]}, weights)]

    return Case(
        _conv_name(size, inputs, outputs, kernel, stride),
        make,
        out * out * outputs * inputs * kernel**2,
        goal,
    )


def matmul(rows: int, depth: int, columns: int, goal: float = 90) -> Case:
    """A matrix product with constant weights."""

    def make() -> list[bytes]:
        from onnx import helper

        nodes = [helper.make_node("MatMul", ["x", "w"], ["y"], name="contraction")]
        return [model(nodes, {"x": [rows, depth]}, {"y": [rows, columns]}, {"w": he(depth, columns)})]

    return Case(f"matmul {rows}x{depth}x{columns}", make, rows * depth * columns, goal)


def conv8(
    size: int, inputs: int, outputs: int, kernel: int, stride: int = 1, *, groups: int = 1, bits: int = 8
) -> Case:
    """A convolution of u8 by s8, weights of `bits`, scales of channels, and a bias."""
    out, window = _window(size, kernel, stride)
    depth = inputs // groups * kernel**2
    name = _conv_name(size, inputs, outputs, kernel, stride)
    name += f", {groups} groups" if groups > 1 else ""
    x, w = [1, inputs, size, size], [outputs, inputs // groups, kernel, kernel]
    make = partial(_quantized, "Conv", x, w, depth, bits, window | {"group": groups})
    return Case(_int8_name(name, bits), make, out * out * outputs * depth, 80, True)


def matmul8(rows: int, depth: int, columns: int, *, bits: int = 8) -> Case:
    """A product of u8 rows with s8 weights of `bits`, one scale."""
    make = partial(_quantized, "MatMul", [rows, depth], [depth, columns], depth, bits, {})
    return Case(_int8_name(f"matmul {rows}x{depth}x{columns}", bits), make, rows * depth * columns, 80, True)


def _window(size: int, kernel: int, stride: int) -> tuple[int, dict[str, Any]]:
    """The extent of the result, and the attributes of a convolution."""
    pad = kernel // 2
    out = (size + 2 * pad - kernel) // stride + 1
    return out, {"strides": [stride] * 2, "pads": [pad] * 4, "kernel_shape": [kernel] * 2}


def _conv_name(size: int, inputs: int, outputs: int, kernel: int, stride: int) -> str:
    suffix = f", stride {stride}" if stride > 1 else ""
    return f"conv {size}x{size}, {inputs}->{outputs}, {kernel}x{kernel}{suffix}"


def _int8_name(name: str, bits: int) -> str:
    return f"int8 {name}" + (f", {bits}-bit weights" if bits < 8 else "")


def _quantized(
    op: str, x: Sequence[int], w: Sequence[int], depth: int, bits: int, attributes: Mapping[str, Any]
) -> list[bytes]:
    """A product, and the average of what it gives, as QDQ and as QOperator; scales such that results fill
    their bytes."""
    rng, most = np.random.default_rng(depth), (1 << bits - 1) - 1
    channels = (w[0],) if op == "Conv" else ()
    arrays = {
        "s_x": np.float32(0.02), "z_x": np.uint8(128), "w": rng.integers(-most, most + 1, w, np.int8),
        "s_w": np.full(channels, 1 / most, np.float32), "z_w": np.zeros(channels, np.int8),
        "s_y": np.float32(0.02 * depth**0.5), "z_y": np.uint8(128),
        "b": rng.integers(-2000, 2000, channels, np.int32), "s_b": np.full(channels, 0.02 / most, np.float32),
        "z_b": np.zeros(channels, np.int32),
    }  # fmt: skip
    y = [1, w[0], 1, 1] if op == "Conv" else [x[0], w[1]]
    forms = _pairs(op, attributes), _operators(op, attributes)
    return [model(nodes, {"x": x}, {"y": y}, arrays, np.uint8) for nodes in forms]


def _pairs(op: str, attributes: Mapping[str, Any]) -> list[Any]:
    from onnx import helper

    operands = ["x", "w", *(["b"] if op == "Conv" else [])]
    nodes = [
        helper.make_node("DequantizeLinear", [n, f"s_{n}", f"z_{n}"], [f"{n}_f"], **_axis(n))
        for n in operands
    ]
    nodes.append(
        helper.make_node(op, [f"{n}_f" for n in operands], ["c_f"], name="contraction", **attributes)
    )
    result = "c" if op == "Conv" else "y"
    nodes.append(helper.make_node("QuantizeLinear", ["c_f", "s_y", "z_y"], [result], name="rounded"))
    if op == "Conv":
        nodes += [
            helper.make_node("DequantizeLinear", ["c", "s_y", "z_y"], ["d_f"]),
            helper.make_node("GlobalAveragePool", ["d_f"], ["y_f"], name="pool"),
            helper.make_node("QuantizeLinear", ["y_f", "s_y", "z_y"], ["y"], name="averaged"),
        ]
    return nodes


def _operators(op: str, attributes: Mapping[str, Any]) -> list[Any]:
    from onnx import helper

    names = ["x", "s_x", "z_x", "w", "s_w", "z_w", "s_y", "z_y"]
    if op != "Conv":
        return [helper.make_node(f"QLinear{op}", names, ["y"], name="contraction")]
    pool = ["c", "s_y", "z_y", "s_y", "z_y"]
    return [
        helper.make_node("QLinearConv", [*names, "b"], ["c"], name="contraction", **attributes),
        helper.make_node("QLinearGlobalAveragePool", pool, ["y"], name="pool", domain="com.microsoft"),
    ]


def _axis(name: str) -> dict[str, Any]:
    """That of the scales of weights and biases."""
    return {} if name == "x" else {"axis": 0}


def he(*shape: int) -> Array:
    """Seeded normal weights of variance 2 / fan-in."""
    fan_in = int(np.prod(shape[1:])) or 1
    return (np.random.default_rng(len(shape) + shape[0]).standard_normal(shape) * (2 / fan_in) ** 0.5).astype(
        np.float32
    )


def model(
    nodes: Sequence[Any],
    inputs: Mapping[str, Sequence[int]],
    outputs: Mapping[str, Sequence[int]],
    weights: Mapping[str, Array],
    dtype: Any = np.float32,
) -> bytes:
    """The ONNX file of a graph whose inputs and outputs have elements of `dtype`, as bytes."""
    from onnx import helper, numpy_helper

    def values(shapes: Mapping[str, Sequence[int]]):
        element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return [helper.make_tensor_value_info(name, element, shape) for name, shape in shapes.items()]

    read = {name for node in nodes for name in node.input}
    initializers = [
        numpy_helper.from_array(np.asarray(array), name) for name, array in weights.items() if name in read
    ]
    graph = helper.make_graph(list(nodes), "case", values(inputs), values(outputs), initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


CASES = [
    conv(56, 64, 64, 3),
    conv(14, 1024, 256, 1),
    matmul(512, 512, 512),
    conv(13, 100, 72, 3, stride=2, goal=75),
    conv(28, 128, 128, 3),
    conv(7, 512, 512, 3),
    matmul(128, 768, 3072),
    conv8(56, 64, 64, 3),
    conv8(56, 64, 64, 3, bits=7),
    conv8(14, 1024, 256, 1),
    conv8(7, 512, 512, 3),
    conv8(56, 144, 144, 3, groups=144),
    conv8(14, 384, 384, 3, groups=384),
    matmul8(128, 768, 3072),
]
