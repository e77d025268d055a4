"""LLVM text of a lowered module, and the native code LLVM makes of it; shared by all LLVM targets."""

from .module import emit_llvm as emit_llvm
