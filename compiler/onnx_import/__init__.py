"""The ONNX importer; `load` is its face."""

from .importer import load

__all__ = ["load"]
