"""An ONNX graph being written: nodes, initializers, and a name for every value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, ValueInfoProto, helper
from xdsl.dialects.builtin import NameLoc, TensorType
from xdsl.ir import Block, Operation, SSAValue

from ...dialects import nn


class Names:
    """Gives out names, each once."""

    def __init__(self, taken: Sequence[str] = ()):
        self._taken = set(taken)
        self._next: dict[str, int] = {}

    def unique(self, hint: str) -> str:
        name, count = hint, self._next.get(hint, 0)
        while name in self._taken:
            count += 1
            name = f"{hint}_{count}"
        self._next[hint] = count
        self._taken.add(name)
        return name


class Shared:
    """What all graphs of a model share: the names of values, the initializers (equal small ones once), and
    the opset that its ops need."""

    def __init__(self, names: Names, opset: int):
        self.names, self.opset = names, opset
        self.arrays: dict[str, np.ndarray] = {}
        self._known: dict[tuple, str] = {}

    def need_opset(self, version: int) -> None:
        self.opset = max(self.opset, version)

    def initializer(self, array: np.ndarray, hint: str) -> str:
        """The name of a constant."""
        key = (array.dtype.name, array.shape, array.tobytes()) if array.size <= 64 else (id(array),)
        if array.dtype.itemsize == 1 and array.ndim < 2:
            # onnxruntime makes weights of s8 unsigned, and fails where two of them share a zero point.
            key = (array.dtype.name, len(self.arrays))
        if key not in self._known:
            name = self._known[key] = self.names.unique(hint)
            self.arrays[name] = array
        return self._known[key]


class GraphWriter:
    """Nodes of one graph. `evaluate` gives the array of a compile-time value, which becomes an initializer
    when it is first read; `export_block` adds nodes for the ops of a block."""

    def __init__(
        self,
        shared: Shared,
        evaluate: Callable[[SSAValue], np.ndarray],
        export_block: Callable[[GraphWriter, Block], None],
    ):
        self.shared = shared
        self.evaluate, self.export_block = evaluate, export_block
        self.node_names = Names()
        self.nodes: list[NodeProto] = []
        self.values: dict[SSAValue, str] = {}
        self.location = "node"
        self.hint = "value"

    def inner(self) -> GraphWriter:
        """The writer of a subgraph, which reads this graph's values."""
        writer = GraphWriter(self.shared, self.evaluate, self.export_block)
        writer.values, writer.node_names = dict(self.values), self.node_names
        return writer

    def enter(self, op: Operation) -> None:
        """Nodes added from here on come from `op`."""
        location = op.location
        self.location = location.desc.data if isinstance(location, NameLoc) else op.name.split(".")[-1]
        self.hint = (op.results[0].name_hint if op.results else None) or self.location

    def name(self, value: SSAValue) -> str:
        """How `value` is called; a constant becomes an initializer."""
        if value not in self.values:
            self.values[value] = self.shared.initializer(self.evaluate(value), value.name_hint or "constant")
        return self.values[value]

    def constant(self, array: Any, dtype: Any = None) -> str:
        """An initializer that is no value of the module: a shape, a parameter."""
        return self.shared.initializer(np.asarray(array, dtype), "constant")

    def integers(self, values: Sequence[int]) -> str:
        """A tensor of i64, as shapes and axes are."""
        return self.constant(list(values), np.int64)

    def scalar_like(self, number: float, value: SSAValue) -> str:
        """A rank-0 tensor of the element type of `value`."""
        return self.constant(number, dtype_of(value))

    def add(self, op_type: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output; its name. Trailing inputs may be left out with an empty name."""
        return self.add_all(op_type, inputs, 1, **attributes)[0]

    def add_all(self, op_type: str, inputs: Sequence[str], outputs: int, **attributes: Any) -> list[str]:
        """A node with several outputs."""
        trimmed = list(inputs)
        while trimmed and not trimmed[-1]:
            trimmed.pop()
        made = [self.shared.names.unique(self.hint) for _ in range(outputs)]
        node = NodeProto(
            op_type=op_type, name=self.node_names.unique(self.location), input=trimmed, output=made
        )
        for key in sorted(attributes):
            if attributes[key] is not None:
                node.attribute.append(_attribute(key, attributes[key]))
        self.nodes.append(node)
        return made

    def rename(self, name: str, wanted: str, before: int) -> None:
        """Calls a value `wanted` that a rule has just returned as `name`: in the node that makes it, if it is
        the last one and there were `before` nodes before the rule."""
        if len(self.nodes) > before and name in self.nodes[-1].output:
            outputs = self.nodes[-1].output
            outputs[list(outputs).index(name)] = wanted
        else:
            self.copy(name, wanted)

    def copy(self, name: str, wanted: str) -> None:
        """The value `name` under another name."""
        node = NodeProto(op_type="Identity", name=self.node_names.unique("output"))
        node.input.append(name)
        node.output.append(wanted)
        self.nodes.append(node)

    def graph(
        self, name: str, inputs: Sequence[ValueInfoProto], outputs: Sequence[ValueInfoProto]
    ) -> GraphProto:
        return GraphProto(name=name, node=self.nodes, input=inputs, output=outputs)


def _attribute(name: str, value: Any) -> AttributeProto:
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, list):  # an empty list has no type of its own
        return AttributeProto(name=name, type=AttributeProto.INTS, ints=value)
    return helper.make_attribute(name, int(value) if isinstance(value, bool) else value)


def dtype_of(value: SSAValue) -> np.dtype:
    return nn.numpy_dtype(nn.tensor_of(value).element_type)


def element_code(tensor: TensorType) -> int:
    """ONNX's code of the element type."""
    return helper.np_dtype_to_tensor_dtype(nn.numpy_dtype(tensor.element_type))


def value_info(name: str, tensor: TensorType) -> ValueInfoProto:
    return helper.make_tensor_value_info(name, element_code(tensor), tensor.get_shape())


def tensor_bytes(array: np.ndarray) -> np.ndarray:
    """The bytes of a tensor in a file, with small integers and 4-bit floats packed, the first lowest."""
    if bits := next((bits for bits in (2, 4) if array.dtype.name.startswith(_PACKED[bits])), None):
        each = 8 // bits
        codes = np.zeros(-(-array.size // each) * each, np.uint8)
        codes[: array.size] = array.reshape(-1).view(np.uint8) & (1 << bits) - 1
        shifted = codes.reshape(-1, each) << np.arange(0, 8, bits, dtype=np.uint8)
        return np.bitwise_or.reduce(shifted, axis=1)
    flat = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    return flat.reshape(-1).view(np.uint8)


_PACKED = {2: ("int2", "uint2"), 4: ("int4", "uint4", "float4")}


def tensor_proto(name: str, array: np.ndarray) -> TensorProto:
    """`array` as a tensor, without its bytes."""
    return TensorProto(name=name, data_type=helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape)
