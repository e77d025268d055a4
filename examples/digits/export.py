"""Write the trained demo network as ONNX with `onnx.helper`: a plain graph of 25 named nodes, opset 17."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8


class GraphWriter:
    """Nodes and initializers in order; each node is named after its output value."""

    def __init__(self, weights: Mapping[str, np.ndarray], epsilon: float):
        self.weights, self.epsilon = weights, epsilon
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def weight(self, name: str) -> str:
        self.initializers.append(numpy_helper.from_array(self.weights[name], name))
        return name

    def node(self, op_type: str, name: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op_type, list(inputs), [name], name=name, **attributes))
        return name

    def conv_norm(self, x: str, conv: str, norm: str, stride: int = 1) -> str:
        """A 3x3 convolution with batch norm; padding keeps the extent at stride 1."""
        y = self.node(
            "Conv", conv, x, self.weight(f"{conv}.weight"),
            kernel_shape=[3, 3], strides=[stride, stride], pads=[1, 1, 1, 1],
        )  # fmt: skip
        parts = ("weight", "bias", "running_mean", "running_var")
        parameters = [self.weight(f"{norm}.{part}") for part in parts]
        return self.node("BatchNormalization", norm, y, *parameters, epsilon=self.epsilon)

    def conv_norm_relu(self, x: str, conv: str, norm: str, stride: int = 1) -> str:
        return self.node("Relu", f"{conv}.relu", self.conv_norm(x, conv, norm, stride))

    def residual_block(self, x: str, block: str) -> str:
        y = self.conv_norm_relu(x, f"{block}.conv1", f"{block}.norm1")
        y = self.conv_norm(y, f"{block}.conv2", f"{block}.norm2")
        return self.node("Relu", f"{block}.relu", self.node("Add", f"{block}.add", y, x))


def build_graph(writer: GraphWriter) -> onnx.GraphProto:
    """The graph of `train.DigitsNet` followed by softmax: image [1, 1, 8, 8] -> probabilities [1, 10]."""
    x = writer.conv_norm_relu("image", "stem", "stem_norm")
    x = writer.residual_block(x, "block1")
    x = writer.conv_norm_relu(x, "down", "down_norm", stride=2)
    x = writer.residual_block(x, "block2")
    x = writer.node("MaxPool", "pool", x, kernel_shape=[2, 2], strides=[2, 2])
    x = writer.node("GlobalAveragePool", "mean", x)
    x = writer.node("Flatten", "flatten", x, axis=1)
    x = writer.node("Gemm", "dense", x, writer.weight("dense.weight"), writer.weight("dense.bias"), transB=1)
    writer.node("Softmax", "probabilities", x, axis=1)
    return helper.make_graph(
        writer.nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [1, 10])],
        writer.initializers,
    )


def write_onnx(path: Path, weights: Mapping[str, np.ndarray], epsilon: float) -> None:
    """Check the model and write it; `weights` are named as torch's state_dict names them."""
    graph = build_graph(GraphWriter(weights, epsilon))
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="tenon digits"
    )
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
