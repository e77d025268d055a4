"""Pruning: a model without the channels that matter least, made by passes/prune_*.py.

from tenonc import compiler
small = compiler.prune(compiler.load("model.onnx"), ratio=0.5, score="attention", data={"x": images})
compiler.save_onnx(small, "pruned.onnx")
"""
