"""Read a model file as data: decode it and check what holds for a model as a whole."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx import ModelProto, TensorProto

from ...dialects.errors import TenonError
from .wire import WireError, raw_bytes, without_weights

OLDEST_OPSET = 6
OLDEST_IR = 3
DEFAULT_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True)
class Source:
    """Where a model comes from: its name in messages, its folder (None when it came without a file) and the
    bytes that its large weights lie in."""

    name: str = "model"
    folder: Path | None = None
    data: bytes = b""

    def raw(self, tensor: TensorProto) -> memoryview:
        """The raw data of one of the model's tensors."""
        return raw_bytes(tensor, self.data)


def read_model(source: str | os.PathLike[str] | bytes | ModelProto) -> tuple[ModelProto, Source]:
    """The decoded model, its large weights left in the bytes of its source."""
    if isinstance(source, ModelProto):
        # Through its encoded form: a model in memory may be as wrong as one in a file.
        source = _encoded(source)
    if isinstance(source, bytes):
        return _decode(Source(data=source))
    if not isinstance(source, str | os.PathLike):
        kind = type(source).__name__
        raise TenonError(f"cannot load {kind}, expected a path, bytes, ModelProto or torch.nn.Module")
    path = Path(source)
    return _decode(Source(str(path), path.parent, _read_bytes(path)))


def _encoded(model: ModelProto) -> bytes:
    try:
        return model.SerializeToString()
    except (EncodeError, ValueError) as error:
        raise TenonError(f"model: cannot be encoded (2 GB at most): {error}") from None


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise TenonError(f"{path}: is a directory, expected an ONNX file")
    if path.is_char_device() or path.is_block_device():  # some never end
        raise TenonError(f"{path}: is a device, expected an ONNX file")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise TenonError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TenonError(f"{path}: cannot be read: {reason.lower()}") from None


def _decode(source: Source) -> tuple[ModelProto, Source]:
    if not source.data:
        raise TenonError(f"{source.name}: is empty, expected an ONNX model")
    model = ModelProto()
    try:
        model.ParseFromString(without_weights(source.data))
    except (DecodeError, WireError):
        raise TenonError(f"{source.name}: is not an ONNX model, or is truncated") from None
    return model, source


def check_versions(model: ModelProto, name: str) -> int:
    """The model's opset; raises where its opset or IR version is outside what is supported."""
    if not model.HasField("graph") or not model.graph.output:
        raise TenonError(f"{name}: is not an ONNX model: it holds no graph with an output")
    if not OLDEST_IR <= model.ir_version <= onnx.IR_VERSION:
        raise TenonError(f"{name}: IR version {model.ir_version} is outside {OLDEST_IR} to {onnx.IR_VERSION}")
    versions = [entry.version for entry in model.opset_import if entry.domain in DEFAULT_DOMAINS]
    if not versions:
        raise TenonError(f"{name}: imports no opset of the domain ai.onnx")
    check_opset(max(versions), name)
    return max(versions)


def check_opset(version: int, name: str) -> None:
    """Raise where the opset of the model or function `name` is not supported."""
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= version <= newest:
        raise TenonError(f"{name}: opset {version} is outside {OLDEST_OPSET} to {newest}")
