"""Read a model file as data: decode it and check what holds for a model as a whole."""

from __future__ import annotations

import os
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import ModelProto

from ...dialects.errors import TenonError

OLDEST_OPSET = 7
OLDEST_IR = 3
DEFAULT_DOMAINS = ("", "ai.onnx")


def read_model(source: str | os.PathLike[str] | bytes | ModelProto) -> tuple[ModelProto, Path | None, str]:
    """The decoded model, its folder (None when it came without a file) and a name for messages."""
    if isinstance(source, ModelProto):
        return source, None, "model"
    if isinstance(source, bytes):
        return _decode(source, "model"), None, "model"
    path = Path(source)
    return _decode(_read_bytes(path), str(path)), path.parent, str(path)


def _read_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise TenonError(f"{path}: is a directory, expected an ONNX file")
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise TenonError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TenonError(f"{path}: cannot be read: {reason.lower()}") from None


def _decode(data: bytes, name: str) -> ModelProto:
    if not data:
        raise TenonError(f"{name}: is empty, expected an ONNX model")
    model = ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise TenonError(f"{name}: is not an ONNX model, or is truncated") from None
    return model


def check_versions(model: ModelProto, name: str) -> int:
    """The model's opset; raises where its opset or IR version is outside what is supported."""
    if not model.HasField("graph") or not model.graph.output:
        raise TenonError(f"{name}: is not an ONNX model: it holds no graph with an output")
    if not OLDEST_IR <= model.ir_version <= onnx.IR_VERSION:
        raise TenonError(f"{name}: IR version {model.ir_version} is outside {OLDEST_IR} to {onnx.IR_VERSION}")
    versions = [entry.version for entry in model.opset_import if entry.domain in DEFAULT_DOMAINS]
    if not versions:
        raise TenonError(f"{name}: imports no opset of the domain ai.onnx")
    newest = onnx.defs.onnx_opset_version()
    if not OLDEST_OPSET <= max(versions) <= newest:
        raise TenonError(f"{name}: opset {max(versions)} is outside {OLDEST_OPSET} to {newest}")
    return max(versions)
