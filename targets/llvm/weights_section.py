"""The section of an object file that holds a model's weights. As LLVM constants 10 MB of weights would take
seconds, so they are put behind what LLVM makes of a placeholder."""

from __future__ import annotations

import numpy as np

from .aliasing import BUFFER_ALIGNMENT
from .elf import object_before

_SECTION = ".rodata.tenon_weights"


def weights_text(symbol: str, visibility: str = "") -> str:
    """LLVM text that defines `symbol`, with a placeholder as its content; `visibility`: `hidden`, or none."""
    lines = [
        f".section {_SECTION},\\22a\\22,@progbits",
        f".balign {BUFFER_ALIGNMENT}",
        f".globl {symbol}",
        *([f".{visibility} {symbol}"] if visibility else []),
        f"{symbol}:",
        ".byte 0",
        ".text",
    ]
    return "".join(f'module asm "{line}"\n' for line in lines)


def object_with_weights(code: bytes, weights: np.ndarray) -> list[bytes | memoryview]:
    """The parts of an object file: `code`, made of a text with `weights_text`, then the weights."""
    return [object_before(code, _SECTION, weights.nbytes, BUFFER_ALIGNMENT), weights.data]
