"""The ONNX exporter; `save_onnx` is its face."""

from .exporter import save_onnx

__all__ = ["save_onnx"]
